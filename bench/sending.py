"""Webhooks sent a second, as a share of a bare aiohttp loop with durable rows and the same bodies.

Another bare loop, which keeps nothing, is stated beside it: what durability and all else cost.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import orjson

from bench.figures import Figure, median, percentile, ratio_at_least, spread, stated
from bench.measured_network import MeasuredNetwork, run_quietly
from bench.receiving import Arrival, Receiver, Registered, subscribed, verify
from shared.records import JsonObject
from tests.waiting import wait_until

_LEAST = 0.5
_BARE_ROUNDS = 3
_ARRIVE_SECONDS = 300.0
_WEBHOOKS = 4
_ENDPOINTS = 1_000
_FAN_OUTS = 5


async def measure_sending(
    network: MeasuredNetwork, receiver: Receiver, bodies: list[JsonObject], database: str
) -> list[Figure]:
    """Let a backlog pile up while the webhooks are paused, then time what comes once all are on.

    So the time has the leases, the requests and the rows of what they came to in it, but not the
    second that notify needs to switch four webhooks on. What was missed while notify was away is
    timed apart: there the log is read and fanned out as well.
    """
    async with AsyncExitStack() as stack:
        webhooks = [
            await stack.enter_async_context(subscribed(network, receiver)) for _ in range(_WEBHOOKS)
        ]
        await _switch(network, webhooks, "paused")
        loaded = await network.write_partners(bodies)
        count = _WEBHOOKS * len(loaded.ids)
        await _wait_owed(network, count)
        await network.wait_compared()
        await _switch(network, webhooks, "active")
        began_at = time.monotonic()
        arrivals = await receiver.arrivals(count, _ARRIVE_SECONDS)
    await receiver.empty()
    ours = _per_second([arrival for arrival in arrivals if arrival.at > began_at])
    rows = network.environment.get("NOTIFY_DATABASE_URL", str(network.folder / "bare.db"))
    durable = await _send_bare(network.folder, receiver, arrivals, rows)
    bare = await _send_bare(network.folder, receiver, arrivals)
    length = sum(len(arrival.body) for arrival in arrivals) // len(arrivals)
    how = (
        f"{ours:,.0f}/s against {median(durable):,.0f}/s of a bare loop with durable rows (50 "
        f"connections, {_BARE_ROUNDS} rounds "
        f"{spread([rate / median(durable) for rate in durable])}); {len(loaded.ids)} events of "
        f"{length:,} bytes to {_WEBHOOKS} webhooks"
    )
    kept_nothing = f"{ours / median(bare):.2f} x", f"that one: {median(bare):,.0f}/s"
    return [
        ratio_at_least(f"webhooks sent, {database}", ours / median(durable), _LEAST, how),
        stated("  against a loop that keeps nothing", *kept_nothing),
        await _after_an_outage(network, receiver, bodies, database, median(durable)),
        await _fan_out(network, receiver, database),
    ]


async def _switch(network: MeasuredNetwork, webhooks: list[Registered], state: str) -> None:
    for webhook in webhooks:
        answer = await network.client.patch(
            f"{network.urls['notify']}/webhooks/{webhook.id}",
            json={"state": state},
            headers=await network.signed_in(),
        )
        answer.raise_for_status()


async def _wait_owed(network: MeasuredNetwork, count: int) -> None:
    async def are_owed() -> bool:
        metrics = await network.client.get(f"{network.urls['notify']}/metrics")
        [line] = [
            line
            for line in metrics.text.splitlines()
            if line.startswith('webhook_deliveries{state="pending"}')
        ]
        return float(line.split()[-1]) >= count

    await wait_until(are_owed, f"{count} deliveries are owed", _ARRIVE_SECONDS)


async def _after_an_outage(
    network: MeasuredNetwork,
    receiver: Receiver,
    bodies: list[JsonObject],
    database: str,
    bare: float,
) -> Figure:
    """What a webhook gets of a backlog on the log, from the first arrival to the last."""
    async with subscribed(network, receiver) as webhook:
        await network.stop("notify")
        loaded = await network.write_partners(bodies)
        await network.wait_compared()
        await network.restart("notify")
        arrivals = await receiver.arrivals(len(loaded.ids), _ARRIVE_SECONDS)
    await receiver.empty()
    verify(arrivals, webhook.secret)
    ours = _per_second(arrivals)
    how = f"{ours / bare:.2f} x; {len(arrivals)} events, read from the log and fanned out too"
    return stated(f"  after an outage of notify, {database}", f"{ours:,.0f}/s", how)


async def _fan_out(network: MeasuredNetwork, receiver: Receiver, database: str) -> Figure:
    """How long after a write was acknowledged the last of a thousand endpoints has its event."""
    seconds = []
    async with _many_webhooks(network, receiver):
        for number in range(_FAN_OUTS):
            started = time.monotonic()
            body = {
                "level": "national",
                "names": [{"value": f"Fanned out {number}", "kinds": ["display"]}],
            }
            await network.write_partners([body])
            arrivals = await receiver.arrivals(_ENDPOINTS, _ARRIVE_SECONDS)
            seconds.append(max(arrival.at for arrival in arrivals) - started)
            await receiver.empty()
    how = f"one event to {_ENDPOINTS:,} endpoints, {_FAN_OUTS} times; write included"
    result = f"{percentile(seconds, 50):.2f} s"
    return stated(f"  the last of {_ENDPOINTS:,} endpoints, {database}", result, how)


@asynccontextmanager
async def _many_webhooks(network: MeasuredNetwork, receiver: Receiver) -> AsyncIterator[None]:
    url, made = f"{network.urls['notify']}/webhooks", []
    for number in range(_ENDPOINTS):
        answer = await network.client.post(
            url,
            json={"url": f"{receiver.url}?endpoint={number}", "event_types": ["partner.created"]},
            headers=await network.signed_in(),
        )
        answer.raise_for_status()
        made.append(answer.json()["id"])
    try:
        yield
    finally:
        for webhook_id in made:
            headers = await network.signed_in()
            (await network.client.delete(f"{url}/{webhook_id}", headers=headers)).raise_for_status()


def _per_second(arrivals: list[Arrival]) -> float:
    times = [arrival.at for arrival in arrivals]
    return (len(times) - 1) / (max(times) - min(times))


async def _send_bare(
    folder: Path, receiver: Receiver, arrivals: list[Arrival], rows: str | None = None
) -> list[float]:
    """Send again what has arrived, by the bare loop; arrivals a second of each round."""
    file = folder / "requests.ndjson"
    lines = [orjson.dumps({"headers": one.headers, "body": one.body}) for one in arrivals]
    file.write_bytes(b"\n".join(lines))
    command = ["bench.bare_sender", receiver.url, str(file), *([rows] if rows else [])]
    rates = []
    for _ in range(_BARE_ROUNDS):
        await asyncio.to_thread(run_quietly, *command)
        rates.append(_per_second(await receiver.arrivals(len(arrivals), _ARRIVE_SECONDS)))
        await receiver.empty()
    return rates
