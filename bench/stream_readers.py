"""Readers of the live stream that note when what came: `python -m bench.stream_readers URL COUNT`.

It says `ready` when all of them are let in. For each line on its input, a number of messages, it
waits until every reader has had so many since the line before, and prints what came as JSON. Times
are those of the monotonic clock, which all processes of a machine share.
"""

import asyncio
import json
import re
import resource
import sys
import time
from collections import defaultdict
from typing import cast
from urllib.parse import urlsplit

import uvloop

_MESSAGE = re.compile(rb"id: ([0-9]+)\nevent: ")
_CONNECTING_AT_ONCE = 100


class _Tally:
    def __init__(self) -> None:
        self.arrivals: defaultdict[bytes, list[float]] = defaultdict(list)
        self.messages = 0
        self.bytes = 0
        self.moved = asyncio.Event()
        self.lost = 0


class _Reader(asyncio.Protocol):
    def __init__(self, request: bytes, tally: _Tally) -> None:
        self.let_in = asyncio.get_running_loop().create_future()
        self._request = request
        self._tally = tally
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes, though they do the same.
        cast(asyncio.Transport, transport).write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.lost += 1
        self._tally.moved.set()
        if not self.let_in.done():
            self.let_in.set_exception(exc or ConnectionError(repr(self._rest[:200])))

    def data_received(self, data: bytes) -> None:
        now, tally = time.monotonic(), self._tally
        tally.bytes += len(data)
        whole, _, self._rest = (self._rest + data).rpartition(b"\n\n")
        if not self.let_in.done() and whole:
            self.let_in.set_result(None)
        found = _MESSAGE.findall(whole)
        for sequence in found:
            tally.arrivals[sequence].append(now)
        if found:
            tally.messages += len(found)
            tally.moved.set()


async def _read(url: str, count: int) -> None:
    parts = urlsplit(url)
    request = f"GET /stream HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    tally = _Tally()
    loop = asyncio.get_running_loop()
    readers: list[_Reader] = []
    while len(readers) < count:
        some = []
        for _ in range(min(_CONNECTING_AT_ONCE, count - len(readers))):
            _, reader = await loop.create_connection(
                lambda: _Reader(request, tally), parts.hostname or "", parts.port or 80
            )
            some.append(reader)
        await asyncio.gather(*(reader.let_in for reader in some))
        readers += some
    print("ready", flush=True)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        while tally.messages < int(line) * count and not tally.lost:
            tally.moved.clear()
            await tally.moved.wait()
        arrivals = {int(sequence): times for sequence, times in tally.arrivals.items()}
        print(json.dumps({"arrivals": arrivals, "bytes": tally.bytes, "lost": tally.lost}))
        sys.stdout.flush()
        tally.arrivals.clear()
        tally.messages, tally.bytes = 0, 0


def main() -> None:
    """Read until the input ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(_read(sys.argv[1], int(sys.argv[2])))


if __name__ == "__main__":
    main()
