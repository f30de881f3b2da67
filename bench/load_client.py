"""Asks one address as fast as it answers, as a process of its own: `python -m bench.load_client`.

It sends the same bytes again on each connection as soon as an answer is whole. A client library
would cost more than the server's answer, and every ratio would come out near one.
"""

import argparse
import asyncio
import json
import re
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass(slots=True)
class _Tally:
    counting: bool = False
    in_window: int = 0
    total: int = 0
    wrong: str = ""


class _Asker(asyncio.Protocol):
    def __init__(self, request: bytes, tally: _Tally) -> None:
        self._request = request
        self._tally = tally
        self._received = bytearray()
        self._whole: int | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes, though they do the same.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.wrong = self._tally.wrong or f"connection lost: {exc!r}"

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if self._whole is None:
            head = received.find(b"\r\n\r\n")
            if head < 0:
                return
            length = _LENGTH.search(received, 0, head)
            if not received.startswith(b"HTTP/1.1 200 ") or length is None:
                self._tally.wrong = received[:head].decode(errors="replace")
                return
            self._whole = head + 4 + int(length[1])
        if len(received) < self._whole or self._transport is None:
            return
        received.clear()
        self._whole = None
        self._tally.total += 1
        self._tally.in_window += self._tally.counting
        self._transport.write(self._request)


async def _ask(url: str, connections: int, seconds: float, warm_up_seconds: float) -> None:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n\r\n".encode()
    tally = _Tally()
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(
            lambda: _Asker(request, tally), parts.hostname or "", parts.port or 80
        )
    await asyncio.sleep(warm_up_seconds)
    tally.counting, begun = True, loop.time()
    await asyncio.sleep(seconds)
    tally.counting, ended = False, loop.time()
    found = {"per_second": tally.in_window / (ended - begun), "total": tally.total}
    print(json.dumps({**found, "wrong": tally.wrong}))


def main() -> None:
    """Ask, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.load_client", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--warm-up-seconds", type=float, default=0.3)
    asked = parser.parse_args()
    uvloop.run(_ask(asked.url, asked.connections, asked.seconds, asked.warm_up_seconds))


if __name__ == "__main__":
    main()
