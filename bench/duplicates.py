"""How many of the pairs that people found to be one body are listed, and among how many others.

The records go straight into a database of the directory, as an import would write them, and are
compared by the steps that the directory's own loop takes.
"""

import gzip
import itertools
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from bench.figures import Figure, stated
from bench.ror_records import FOLDER, partner_of, read_registry
from services.directory.duplicates.finding import KEY_COUNTS, KeyCounts
from services.directory.duplicates.reckoning import Reckoning
from services.directory.duplicates.storing import due_row, key_rows
from services.directory.duplicates.traits import traits_of
from services.directory.migrate import FOLDER as MIGRATIONS
from services.directory.models import (
    duplicate_due_table,
    duplicate_key_table,
    duplicate_pair_table,
    partner_table,
)
from shared.databases import Database
from shared.migrating import migrate
from shared.records import JsonObject

_PAIRS = FOLDER / "duplicate-pairs-dev.jsonl.gz"
_LEAST_RECALL, _MOST_CANDIDATES = 0.8, 2.0
_BATCH = 2_000
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """The pairs of ROR ids that are listed, the likeliest first, and what finding them took."""

    pairs: list[tuple[float, Pair]]
    records: int
    load_seconds: float
    seconds: float
    megabytes: float


async def measure_duplicates(folder: Path, say: Any) -> list[Figure]:
    """Compare all records of the registry with each other and judge the list."""
    if not _PAIRS.exists():
        return [stated("duplicates found", "not measured", "the judged pairs are not here")]
    known = {record["id"] for record in read_registry()}
    with gzip.open(_PAIRS) as lines:
        judged = [orjson.loads(line) for line in lines]
    kind_of = {
        _pair(one["withdrawn"], one["successor"]): one["kind"]
        for one in judged
        if one["withdrawn"] in known and one["successor"] in known
    }
    found = await _find(folder / "duplicates.db", say)
    lost = {
        _pair(one["withdrawn"], one["successor"]): one["withdrawn"]
        for one in judged
        if one["successor"] in known
    }
    return [
        stated(
            "duplicates: all records compared",
            f"{found.seconds:.0f} s",
            f"{found.records:,} records after {found.load_seconds:.0f} s of loading; "
            f"{len(found.pairs):,} pairs kept; the process holds {found.megabytes:.0f} MB at most",
        ),
        *_judge(found.pairs, kind_of, lost, len(judged)),
    ]


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


async def _find(path: Path, say: Any) -> Found:
    database = Database(f"sqlite:///{path}", info={KEY_COUNTS: KeyCounts()})
    try:
        await migrate(database, MIGRATIONS)
        started = time.monotonic()
        ror_ids: dict[UUID, str] = {}
        claimed: set[tuple[str, str]] = set()
        # A batch at a time, so that what the process holds says something of the steps.
        records = read_registry()
        while batch := list(itertools.islice(records, _BATCH)):
            async with database.transaction() as session:
                ror_ids |= await _load(session, batch, claimed)
        loaded = time.monotonic()
        say(f"duplicates: {len(ror_ids):,} records loaded in {loaded - started:.0f} s")
        reckoning = Reckoning(database)
        done = 0
        while count := await reckoning.step():
            done += count
            if done // 10_000 != (done - count) // 10_000:
                say(f"duplicates: {done:,} compared, {time.monotonic() - loaded:.0f} s")
        seconds = time.monotonic() - loaded
        async with database.reading() as session:
            pair = duplicate_pair_table.c
            rows = await session.execute(select(pair.score, pair.first_id, pair.second_id))
            pairs = [(row[0], _pair(ror_ids[row[1]], ror_ids[row[2]])) for row in rows]
    finally:
        await database.dispose()
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pairs.sort(key=lambda scored: (-scored[0], scored[1]))
    return Found(pairs, len(ror_ids), loaded - started, seconds, megabytes)


async def _load(
    session: AsyncSession, records: Sequence[JsonObject], claimed: set[tuple[str, str]]
) -> dict[UUID, str]:
    rows, keys, due = [], [], []
    ror_ids: dict[UUID, str] = {}
    for record in records:
        row = _row_of(record, claimed)
        rows.append(row)
        ror_ids[row["id"]] = record["id"]
        traits = traits_of(row["content"], row["country"], row["status"])
        keys += key_rows(row["id"], traits)
        due.append(due_row(row["id"], 1))
    await session.execute(insert(partner_table), rows)
    await session.execute(insert(duplicate_key_table), keys)
    await session.execute(insert(duplicate_due_table), due)
    return ror_ids


def _row_of(record: JsonObject, claimed: set[tuple[str, str]]) -> dict[str, Any]:
    """A partner's row. A record that was withdrawn is one that nobody has noticed yet.

    The directory lets no two partners have one identifier, so the second goes without it here.
    """
    partner = partner_of(record)
    partner["external_ids"] = [
        one for one in partner["external_ids"] if (one["scheme"], one["value"]) not in claimed
    ]
    claimed |= {(one["scheme"], one["value"]) for one in partner["external_ids"]}
    now = datetime.now(UTC)
    name = next(one["value"] for one in partner["names"] if "display" in one["kinds"])
    return {
        "id": uuid7(),
        "version": 1,
        "created_at": now,
        "modified_at": now,
        "level": partner["level"],
        "status": "active" if partner["status"] == "withdrawn" else partner["status"],
        "country": partner["country"],
        "visibility": "public",
        "display_name": name,
        "sort_name": name,
        "folded_names": "",
        "content": partner,
        "secretariat": b"{}",
    }


def _judge(
    pairs: Sequence[tuple[float, Pair]],
    kind_of: dict[Pair, str],
    lost: dict[Pair, str],
    judged: int,
) -> Iterator[Figure]:
    """The recall at the longest list that is allowed, and of the best of each lost record."""
    budget = int(_MOST_CANDIDATES * len(kind_of))
    listed = {pair for _, pair in pairs[:budget]}
    least = pairs[min(budget, len(pairs)) - 1][0] if pairs else 1.0
    of = f"of {len(kind_of)} pairs ({judged} judged, the others have one record that is not here)"
    yield _recall(
        "duplicates: recall of the list",
        listed,
        kind_of,
        f"{of}; the first {budget:,} candidates, min_score={least:.3f}",
    )
    ranked: dict[str, list[Pair]] = {record: [] for record in lost.values()}
    for _, pair in pairs:
        for record in pair:
            if record in ranked:
                ranked[record].append(pair)
    best = {pair for found in ranked.values() for pair in found[: int(_MOST_CANDIDATES)]}
    yield _recall(
        "duplicates: recall, two for each lost record", best, kind_of, "whatever their score"
    )
    for kind in sorted(set(kind_of.values())):
        some = {pair: one for pair, one in kind_of.items() if one == kind}
        yield stated(
            f"duplicates: the same, {kind}", f"{_share(best, some):.3f}", f"{len(some)} pairs"
        )
    kept = {pair for _, pair in pairs}
    yield stated("duplicates: recall of all kept", f"{_share(kept, kind_of):.3f}")


def _share(found: set[Pair], wanted: dict[Pair, str]) -> float:
    return len(found & wanted.keys()) / len(wanted)


def _recall(name: str, found: set[Pair], wanted: dict[Pair, str], how: str) -> Figure:
    share = _share(found, wanted)
    return Figure(name, f"{share:.3f}", f">= {_LEAST_RECALL}", share >= _LEAST_RECALL, how)
