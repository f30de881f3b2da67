"""One run of chaos: endpoints in trouble, and blows against all that serves them."""

import asyncio
import os
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from tests.databases_for_tests import Postgres
from tests.flows import troubled_endpoints as kinds
from tests.flows.owed import Records
from tests.flows.troubled_endpoints import Endpoint, Trouble
from tests.flows.writing import COUNTRIES, Writer
from tests.network import Network, pause
from tests.waiting import wait_until

LONG = bool(os.environ.get("LONG"))


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is in a run."""

    events: int
    writers: int
    partners: int
    rounds: int
    """So often each worker is killed twice, and everything else once."""
    pause_seconds: float
    """Between two blows."""
    settle_seconds: float


SIZE = Size(20_000, 8, 1_000, 5, 4.0, 600.0) if LONG else Size(900, 6, 180, 1, 0.6, 120.0)
SETTINGS = {
    "TOKEN_SECONDS": "3600",
    # Nobody is given up for being away: what is owed waits for hundreds of attempts. In the long
    # form thousands wait for those in trouble, and would keep both cores busy by being tried often.
    "WEBHOOK_RETRY_SECONDS": "0,0.5,1,2" + (",4,8,15,30" + ",60" * 200 if LONG else ",4" * 500),
    "WEBHOOK_OVERLOAD_SECONDS": "1",
    "WEBHOOK_TIMEOUT_SECONDS": "5",
    "WEBHOOK_CONNECT_TIMEOUT_SECONDS": "3",
    "WEBHOOK_LEASE_SECONDS": "9",
}


@dataclass(frozen=True, slots=True)
class Many:
    """How many endpoints of a kind there are, in the long form and in the short one."""

    trouble: Trouble
    long: int
    short: int
    get_well: int = 0
    """How many of them are well in the end."""
    everywhere: bool = False


MANY = (
    Many(kinds.healthy, 6, 2, everywhere=True),
    Many(kinds.healthy, 10, 3),
    Many(kinds.slow, 4, 2),
    Many(kinds.flapping, 5, 2, get_well=5),
    Many(kinds.hanging, 4, 2, get_well=1),
    Many(kinds.dead, 4, 2, get_well=1),
    Many(kinds.redirecting, 2, 1),
    Many(kinds.gone, 2, 1, get_well=2),
    Many(kinds.overloaded, 4, 2, get_well=4),
    Many(kinds.closing_in_the_body, 3, 1),
    Many(kinds.closing_at_once, 2, 1, get_well=2),
    Many(kinds.speaking_garbage, 2, 1, get_well=2),
    Many(kinds.answering_without_end, 2, 1),
)
TAKE_ALL = (
    kinds.healthy,
    kinds.slow,
    kinds.closing_in_the_body,
    kinds.answering_without_end,
)


def make_endpoints(trap: Endpoint) -> list[Endpoint]:
    """The endpoints of a run, `ordered` and `fast` in turn; `trap`: where some of them lead to."""
    made: list[Endpoint] = []
    for many in MANY:
        for number in range(many.long if LONG else many.short):
            made.append(
                Endpoint(
                    f"{many.trouble.__name__} {len(made)}",
                    many.trouble,
                    # A slow one would need minutes for a partner that changes often, in order.
                    ordered=number % 2 == 0 and many.trouble is not kinds.slow,
                    country=None if many.everywhere else COUNTRIES[len(made) % len(COUNTRIES)],
                    elsewhere=trap.url,
                )
            )
    return made


@dataclass
class Chaos:
    """Everything there is in a run."""

    network: Network
    records: Records
    postgres: Postgres | None
    chance: random.Random
    endpoints: list[Endpoint]
    most_bytes: dict[str, int] = field(default_factory=dict)
    """The most memory of its own that each worker was seen to have."""

    def of(self, trouble: Trouble) -> list[Endpoint]:
        """The endpoints that have `trouble`."""
        return [endpoint for endpoint in self.endpoints if endpoint.trouble is trouble]

    async def write_and_strike(self) -> set[tuple[str, int]]:
        """Make the events while everything is struck; the changes that were acknowledged."""
        writers = [
            Writer(self.network, random.Random(self.chance.random()), SIZE.partners // SIZE.writers)
            for _ in range(SIZE.writers)
        ]
        async with asyncio.TaskGroup() as group:
            for writer in writers:
                group.create_task(writer.write(SIZE.events // SIZE.writers))
            group.create_task(self._strike())
        return set().union(*(writer.acknowledged for writer in writers))

    async def _strike(self) -> None:
        network = self.network
        blows = [*network.workers * 2, *network.services, "flush"] * SIZE.rounds
        if self.postgres is not None:
            blows += ["database"] * SIZE.rounds
        self.chance.shuffle(blows)
        for blow in blows:
            await pause(self.chance.uniform(0.3, 1.7) * SIZE.pause_seconds)
            if blow == "flush":
                await network.flush_broker()
            elif blow == "database":
                await self._kill_database()
            else:
                network.kill(blow)
                await pause(self.chance.uniform(0.0, 0.5))
                await network.restart(blow)

    async def _kill_database(self) -> None:
        assert self.postgres is not None
        await asyncio.to_thread(self.postgres.kill)
        await pause(self.chance.uniform(0.0, 1.0))
        await asyncio.to_thread(self.postgres.start_again)

    async def weigh_workers(self) -> None:
        """Look once a second how much memory each worker has, until cancelled."""
        while True:
            for name in self.network.workers:
                with suppress(psutil.NoSuchProcess):
                    has = psutil.Process(self.network.processes[name].pid).memory_info()
                    # Without what is mapped from files: SQLite maps its database once for each
                    # connection, pages that they share and that the system takes back at will.
                    own = has.rss - has.shared
                    self.most_bytes[name] = max(own, self.most_bytes.get(name, 0))
            await pause(1.0)

    async def end_troubles(self) -> list[Endpoint]:
        """Let those get well that do; all endpoints that can take all from now on."""
        able = [endpoint for trouble in TAKE_ALL for endpoint in self.of(trouble)]
        for many in MANY:
            for endpoint in self.of(many.trouble)[: many.get_well]:
                if endpoint.trouble is kinds.gone:
                    await self._wait_until_disabled(endpoint)
                endpoint.is_well = True
                if endpoint.trouble is kinds.dead:
                    await endpoint.listen()
                if endpoint.trouble is kinds.gone:
                    await self.records.change(endpoint, state="active")
                able.append(endpoint)
        return able

    async def _wait_until_disabled(self, endpoint: Endpoint) -> None:
        async def is_disabled() -> bool:
            return bool((await self.records.webhook(endpoint))["state"] == "disabled")

        await wait_until(is_disabled, f"{endpoint.name} is disabled")
        endpoint.refused = await self.records.events_of(endpoint, "dead")


async def until_all_is_taken(
    able: Sequence[Endpoint], expected: dict[str, set[str]]
) -> dict[str, float]:
    """Wait until each endpoint has taken what it can; after how many seconds each had."""
    done: dict[str, float] = {}
    clock = asyncio.get_running_loop().time
    started = clock()

    async def have_all() -> bool:
        for endpoint in able:
            wanted = expected[endpoint.name]
            if endpoint.name not in done and wanted - endpoint.refused <= endpoint.taken:
                done[endpoint.name] = clock() - started
        return len(done) == len(able)

    try:
        await wait_until(have_all, "every endpoint has all that it can take", SIZE.settle_seconds)
    except AssertionError as error:
        missing = {
            one.name: len(expected[one.name] - one.refused - one.taken)
            for one in able
            if one.name not in done
        }
        raise AssertionError(f"{error}: {missing} events are missing") from None
    return done
