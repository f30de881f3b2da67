"""The live stream with many readers on one process: messages a second, latency, memory."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from bench.figures import Figure, percentile, stated
from bench.keep_alive import KeepAlive
from bench.machine import processor_seconds
from bench.measured_network import MeasuredNetwork
from shared.records import JsonObject
from tests.network import PROJECT

_LET_IN_SECONDS = 60.0
_ARRIVE_SECONDS = 300.0
# Far apart enough for one event to reach all readers before the next one is written.
_BETWEEN_SECONDS = 0.2
_LONGEST_LINE = 2**28


class ReadersLost(Exception):
    """Some readers were parted from, so what the others got is no measure."""


@dataclass(frozen=True, slots=True)
class Told:
    """What all readers got."""

    arrivals: dict[int, list[float]]
    """When each event came, once for each reader, by sequence."""
    bytes: int

    @property
    def messages(self) -> int:
        """How many came, once for each reader."""
        return sum(map(len, self.arrivals.values()))


class Readers:
    """Readers in a process of their own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def told(self, messages: int) -> Told:
        """What came, as soon as every reader has had `messages` since the last time.

        Raises:
            ReadersLost: some were parted from.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("the process has no pipes")
        self._process.stdin.write(b"%d\n" % messages)
        async with asyncio.timeout(_ARRIVE_SECONDS):
            found: dict[str, Any] = json.loads(await self._process.stdout.readline())
        if found["lost"]:
            raise ReadersLost(f"{found['lost']} readers have lost their connection")
        arrivals = {int(sequence): times for sequence, times in found["arrivals"].items()}
        return Told(arrivals, found["bytes"])


@asynccontextmanager
async def _reading(url: str, count: int) -> AsyncIterator[Readers]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.stream_readers", url, str(count)),
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    try:
        if process.stdout is None:
            raise ValueError("the process has no pipes")
        async with asyncio.timeout(_LET_IN_SECONDS):
            if await process.stdout.readline() != b"ready\n":
                raise ReadersLost("they were not let in")
        yield Readers(process)
    finally:
        process.terminate()
        await process.wait()


async def measure_streaming(
    network: MeasuredNetwork, count: int, writes: int, burst: list[JsonObject]
) -> list[Figure]:
    """Write some records one after the other, then a burst, while `count` readers listen."""
    before = network.memory()["notify"]
    async with _reading(network.urls["notify"], count) as readers:
        open_to_all = network.memory()["notify"]
        headers = await network.signed_in()
        acknowledged = await asyncio.to_thread(_write_slowly, network.urls, headers, writes)
        single = await readers.told(writes)
        pid = network.pid_of("notify")
        used = processor_seconds(pid)
        loaded = await network.write_partners(burst)
        many = await readers.told(len(loaded.ids))
        used = processor_seconds(pid) - used
        after = network.memory()["notify"]
    readers_of = f"{count:,} readers on one process"
    # An event may come before the writer has read its answer.
    waits = [
        max(0.0, at - acknowledged_at)
        for acknowledged_at, (_, times) in zip(
            acknowledged, sorted(single.arrivals.items()), strict=True
        )
        for at in times
    ]
    spreads = [max(times) - min(times) for times in single.arrivals.values()]
    times = [at for some in many.arrivals.values() for at in some]
    rate = many.messages / (max(times) - min(times))
    length = many.bytes // many.messages
    return [
        stated(
            f"stream, {readers_of}",
            f"{rate:,.0f} messages/s",
            f"{many.messages:,} messages of {length:,} bytes, {len(loaded.ids)} events written at "
            f"{len(loaded.ids) / loaded.seconds:,.0f}/s; "
            f"{used / many.messages * 1e6:.1f} us CPU a message",
        ),
        *(
            stated(
                f"write -> stream, {readers_of}: p{percent}",
                f"{percentile(waits, percent) * 1000:.1f} ms",
                f"{writes} writes, one after the other; first to last reader "
                f"{percentile(spreads, 50) * 1000:.0f} ms (median)",
            )
            for percent in (50, 95)
        ),
        stated(
            f"memory of notify, {readers_of}",
            f"{open_to_all:.0f} MB",
            f"RSS; {before:.0f} MB without them, so {(open_to_all - before) / count * 1024:.1f} KB "
            f"each; {after:.0f} MB after the burst",
        ),
    ]


def _write_slowly(urls: dict[str, str], headers: dict[str, str], writes: int) -> list[float]:
    """Write records one after the other; when each was acknowledged."""
    acknowledged = []
    with KeepAlive(urls["directory"], headers) as directory:
        for number in range(writes):
            time.sleep(_BETWEEN_SECONDS)
            name = {"value": f"Streamed {number}", "kinds": ["display"]}
            directory.post("/partners", orjson.dumps({"level": "national", "names": [name]}))
            acknowledged.append(time.monotonic())
    return acknowledged
