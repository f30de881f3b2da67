"""A bare loop that POSTs bodies over 50 connections: `python -m bench.bare_sender URL FILE`.

It keeps no account of anything; that is what the sending of webhooks is measured against. The file
has one request a line, as JSON with `headers` and `body`.
"""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import orjson
import uvloop

_CONNECTIONS = 50
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


async def _send_all(url: str, requests: list[Sent]) -> None:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:

        async def send(waiting: Iterator[Sent]) -> None:
            for headers, body in waiting:
                async with session.post(url, data=body, headers=headers) as answer:
                    await answer.read()
                    answer.raise_for_status()

        waiting = iter(requests)
        await asyncio.gather(*(send(waiting) for _ in range(_CONNECTIONS)))


def main() -> None:
    """Send what the file has."""
    url, path = sys.argv[1:]
    uvloop.run(_send_all(url, _requests_in(Path(path))))


if __name__ == "__main__":
    main()
