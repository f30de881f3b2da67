"""Comparing partners that have changed with those like them, in the background.

A step reads some partners that are due, compares without holding anything up, and then commits
their pairs together with taking the marks away. A mark that was set anew meanwhile stays, so a
change is never missed; a step that dies is done again.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prometheus_client import Gauge
from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.duplicates.finding import (
    KEY_COUNTS,
    KeyCounts,
    find_candidates,
    word_numbers,
)
from services.directory.duplicates.keys import names_number
from services.directory.duplicates.scoring import compare
from services.directory.duplicates.storing import key_rows, pairs_with
from services.directory.duplicates.traits import Traits, traits_of
from services.directory.models import (
    duplicate_due_table,
    duplicate_key_table,
    duplicate_pair_table,
    leases,
    partner_table,
)
from services.directory.outbox import stand_in_line
from shared.databases import Database
from shared.leases import hold_lease
from shared.vocabulary import PartnerStatus, Visibility

BATCH = 50
LEASE_SECONDS = 10.0
# Pairs below this are not kept; of each partner that is compared only the likeliest are.
LEAST_KEPT = 0.2
MOST_KEPT = 5
_READ_AT_ONCE = 500

DUE = Gauge("duplicates_due", "Partners that wait to be compared with others.")


@dataclass(frozen=True, slots=True)
class _Work:
    """Partners that were due, as they were read, and the pairs that came of them."""

    versions: dict[UUID, int]
    traits: dict[UUID, Traits]
    pairs: list[dict[str, Any]]


class Reckoning:
    """One process's part in it; it works while it holds the lease."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holder = str(uuid7())

    async def step(self) -> int:
        """Compare some partners that are due; how many they were."""
        async with self._database.reading() as session:
            waiting = await session.scalar(select(func.count()).select_from(duplicate_due_table))
        DUE.set(waiting or 0)
        if not waiting:
            return 0
        async with self._database.transaction() as session:
            if not await hold_lease(session, leases, "duplicates", self._holder, LEASE_SECONDS):
                return 0
        async with self._database.reading() as session:
            versions = await _due(session)
            traits = await read_traits(session, versions)
        # Keys first: whoever is compared must be found by those that are compared beside it.
        async with self._database.transaction() as session:
            await stand_in_line(session)
            await _keep_keys(session, versions, traits)
        async with self._database.reading() as session:
            work = await _compare_all(session, versions, traits)
        async with self._database.transaction() as session:
            await stand_in_line(session)
            await _keep(session, work)
        return len(work.versions)


async def _due(session: AsyncSession) -> dict[UUID, int]:
    rows = await session.execute(
        select(duplicate_due_table.c.partner_id, duplicate_due_table.c.version)
        .order_by(duplicate_due_table.c.partner_id)
        .limit(BATCH)
    )
    return {row.partner_id: row.version for row in rows}


_PARTNER = partner_table.c
# Built once: each write asks one of them.
_COMPARED_OF = {
    audience: select(_PARTNER.id, _PARTNER.content, _PARTNER.country, _PARTNER.status).where(
        _PARTNER.id.in_(bindparam("partner_ids", expanding=True)),
        _PARTNER.status != PartnerStatus.withdrawn.value,
        _PARTNER[audience.value].is_not(None),
    )
    for audience in Visibility
}


async def read_traits(
    session: AsyncSession,
    partner_ids: Iterable[UUID],
    audience: Visibility = Visibility.secretariat,
) -> dict[UUID, Traits]:
    """What is compared of those of these partners that are not withdrawn and `audience` may see."""
    wanted = sorted(partner_ids)
    found: dict[UUID, Traits] = {}
    for start in range(0, len(wanted), _READ_AT_ONCE):
        asked = {"partner_ids": wanted[start : start + _READ_AT_ONCE]}
        rows = await session.execute(_COMPARED_OF[audience], asked)
        for place, row in enumerate(rows):
            if place % 20 == 0:
                await asyncio.sleep(0)
            found[row.id] = traits_of(row.content, row.country, row.status)
    return found


async def _compare_all(
    session: AsyncSession, versions: dict[UUID, int], traits: dict[UUID, Traits]
) -> _Work:
    counts: KeyCounts = session.info[KEY_COUNTS]
    ours = sorted(traits)
    candidates = dict(
        zip(
            ours, await find_candidates(session, counts, [traits[one] for one in ours]), strict=True
        )
    )
    every = {other for found in candidates.values() for other in found}
    later = await _due_later(session, every, max(versions))
    # A pair of two that are due is reckoned with the later of them, when both are as they are.
    candidates = {
        one: [
            other
            for other in found
            if other not in later and not (other in traits and other >= one)
        ]
        for one, found in candidates.items()
    }
    others = {other for found in candidates.values() for other in found}
    known = traits | await read_traits(session, others - traits.keys())
    numbers: set[int] = set()
    for one, found in candidates.items():
        numbers |= word_numbers(traits[one], *{known[o].country for o in found if o in known})
        for other in found:
            if other in known:
                numbers |= word_numbers(known[other], traits[one].country)
    await counts.learn(session, numbers)
    pairs = []
    for one, found in candidates.items():
        # The same process answers requests, which must not wait for all of the batch.
        await asyncio.sleep(0)
        pairs += _likeliest(one, [other for other in found if other in known], known, counts)
    return _Work(versions, traits, pairs)


