"""The receiver of webhooks as the measurements use it: started, asked, and what it got verified."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from standardwebhooks import Webhook

from bench.measured_network import MeasuredNetwork
from tests.network import PROJECT, free_port
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that the receiver got."""

    at: float
    headers: dict[str, str]
    body: str

    @property
    def record_id(self) -> str:
        """The record that the event is about."""
        return str(orjson.loads(self.body)["subject"])


@dataclass(frozen=True, slots=True)
class Registered:
    """A webhook that leads to the receiver."""

    id: str
    secret: str


class Receiver:
    """A receiver in a process of its own."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self.url = f"{url}/hook"
        self._base = url
        self._client = client

    async def count(self) -> int:
        """How many requests arrived."""
        return int((await self._client.get(f"{self._base}/count")).text)

    async def empty(self) -> None:
        """Forget what arrived."""
        await self._client.delete(f"{self._base}/arrivals")

    async def arrivals(self, count: int, seconds: float) -> list[Arrival]:
        """What arrived, in order, as soon as it is at least `count` requests."""

        async def have_come() -> bool:
            return await self.count() >= count

        await wait_until(have_come, f"{count} webhooks have arrived", seconds)
        answer = await self._client.get(f"{self._base}/arrivals")
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return [Arrival(**one) for one in found]


@asynccontextmanager
async def running_receiver() -> AsyncIterator[Receiver]:
    """A receiver while the block runs."""
    port = free_port()
    command = ("-m", "bench.receiver_process", str(port))
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=PROJECT)
    try:
        async with httpx.AsyncClient(timeout=60) as client:
            receiver = Receiver(f"http://127.0.0.1:{port}", client)

            async def answers() -> bool:
                with suppress(httpx.TransportError):
                    return await receiver.count() == 0
                return False

            await wait_until(answers, "the receiver answers")
            yield receiver
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def subscribed(network: MeasuredNetwork, receiver: Receiver) -> AsyncIterator[Registered]:
    """A webhook for every event, while the block runs."""
    url = f"{network.urls['notify']}/webhooks"
    answer = await network.client.post(
        url,
        json={"url": receiver.url, "event_types": ["*"]},
        headers=await network.signed_in(),
    )
    answer.raise_for_status()
    made = answer.json()
    yield Registered(made["id"], made["secret"])
    gone = await network.client.delete(f"{url}/{made['id']}", headers=await network.signed_in())
    gone.raise_for_status()


def verify(arrivals: list[Arrival], secret: str) -> None:
    """Check each signature as a subscriber does.

    Raises:
        standardwebhooks.WebhookVerificationError: one is wrong.
    """
    webhook = Webhook(secret)
    for arrival in arrivals:
        webhook.verify(arrival.body, arrival.headers)
