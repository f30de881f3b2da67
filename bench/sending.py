"""Webhooks sent a second, each a durable row, as a share of a bare loop with the same bodies."""

import asyncio
from pathlib import Path

import orjson

from bench.figures import Figure, median, ratio_at_least, spread
from bench.measured_network import MeasuredNetwork, run_quietly
from bench.receiving import Arrival, Receiver, subscribed, verify
from shared.records import JsonObject

_LEAST = 0.5
_BARE_ROUNDS = 3
_ARRIVE_SECONDS = 300.0


async def measure_sending(
    network: MeasuredNetwork, receiver: Receiver, bodies: list[JsonObject], database: str
) -> list[Figure]:
    """Let a backlog pile up while notify is away, then time from its first to its last arrival.

    So the time has everything in it: reading the log, the rows, the requests and their outcomes.
    """
    async with subscribed(network, receiver) as webhook:
        await network.stop("notify")
        loaded = await network.write_partners(bodies)
        await network.restart("notify")
        arrivals = await receiver.arrivals(len(loaded.ids), _ARRIVE_SECONDS)
    await receiver.empty()
    verify(arrivals, webhook.secret)
    ours = _per_second(arrivals)
    bare = await _send_bare(network.folder, receiver, arrivals)
    length = sum(len(arrival.body) for arrival in arrivals) // len(arrivals)
    how = (
        f"{ours:,.0f}/s against {median(bare):,.0f}/s bare (50 connections, {_BARE_ROUNDS} rounds "
        f"{spread([rate / median(bare) for rate in bare])}); {len(arrivals)} events of "
        f"{length:,} bytes, one webhook"
    )
    return [ratio_at_least(f"webhooks sent, {database}", ours / median(bare), _LEAST, how)]


def _per_second(arrivals: list[Arrival]) -> float:
    times = [arrival.at for arrival in arrivals]
    return (len(times) - 1) / (max(times) - min(times))


async def _send_bare(folder: Path, receiver: Receiver, arrivals: list[Arrival]) -> list[float]:
    """Send again what has arrived, by the bare loop; arrivals a second of each round."""
    file = folder / "requests.ndjson"
    lines = [orjson.dumps({"headers": one.headers, "body": one.body}) for one in arrivals]
    file.write_bytes(b"\n".join(lines))
    rates = []
    for _ in range(_BARE_ROUNDS):
        await asyncio.to_thread(run_quietly, "bench.bare_sender", receiver.url, str(file))
        rates.append(_per_second(await receiver.arrivals(len(arrivals), _ARRIVE_SECONDS)))
        await receiver.empty()
    return rates
