"""Writers: they change partners of their own, whatever happens to the directory meanwhile."""

import random
import secrets
from typing import Any

import aiohttp
import httpx

from tests.network import Network, pause

# It may be killed again while it starts.
_RECOVERY_SECONDS = 120
COUNTRIES = ("GB", "IE", "FR", "DE", "NL", "ES", "IT", "SE", "PL", "CA")


class Writer:
    """Changes its own partners, one change after the other; `aiohttp`, for it costs little."""

    def __init__(self, network: Network, chance: random.Random, partners: int) -> None:
        self._network = network
        self._chance = chance
        self._url = f"{network.urls['directory']}/partners"
        self._most = partners
        self._versions: dict[str, int] = {}
        self._headers: dict[str, str] = {}
        self.acknowledged: set[tuple[str, int]] = set()

    async def write(self, count: int) -> None:
        """Make `count` changes that are acknowledged."""
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while len(self.acknowledged) < count:
                await pause(self._chance.uniform(0.0, 0.08))
                try:
                    await self._write_once(session)
                except (aiohttp.ClientError, httpx.HTTPError, TimeoutError):
                    # The directory is away, perhaps after it has committed: where do we stand?
                    await self._recover(session)

    async def _write_once(self, session: aiohttp.ClientSession) -> None:
        if not self._headers:
            self._headers = await self._network.signed_in()
        if len(self._versions) < self._most:
            name = f"Partner {secrets.token_hex(8)}"
            body: dict[str, Any] = {
                "level": "local",
                "names": [{"value": name, "kinds": ["display"]}],
                "country": self._chance.choice(COUNTRIES),
            }
            asked = session.post(self._url, json=body, headers=self._headers)
        else:
            partner_id = self._chance.choice(list(self._versions))
            asked = session.patch(
                f"{self._url}/{partner_id}",
                json={"description": {"en": f"Change {secrets.token_hex(8)}"}},
                headers={**self._headers, "If-Match": f'"{self._versions[partner_id]}"'},
            )
        async with asked as answer:
            answer.raise_for_status()
            record = await answer.json()
        self._versions[record["id"]] = record["version"]
        self.acknowledged.add((record["id"], record["version"]))

    async def _recover(self, session: aiohttp.ClientSession) -> None:
        self._headers = {}
        await self._network.wait_ready("directory", seconds=_RECOVERY_SECONDS)
        for partner_id in self._versions:
            try:
                async with session.get(f"{self._url}/{partner_id}") as answer:
                    answer.raise_for_status()
                    self._versions[partner_id] = (await answer.json())["version"]
            except (aiohttp.ClientError, TimeoutError):
                return
