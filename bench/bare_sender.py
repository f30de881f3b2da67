"""A bare loop that POSTs bodies over 50 connections: `python -m bench.bare_sender URL FILE [ROWS]`.

The file has one request a line, as JSON with `headers` and `body`. With ROWS, a file or a
PostgreSQL database, each is a durable row that is leased, sent and written down; without, nothing
is kept of anything. That is what the sending of webhooks is measured against.
"""

import asyncio
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import aiohttp
import orjson
import uvloop

from bench.bare_rows import Leased, Outcome, open_rows

_CONNECTIONS = 50
# As many as notify has in hand of a quick endpoint; fewer or more made it no quicker.
_LEASED_AT_ONCE = 300
_KEPT_HEADERS = ("content-type", "user-agent", "webhook-")

Sent = tuple[dict[str, str], bytes]


def _requests_in(path: Path) -> list[Sent]:
    return [
        (
            {
                name: value
                for name, value in found["headers"].items()
                if name.lower().startswith(_KEPT_HEADERS)
            },
            found["body"].encode(),
        )
        for found in map(orjson.loads, path.read_bytes().splitlines())
    ]


class _Bare:
    def __init__(self, session: aiohttp.ClientSession, url: str, requests: Sequence[Sent]) -> None:
        self._session = session
        self._url = url
        self._requests = requests

    async def send(self, leased: Iterable[Leased]) -> list[Outcome]:
        """Send them over all connections; what came of each."""
        waiting, outcomes = iter(leased), list[Outcome]()

        async def send_some() -> None:
            for delivery, number in waiting:
                headers, body = self._requests[delivery]
                at, started = time.time(), time.perf_counter()
                async with self._session.post(self._url, data=body, headers=headers) as answer:
                    text = await answer.text()
                    answer.raise_for_status()
                milliseconds = (time.perf_counter() - started) * 1000
                outcomes.append(Outcome(delivery, number, at, milliseconds, answer.status, text))

        await asyncio.gather(*(send_some() for _ in range(_CONNECTIONS)))
        return outcomes

    async def send_rows(self, where: str) -> None:
        """The same with rows in `where`: a batch is sent while rows are exchanged for the next."""
        rows = await open_rows(where)
        await rows.owe(len(self._requests))
        leased, outcomes = await rows.exchange([], _LEASED_AT_ONCE), list[Outcome]()
        while leased or outcomes:
            leased, outcomes = await asyncio.gather(
                rows.exchange(outcomes, _LEASED_AT_ONCE), self.send(leased)
            )
        await rows.close()


async def _send_all(url: str, requests: list[Sent], where: str | None) -> None:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        bare = _Bare(session, url, requests)
        if where is None:
            await bare.send((number, 1) for number in range(len(requests)))
        else:
            await bare.send_rows(where)


def main() -> None:
    """Send what the file has."""
    url, path, *where = sys.argv[1:]
    uvloop.run(_send_all(url, _requests_in(Path(path)), where[0] if where else None))


if __name__ == "__main__":
    main()
