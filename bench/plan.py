"""What is measured in one run, on which database and how much of it."""

import itertools
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.duplicates import measure_duplicates
from bench.figures import Figure, stated
from bench.freshness import measure_freshness
from bench.imports import measure_imports
from bench.machine import processor_seconds
from bench.measured_network import MeasuredNetwork, network_on_postgres, network_on_sqlite
from bench.memory import measure_memory
from bench.reads import measure_reads
from bench.receiving import Receiver, running_receiver
from bench.registry import measure_registry
from bench.ror_records import Records, load_records
from bench.sending import measure_sending
from bench.streaming import measure_streaming
from shared.records import JsonObject

NAMES = (
    "reads",
    "search",
    "duplicates",
    "freshness",
    "sending",
    "memory",
    "streaming",
    "imports",
)
_DATABASES = {
    "SQLite": (network_on_sqlite, set(NAMES) - {"search", "duplicates", "imports"}),
    "PostgreSQL": (network_on_postgres, {"freshness", "sending"}),
}
Measure = Callable[[], Awaitable[list[Figure]]]


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of everything."""

    records: int
    records_on_postgres: int
    round_seconds: float
    registry: int
    imported: int
    queries: int
    writes: int
    webhooks: int
    readers: int
    streamed: int


FULL = Amounts(
    5_000,
    1_000,
    round_seconds=3.0,
    registry=60_000,
    imported=60_000,
    queries=600,
    writes=200,
    webhooks=3_000,
    readers=2_000,
    streamed=200,
)
QUICK = Amounts(
    2_000,
    200,
    round_seconds=1.0,
    registry=2_000,
    imported=5_000,
    queries=150,
    writes=40,
    webhooks=600,
    readers=500,
    streamed=50,
)
_SINGLE_WRITES = 40


def say(line: str) -> None:
    """Tell how far the run has come."""
    print(f"  {time.strftime('%H:%M:%S')}  {line}", flush=True)


def _told(figures: list[Figure]) -> list[Figure]:
    """Tell `figures` as they come: a run that is broken off has no table."""
    for one in figures:
        say(f"  {one.name.strip()}: {one.result}")
    return figures


async def measure_all(wanted: set[str], amounts: Amounts) -> list[Figure]:
    """The figures of what is `wanted`, in the order of the table."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="partner-directory-bench-") as folder:
        if "search" in wanted:
            registry = partial(
                measure_registry,
                Path(folder) / "registry",
                amounts.registry,
                amounts.queries,
                amounts.writes,
                say,
            )
            figures += _told(await _or_failure("search over the registry", registry))
        if "imports" in wanted:
            imports = partial(measure_imports, Path(folder) / "imports", amounts.imported, say)
            figures += _told(await _or_failure("imports", imports))
        if "duplicates" in wanted:
            finding = partial(measure_duplicates, Path(folder) / "duplicates", say)
            figures += _told(await _or_failure("duplicates", finding))
        async with running_receiver() as receiver:
            for database, (on_database, names) in _DATABASES.items():
                if wanted & names:
                    starting = on_database(Path(folder) / database)
                    figures += await _or_failure(
                        database,
                        partial(_measure_on, database, starting, receiver, wanted & names, amounts),
                    )
    return figures


async def _measure_on(
    database: str,
    starting: AbstractAsyncContextManager[MeasuredNetwork],
    receiver: Receiver,
    wanted: set[str],
    amounts: Amounts,
) -> list[Figure]:
    records = load_records(amounts.records if database == "SQLite" else amounts.records_on_postgres)
    say(f"{database}: starting the services")
    async with starting as network:
        say(f"{database}: loading {records.source}")
        pid = network.pid_of("directory")
        before = processor_seconds(pid)
        loaded = await network.write_partners(records.bodies)
        used = (processor_seconds(pid) - before) / len(loaded.ids) * 1000
        await network.wait_indexed(len(loaded.ids))
        await network.wait_compared()
        how = f"{records.source}, {loaded.refused} refused; 8 writers; {used:.1f} ms CPU each"
        rate = f"{len(loaded.ids) / loaded.seconds:,.0f}/s"
        figures = [stated(f"POST /partners, {database}", rate, how)]
        measures = _measures(network, receiver, records, loaded.ids, amounts, database)
        for name in NAMES:
            if name in wanted:
                say(f"{database}: measuring {name}")
                figures += _told(await _or_failure(f"{name}, {database}", measures[name]))
    return figures


async def _or_failure(name: str, measure: Measure) -> list[Figure]:
    try:
        return await measure()
    except Exception as error:
        # One part that fails must not take the figures of the others with it; it becomes a line.
        say(f"{name} failed:\n{traceback.format_exc()}")
        return [stated(name, "failed", repr(error)[:100])]


def _measures(
    network: MeasuredNetwork,
    receiver: Receiver,
    records: Records,
    ids: list[str],
    amounts: Amounts,
    database: str,
) -> dict[str, Measure]:
    async def memory() -> list[Figure]:
        return measure_memory(network)

    backlog = _without_identifiers(records.bodies, amounts.webhooks)
    return {
        "reads": lambda: measure_reads(network, ids, amounts.round_seconds),
        "freshness": lambda: measure_freshness(network, receiver, amounts.writes, database),
        "sending": lambda: measure_sending(network, receiver, backlog, database),
        "memory": memory,
        "streaming": lambda: measure_streaming(
            network, amounts.readers, _SINGLE_WRITES, backlog[: amounts.streamed]
        ),
    }


def _without_identifiers(bodies: list[JsonObject], count: int) -> list[JsonObject]:
    """`count` records like those, but such as may be written although those are there."""
    return [
        {**body, "external_ids": []} for body in itertools.islice(itertools.cycle(bodies), count)
    ]