def _likeliest(
    one: UUID, others: list[UUID], known: dict[UUID, Traits], counts: KeyCounts
) -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = []
    a = known[one]
    for other in others:
        b = known[other]
        likeness = compare(a, b, counts.weigh(a.country, b.country), LEAST_KEPT)
        if likeness is not None:
            first, second = sorted((one, other))
            pairs.append(
                {
                    "first_id": first,
                    "second_id": second,
                    "score": likeness.score,
                    "reasons": list(likeness.reasons),
                    "names": names_number(a) ^ names_number(b),
                }
            )
    pairs.sort(key=lambda pair: (-pair["score"], pair["first_id"], pair["second_id"]))
    return pairs[:MOST_KEPT]


async def _due_later(session: AsyncSession, partner_ids: set[UUID], last: UUID) -> set[UUID]:
    """Those of these partners that are due and whose turn has not come with this step."""
    asked = sorted(one for one in partner_ids if one > last)
    later: set[UUID] = set()
    for start in range(0, len(asked), _READ_AT_ONCE):
        rows = await session.execute(
            select(duplicate_due_table.c.partner_id).where(
                duplicate_due_table.c.partner_id.in_(asked[start : start + _READ_AT_ONCE])
            )
        )
        later |= set(rows.scalars())
    return later


async def _still_due(session: AsyncSession, versions: dict[UUID, int]) -> set[UUID]:
    """Those of them that nobody has changed since they were read."""
    rows = await session.execute(
        select(duplicate_due_table.c.partner_id, duplicate_due_table.c.version).where(
            duplicate_due_table.c.partner_id.in_(sorted(versions))
        )
    )
    return {row.partner_id for row in rows if versions[row.partner_id] == row.version}


async def _keep_keys(
    session: AsyncSession, versions: dict[UUID, int], traits: dict[UUID, Traits]
) -> None:
    """Write the keys of those that have none or others: loaded in bulk, or of an older release."""
    ours = (await _still_due(session, versions)) & traits.keys()
    key = duplicate_key_table.c
    rows = await session.execute(
        select(key.number, key.place, key.partner_id).where(key.partner_id.in_(sorted(ours)))
    )
    kept: dict[UUID, set[tuple[int, int]]] = {one: set() for one in ours}
    for row in rows:
        kept[row.partner_id].add((row.number, row.place))
    wanted = {one: key_rows(one, traits[one]) for one in ours}
    differing = [
        one for one in ours if kept[one] != {(row["number"], row["place"]) for row in wanted[one]}
    ]
    if differing:
        await session.execute(delete(duplicate_key_table).where(key.partner_id.in_(differing)))
        if rows_wanted := [row for one in differing for row in wanted[one]]:
            await session.execute(insert(duplicate_key_table), rows_wanted)


async def _keep(session: AsyncSession, work: _Work) -> None:
    """Put the pairs in the place of what was there, for those that are as they were read."""
    done = await _still_due(session, work.versions)
    pairs = [pair for pair in work.pairs if pair["first_id"] in done or pair["second_id"] in done]
    await session.execute(delete(duplicate_pair_table).where(pairs_with(sorted(done))))
    there = await _still_there(session, pairs)
    if pairs := [one for one in pairs if {one["first_id"], one["second_id"]} <= there]:
        await session.execute(insert(duplicate_pair_table), pairs)
    # Nobody can have set a mark anew since they were looked at: writers stand in line.
    await session.execute(
        delete(duplicate_due_table).where(duplicate_due_table.c.partner_id.in_(sorted(done)))
    )


async def _still_there(session: AsyncSession, pairs: list[dict[str, Any]]) -> set[UUID]:
    """The partners of `pairs` that have not been withdrawn meanwhile."""
    wanted = sorted({one for pair in pairs for one in (pair["first_id"], pair["second_id"])})
    rows = await session.execute(
        select(partner_table.c.id).where(
            partner_table.c.id.in_(wanted),
            partner_table.c.status != PartnerStatus.withdrawn.value,
        )
    )
    return set(rows.scalars())
