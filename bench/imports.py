"""Imports of the registry, as a share of what a bare loop takes for the same rows.

The bare loop parses the same lines, reads them as the import does, validates them with the same
models, and inserts with the drivers' own `executemany` what the import has left in the tables (but
the import's own), into a fresh database of the same schema, some hundred records a transaction.

The import looks for no likely duplicates (`warn=false`), as is usual for so long a file. Reads are
measured once more with all of it loaded, while what came is compared in the background.
"""

import itertools
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import orjson

from bench.figures import Figure, ratio_at_least, stated
from bench.loading import import_file
from bench.machine import own_megabytes, processor_seconds
from bench.measured_network import MeasuredNetwork
from bench.reads import measure_reads
from bench.ror_records import read_registry
from services.directory.formats.ror import read_ror
from services.directory.migrate import FOLDER
from services.directory.partner_write import PartnerWrite
from shared.databases import Database
from shared.migrating import migrate
from tests.databases_for_tests import postgres_server
from tests.waiting import wait_until

_LEAST = 0.4
_CHUNK = 500
_PATIENCE_SECONDS = 900.0
_READ_SECONDS = 2.0
_SETTINGS = {"TOKEN_SECONDS": "3600"}
# In this order they can be inserted; `by` is the column with the partner's id.
_TABLES = {
    "partner": "id",
    "external_id": "partner_id",
    "partner_sector": "partner_id",
    "partner_flag": "partner_id",
    "source_values": "partner_id",
    "partner_version": "partner_id",
    "outbox": "subject",
}
Row = tuple[Any, ...]


class Tables(Protocol):
    """A database, as its driver gives it."""

    async def ids(self) -> list[Any]:
        """All partners, in the order in which they were made."""

    async def rows(self, table: str, by: str, ids: list[Any]) -> list[Row]:
        """The rows of `table` that belong to the partners `ids`."""

    async def insert(self, rows: dict[str, list[Row]]) -> None:
        """Insert into each table its rows, in one transaction."""


class SqliteTables:
    """Tables in a file."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("PRAGMA wal_autocheckpoint=10000")

    async def ids(self) -> list[Any]:
        """See Tables."""
        return [row[0] for row in self._connection.execute("SELECT id FROM partner ORDER BY id")]

    async def rows(self, table: str, by: str, ids: list[Any]) -> list[Row]:
        """See Tables."""
        marks = ", ".join("?" * len(ids))
        # The subject of an event is an id with its hyphens, an id is kept without.
        column = f"replace({by}, '-', '')" if table == "outbox" else by
        query = f"SELECT * FROM {table} WHERE {column} IN ({marks})"
        return self._connection.execute(query, ids).fetchall()

    async def insert(self, rows: dict[str, list[Row]]) -> None:
        """See Tables."""
        self._connection.execute("BEGIN IMMEDIATE")
        for table, of_table in rows.items():
            if of_table:
                marks = ", ".join("?" * len(of_table[0]))
                self._connection.executemany(
                    f"INSERT INTO {table} VALUES ({marks})",
                    of_table,
                )
        self._connection.execute("COMMIT")


class PostgresTables:
    """Tables on a server."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def ids(self) -> list[Any]:
        """See Tables."""
        return [
            row[0] for row in await self._connection.fetch("SELECT id FROM partner ORDER BY id")
        ]

    async def rows(self, table: str, by: str, ids: list[Any]) -> list[Row]:
        """See Tables."""
        wanted = [str(one) for one in ids] if table == "outbox" else ids
        kind = "text[]" if table == "outbox" else "uuid[]"
        query = f"SELECT * FROM {table} WHERE {by} = ANY($1::{kind})"
        return [tuple(row) for row in await self._connection.fetch(query, wanted)]

    async def insert(self, rows: dict[str, list[Row]]) -> None:
        """See Tables."""
        async with self._connection.transaction():
            for table, of_table in rows.items():
                if of_table:
                    marks = ", ".join(f"${place}" for place in range(1, len(of_table[0]) + 1))
                    await self._connection.executemany(
                        f"INSERT INTO {table} VALUES ({marks})",
                        of_table,
                    )


async def measure_imports(folder: Path, records: int, say: Any) -> list[Figure]:
    """Load `records` of the registry on each database, and with a bare loop."""
    lines = [orjson.dumps(one) for one in itertools.islice(read_registry(), records)]
    if not lines:
        return [stated("imports", "not measured", "the registry's records are not here")]
    say(f"imports: SQLite, {len(lines)} records")
    figures = await _measure_on("SQLite", _on_sqlite(folder / "sqlite"), lines)
    say(f"imports: PostgreSQL, {len(lines)} records")
    return figures + await _measure_on("PostgreSQL", _on_postgres(folder / "postgresql"), lines)


