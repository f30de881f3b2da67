"""What notify has on record of its webhooks: what was owed to each, and what came of it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.flows.troubled_endpoints import Endpoint
from tests.network import Network
from tests.waiting import wait_until

_PAGE = 200
_AT_ONCE = 4


@dataclass
class Record:
    """The deliveries of one webhook by their events."""

    deliveries: dict[str, dict[str, Any]] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    """Events that it was owed more than once."""

    def states(self) -> set[str]:
        """The states that its deliveries are in."""
        return {delivery["state"] for delivery in self.deliveries.values()}


class Records:
    """Reads from notify over HTTP, as the secretariat."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._headers: dict[str, str] = {}

    async def get(self, path: str, **query: str | int) -> Any:
        """What is at `path`."""
        async with self._turns:
            answer = await self._network.client.get(
                f"{self._network.urls['notify']}{path}",
                params=query,
                headers=await self._signed_in(),
            )
        answer.raise_for_status()
        return answer.json()

    async def webhook(self, endpoint: Endpoint) -> dict[str, Any]:
        """The endpoint's webhook."""
        shown: dict[str, Any] = await self.get(f"/webhooks/{endpoint.webhook_id}")
        return shown

    async def of(self, endpoint: Endpoint) -> Record:
        """All that the endpoint was owed of the log."""
        found, cursor = Record(), dict[str, str]()
        while True:
            page = await self.get(
                f"/webhooks/{endpoint.webhook_id}/deliveries", limit=_PAGE, **cursor
            )
            for delivery in page["items"]:
                if delivery["sequence"] is None:
                    # Notify's own events, such as those of other endpoints that fail.
                    continue
                if delivery["event_id"] in found.deliveries:
                    found.twice.append(delivery["event_id"])
                found.deliveries[delivery["event_id"]] = delivery
            if page["next"] is None:
                return found
            cursor = {"cursor": page["next"]}

    async def settled(self, endpoint: Endpoint, *, is_able: bool) -> Record:
        """The same, once what the endpoint has taken, if it is able to, is written down."""
        found = Record()

        async def is_written_down() -> bool:
            nonlocal found
            found = await self.of(endpoint)
            return not is_able or found.states() <= {"delivered", "dead"}

        await wait_until(is_written_down, f"what {endpoint.name} took is written down", 30.0)
        return found

    async def events_of(self, endpoint: Endpoint, state: str) -> set[str]:
        """Events of the log that the endpoint's latest deliveries in `state` are of."""
        path = f"/webhooks/{endpoint.webhook_id}/deliveries"
        page = await self.get(path, limit=_PAGE, state=state)
        return {one["event_id"] for one in page["items"] if one["sequence"] is not None}

    async def with_attempts(self, delivery: dict[str, Any]) -> dict[str, Any]:
        """The delivery as it is now, with every attempt at it that is on record."""
        shown: dict[str, Any] = await self.get(f"/deliveries/{delivery['id']}")
        return shown

    async def change(self, endpoint: Endpoint, **what: Any) -> None:
        """Change the endpoint's webhook."""
        answer = await self._network.client.patch(
            f"{self._network.urls['notify']}/webhooks/{endpoint.webhook_id}",
            json=what,
            headers=await self._signed_in(),
        )
        answer.raise_for_status()

    async def register(self, endpoint: Endpoint) -> None:
        """Make the endpoint's webhook."""
        answer: httpx.Response = await self._network.client.post(
            f"{self._network.urls['notify']}/webhooks",
            json={
                "url": endpoint.url,
                "event_types": ["*"],
                "filters": {"country": [endpoint.country]} if endpoint.country else {},
                "ordering": "ordered" if endpoint.ordered else "fast",
                "description": endpoint.name,
            },
            headers=await self._signed_in(),
        )
        answer.raise_for_status()
        endpoint.webhook_id = answer.json()["id"]

    async def _signed_in(self) -> dict[str, str]:
        if not self._headers:
            self._headers = await self._network.signed_in()
        return self._headers
