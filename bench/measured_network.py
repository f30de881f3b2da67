"""The network that is measured: the real services, loaded with records, on either database."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg

from bench.machine import resident_megabytes
from shared.records import JsonObject
from tests.databases_for_tests import postgres_server
from tests.network import SERVICES, Network
from tests.waiting import wait_until

_WRITERS = 8
_STOP_SECONDS = 20
_CATCH_UP_SECONDS = 120
_COMPARE_SECONDS = 1_200
_REFUSED = (409, 422)
# As many as are measured; what an account may have by default is fewer.
_SETTINGS = {"WEBHOOKS_PER_ACCOUNT": "2000"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of writing many records."""

    ids: list[str]
    refused: int
    seconds: float


class MeasuredNetwork(Network):
    """The network with prepared bytes beside the answers of directory and search."""

    def _command(self, name: str) -> list[str]:
        if name in {"directory", "search"}:
            return [sys.executable, "-m", f"bench.reference_{name}"]
        return super()._command(name)

    async def stop(self, name: str) -> None:
        """Let a process end as a deployment does."""
        process = self.processes[name]
        process.terminate()
        await asyncio.to_thread(process.wait, _STOP_SECONDS)

    def pid_of(self, name: str) -> int:
        """The process id of a part."""
        return self.processes[name].pid

    def memory(self) -> dict[str, float]:
        """Megabytes that each process holds."""
        return {name: resident_megabytes(process.pid) for name, process in self.processes.items()}

    async def prepare(self, service: str, name: str, body: bytes) -> str:
        """Let `service` answer with `body` as prepared bytes; the address."""
        url = f"{self.urls[service]}/prepared/{name}"
        answer = await self.client.put(url, content=body)
        answer.raise_for_status()
        return url

    async def write_partners(self, bodies: Sequence[JsonObject]) -> Loaded:
        """Add partners, some at a time.

        A record that breaks a rule of ours, such as one identifier for two partners, is passed
        over and counted.
        """
        waiting, ids, refused = list(reversed(bodies)), list[str](), 0
        started = time.monotonic()
        async with aiohttp.ClientSession(headers=await self.signed_in()) as session:

            async def write() -> None:
                nonlocal refused
                while waiting:
                    url = f"{self.urls['directory']}/partners"
                    async with session.post(url, json=waiting.pop()) as answer:
                        if answer.status in _REFUSED:
                            refused += 1
                            continue
                        answer.raise_for_status()
                        ids.append((await answer.json())["id"])

            await asyncio.gather(*(write() for _ in range(_WRITERS)))
        return Loaded(ids, refused, time.monotonic() - started)

    async def wait_indexed(self, count: int) -> None:
        """Wait until search has `count` partners."""

        async def has_all() -> bool:
            found = await self.client.get(f"{self.urls['search']}/search", params={"limit": 1})
            return bool(found.raise_for_status().json()["total"] >= count)

        await wait_until(has_all, f"search has {count} partners", _CATCH_UP_SECONDS)

    async def wait_compared(self) -> None:
        """Wait until the directory looks for duplicates no more: it would take half of the machine.

        References are measured later, when it has come to rest by itself.
        """
        url = f"{self.urls['directory']}/metrics"

        async def is_done() -> bool:
            metrics = (await self.client.get(url)).raise_for_status().text
            return "duplicates_due 0.0" in metrics.splitlines()

        await wait_until(is_done, "the directory has compared all partners", _COMPARE_SECONDS)


@asynccontextmanager
async def network_on_sqlite(folder: Path) -> AsyncIterator[MeasuredNetwork]:
    """The network on SQLite files, as `make run` has it."""
    network = MeasuredNetwork(folder, settings=_SETTINGS)
    async with network:
        yield network


@asynccontextmanager
async def network_on_postgres(folder: Path) -> AsyncIterator[MeasuredNetwork]:
    """The network on a PostgreSQL server whose commits survive a power cut, as they do by default.

    The tests' server gives that up to be quick.
    """
    with postgres_server() as server:
        urls = {name: server.create() for name in SERVICES}
        connection = await asyncpg.connect(urls["directory"])
        try:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                await connection.execute(f"ALTER SYSTEM RESET {setting}")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()
        network = MeasuredNetwork(folder, urls, settings=_SETTINGS)
        async with network:
            yield network


def run_quietly(*command: str) -> str:
    """What `python -m` with `command` prints."""
    found = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=True
    )
    return found.stdout
