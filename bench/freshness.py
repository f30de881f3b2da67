"""How long after a write was acknowledged it is found by a search, and told to a webhook."""

import asyncio
import secrets
import time
from dataclasses import dataclass

import orjson

from bench.figures import Figure, percentile, within_milliseconds
from bench.keep_alive import KeepAlive
from bench.measured_network import MeasuredNetwork
from bench.receiving import Receiver, subscribed, verify

_MOST_MILLISECONDS = 100.0
_LOOK_EVERY_SECONDS = 0.002
_GIVE_UP_SECONDS = 10.0
_ARRIVE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Written:
    id: str
    acknowledged_at: float
    found_at: float


class NeverFound(Exception):
    """A record that was written cannot be searched for."""


async def measure_freshness(
    network: MeasuredNetwork, receiver: Receiver, writes: int, database: str
) -> list[Figure]:
    """Write records one after the other, each after the one before was found."""
    async with subscribed(network, receiver) as webhook:
        headers = await network.signed_in()
        written = await asyncio.to_thread(_write_all, network.urls, headers, writes)
        arrivals = await receiver.arrivals(writes, _ARRIVE_SECONDS)
    await receiver.empty()
    verify(arrivals, webhook.secret)
    arrived_at = {arrival.record_id: arrival.at for arrival in reversed(arrivals)}
    searchable = [one.found_at - one.acknowledged_at for one in written]
    # A webhook may come before the writer has read its answer.
    received = [max(0.0, arrived_at[one.id] - one.acknowledged_at) for one in written]
    how = f"{writes} writes, one after the other"
    looked = f"{how}; looked every {_LOOK_EVERY_SECONDS * 1000:.0f} ms"
    return [
        *_latencies(f"write -> searchable, {database}", searchable, looked),
        *_latencies(f"write -> webhook, {database}", received, f"{how}; signatures verified"),
    ]


def _latencies(name: str, seconds: list[float], how: str) -> list[Figure]:
    return [
        within_milliseconds(f"{name}: p{percent}", value, _MOST_MILLISECONDS, how)
        for percent, value in ((part, percentile(seconds, part)) for part in (50, 95))
    ]


def _write_all(urls: dict[str, str], headers: dict[str, str], writes: int) -> list[_Written]:
    with KeepAlive(urls["directory"], headers) as directory, KeepAlive(urls["search"]) as search:
        return [write_and_find(directory, search) for _ in range(writes)]


def write_and_find(directory: KeepAlive, search: KeepAlive) -> _Written:
    """Write a record with a word of its own, and search for that until it is found.

    Raises:
        NeverFound: it is not found within some seconds.
    """
    word = f"kestrel{secrets.token_hex(6)}"
    body = {"level": "national", "names": [{"value": f"Institute {word}", "kinds": ["display"]}]}
    record = orjson.loads(directory.post("/partners", orjson.dumps(body)))
    acknowledged_at = time.monotonic()
    while not orjson.loads(search.get(f"/search?q={word}"))["total"]:
        if time.monotonic() > acknowledged_at + _GIVE_UP_SECONDS:
            raise NeverFound(f"{record['id']} is not found after {_GIVE_UP_SECONDS:.0f} s")
        time.sleep(_LOOK_EVERY_SECONDS)
    return _Written(record["id"], acknowledged_at, time.monotonic())