@asynccontextmanager
async def _on_sqlite(folder: Path) -> AsyncIterator[tuple[MeasuredNetwork, Tables, Tables]]:
    bare = folder / "bare.db"
    network = MeasuredNetwork(folder, settings=_SETTINGS, services=("directory", "search"))
    async with network:
        await _make_tables(f"sqlite:///{bare}")
        kept = folder / "var" / "directory" / "directory.db"
        yield network, SqliteTables(kept), SqliteTables(bare)


@asynccontextmanager
async def _on_postgres(folder: Path) -> AsyncIterator[tuple[MeasuredNetwork, Tables, Tables]]:
    with postgres_server(durable=True) as server:
        url, bare = server.create(), server.create()
        await _make_tables(bare)
        urls = {"directory": url}
        network = MeasuredNetwork(folder, urls, settings=_SETTINGS, services=("directory",))
        async with network:
            found, fresh = await asyncpg.connect(url), await asyncpg.connect(bare)
            try:
                yield network, PostgresTables(found), PostgresTables(fresh)
            finally:
                await found.close()
                await fresh.close()


async def _make_tables(url: str) -> None:
    database = Database(url)
    try:
        await migrate(database, FOLDER)
    finally:
        await database.dispose()


async def _measure_on(
    name: str,
    starting: AbstractAsyncContextManager[tuple[MeasuredNetwork, Tables, Tables]],
    lines: list[bytes],
) -> list[Figure]:
    async with starting as (network, kept, fresh):
        if "search" in network.services:
            # It would take one of two processors; it follows the log afterwards.
            network.kill("search")
        pid = network.pid_of("directory")
        before, used = own_megabytes(pid), processor_seconds(pid)
        loaded = await import_file(network, b"\n".join(lines), "ror-v2")
        used = processor_seconds(pid) - used
        counts, seconds, most = loaded.done["counts"], loaded.seconds, loaded.most_megabytes
        taken = sum(counts[outcome] for outcome in ("created", "updated", "unchanged"))
        figures = []
        if "search" in network.services:
            figures.append(await _measure_searchable(network, taken))
        where = f", registry loaded, {name}"
        figures += await measure_reads(network, await _some_ids(network), _READ_SECONDS, where)
        bare, bare_used = await _run_barely(lines, kept, fresh)
    how = (
        f"{taken:,} of {len(lines):,} records in {seconds:.1f} s, {taken / seconds:,.0f}/s, "
        f"{used / len(lines) * 1000:.2f} ms CPU each; the bare loop {bare:.1f} s, "
        f"{bare_used / len(lines) * 1000:.2f} ms CPU each"
    )
    memory = (
        f"mapped files left out, the process that plans included; {before:.0f} MB before it, "
        f"{loaded.halfway_megabytes:.0f} MB halfway, {most:.0f} MB at most"
    )
    return [
        ratio_at_least(f"import of the registry, {name}", bare / seconds, _LEAST, how),
        stated(f"memory of directory while it imports, {name}", f"{most:.0f} MB", memory),
        *figures,
    ]


async def _some_ids(network: MeasuredNetwork) -> list[str]:
    answer = await network.client.get(f"{network.urls['directory']}/partners?limit=200")
    return [one["id"] for one in answer.raise_for_status().json()["items"]]


async def _measure_searchable(network: MeasuredNetwork, count: int) -> Figure:
    """How long search, which was not there meanwhile, needs until it has all."""
    started = time.monotonic()
    await network.restart("search")

    async def has_all() -> bool:
        found = await network.client.get(f"{network.urls['search']}/search?limit=1")
        return bool(found.status_code == 200 and found.json()["total"] >= count)

    await wait_until(has_all, f"search has {count} partners", _PATIENCE_SECONDS)
    how = "search was not there during the import, and builds its index from nothing"
    return stated("search started after it has all", f"{time.monotonic() - started:.1f} s", how)


async def _run_barely(lines: list[bytes], kept: Tables, fresh: Tables) -> tuple[float, float]:
    """Seconds, and seconds of a processor, of a loop that does no more than it must."""
    ids, seconds, used = await kept.ids(), 0.0, 0.0
    parts = _parts(ids)
    for part in _parts(lines):
        chunk = next(parts, [])
        rows = {table: await kept.rows(table, by, chunk) for table, by in _TABLES.items() if chunk}
        started, used_before = time.perf_counter(), time.process_time()
        for line in part:
            _is_valid(line)
        await fresh.insert(rows)
        seconds += time.perf_counter() - started
        used += time.process_time() - used_before
    return seconds, used


def _is_valid(line: bytes) -> bool:
    try:
        PartnerWrite.model_validate(read_ror(orjson.loads(line)).values)
    except ValueError:
        return False
    return True


def _parts(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
