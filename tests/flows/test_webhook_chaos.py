"""Many endpoints in every kind of trouble, while all that serves them is killed at random.

`CHAOS_SEED` repeats a run; `make test LONG=1` makes 20,000 events for 50 endpoints of them.
"""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from shared.events import EVENT_TYPES
from tests.databases_for_tests import Postgres, postgres_server
from tests.flows import troubled_endpoints as kinds
from tests.flows.chaos import SETTINGS, SIZE, Chaos, make_endpoints, until_all_is_taken
from tests.flows.owed import Record, Records
from tests.flows.troubled_endpoints import Endpoint
from tests.network import Network

WORKERS = {"sqlite": 1, "postgresql": 3}
MOST_MEGABYTES = 250
SAMPLE = 5


@pytest.fixture
def private_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that can be killed without harm to other tests."""
    with postgres_server(durable=True) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def chaos(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Chaos]:
    """The network with workers of notify's own, and endpoints that are registered."""
    seed = int(os.environ.get("CHAOS_SEED", str(secrets.randbelow(1_000_000))))
    print(f"CHAOS_SEED={seed}")
    postgres: Postgres | None = None
    urls: dict[str, str] = {}
    services = ("directory", "notify")
    if request.param == "postgresql":
        postgres = request.getfixturevalue("private_postgres")
        urls = {name: postgres.create() for name in services}
    trap = Endpoint("trap", kinds.healthy, ordered=True, country=None)
    endpoints = make_endpoints(trap)
    network = Network(tmp_path, urls, SETTINGS, services, WORKERS[request.param])
    async with AsyncExitStack() as stack:
        for endpoint in (trap, *endpoints):
            stack.callback(endpoint.close)
            if endpoint.trouble is not kinds.dead:
                await endpoint.listen()
        await stack.enter_async_context(network)
        records = Records(network)
        for endpoint in endpoints:
            await records.register(endpoint)
        yield Chaos(network, records, postgres, random.Random(seed), endpoints)
    assert trap.count == 0, "a redirect was followed"


async def expected_by_name(chaos: Chaos, acknowledged: set[tuple[str, int]]) -> dict[str, set[str]]:
    """Which events each endpoint is to be told of, by the log, on which no change is missing."""
    events = [one for one in await chaos.network.whole_log() if one["type"] in EVENT_TYPES]
    stated = {(one["subject"], one["data"]["record"]["version"]) for one in events}
    assert acknowledged <= stated, "a change that was acknowledged is not on the log"
    return {
        endpoint.name: {
            one["id"]
            for one in events
            if endpoint.country in {None, one["data"]["record"]["country"]}
        }
        for endpoint in chaos.endpoints
    }


def check_order(endpoint: Endpoint) -> None:
    """No record's later event came before an earlier one."""
    for subject, sequences in endpoint.sequences.items():
        assert sequences == sorted(sequences), f"{endpoint.name}: {subject} came out of order"


async def check_record(
    chaos: Chaos, endpoint: Endpoint, expected: set[str], *, is_able: bool
) -> None:
    """What is on record is what happened: owed once, tried as often as it was sent, and taken."""
    # To those that are still in trouble requests go on.
    sent = endpoint.requests.copy()
    record = await chaos.records.settled(endpoint, is_able=is_able)
    name, deliveries = endpoint.name, record.deliveries
    assert not record.twice, f"{name} was owed an event twice"
    assert set(deliveries) == expected, name
    for event_id, count in sent.items():
        assert count <= deliveries[event_id]["attempts"], f"{name}: an attempt is not on record"
    by_state: dict[str, set[str]] = {}
    for event_id, delivery in deliveries.items():
        by_state.setdefault(delivery["state"], set()).add(event_id)
    if is_able:
        assert by_state.get("dead", set()) == endpoint.refused, name
        assert by_state["delivered"] == expected - endpoint.refused, name
        assert by_state["delivered"] <= endpoint.taken, name
    else:
        # It is kept for the time when they can.
        assert set(by_state) <= {"pending", "failed"}, name
    await check_attempts(chaos.records, record)


async def check_attempts(records: Records, record: Record) -> None:
    """The attempts that are on record lead to the delivery's state, the most tried ones' too."""
    tried = sorted(record.deliveries.values(), key=lambda delivery: delivery["attempts"])
    for one in [*tried[:SAMPLE], *tried[-SAMPLE:]]:
        delivery = await records.with_attempts(one)
        numbers = [attempt["number"] for attempt in delivery["attempt_list"]]
        assert numbers == sorted(set(numbers))
        assert set(numbers) <= set(range(1, delivery["attempts"] + 1))
        outcomes = [attempt["outcome"] for attempt in delivery["attempt_list"]]
        last = {"delivered": ["delivered"], "dead": ["gave_up"]}.get(delivery["state"], [])
        assert outcomes[len(outcomes) - len(last) :] == last
        assert set(outcomes[: len(outcomes) - len(last)]) <= {"try_again", "delivered"}


async def test_endpoints_get_all_that_they_can_take(chaos: Chaos) -> None:
    """Counted event by event: nothing is lost, nothing is owed twice, order is kept.

    Each endpoint that can take its events gets them, however the others fare; what the others are
    owed is kept for them. Every attempt is on record, and workers do not grow.
    """
    clock = asyncio.get_running_loop().time
    started = clock()
    weighing = asyncio.create_task(chaos.weigh_workers())
    acknowledged = await chaos.write_and_strike()
    expected = await expected_by_name(chaos, acknowledged)
    struck = clock()
    behind = {one.name: len(expected[one.name] - one.taken) for one in chaos.of(kinds.healthy)}
    able = await chaos.end_troubles()
    done = await until_all_is_taken(able, expected)
    taken = clock()
    weighing.cancel()
    for endpoint in chaos.endpoints:
        if endpoint.ordered:
            check_order(endpoint)
        await check_record(chaos, endpoint, expected[endpoint.name], is_able=endpoint in able)
    megabytes = {name: round(size / 1e6) for name, size in chaos.most_bytes.items()}
    print(f"written and struck in {struck - started:.0f} s, taken {taken - struck:.0f} s later")
    print(f"checked in {clock() - taken:.0f} s; megabytes of the workers: {megabytes}")
    print(f"events: {len(acknowledged)}; deliveries: {sum(map(len, expected.values()))}; ")
    print(f"requests: {sum(one.count for one in chaos.endpoints)}")
    print(f"healthy endpoints were behind by {behind} after the last blow")
    print(f"done after { ({name: round(seconds, 1) for name, seconds in done.items()}) }")
    assert max(megabytes.values()) < MOST_MEGABYTES
    assert SIZE.events <= len(acknowledged)
