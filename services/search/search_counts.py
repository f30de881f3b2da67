"""How often each question was searched on each day, in search's database. Of whom is nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from prometheus_client import Counter
from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.search.models import metadata
from shared.databases import insert_into

MOST_A_DAY = 10_000
"""About how many different questions are kept of one day: anybody may ask, disks are finite."""

UNNAMED = ""
"""Stands for the questions whose words are not kept: they count in totals and nowhere else."""

UNKEPT = Counter(
    "search_questions_unkept_total",
    "Searches counted without the words of their question: `personal`, `too_many`, `day_full`.",
    ["why"],
)
_PURGE_BATCH = 500
_COUNTS = metadata.tables["search_count"]


@dataclass(slots=True)
class Tally:
    """How often a question was searched, and how often of these in vain."""

    searches: int = 0
    without_results: int = 0

    def add(self, other: "Tally") -> None:
        """Count those of `other` too."""
        self.searches += other.searches
        self.without_results += other.without_results


@dataclass(frozen=True, slots=True)
class QuestionCount:
    """A question with its tally over a period."""

    question: str
    tally: Tally


async def add_counts(session: AsyncSession, day: date, tallies: Mapping[str, Tally]) -> None:
    """Add `tallies`, by question, to what is counted of `day`."""
    kept = await _within_the_bound(session, day, tallies)
    adding = insert_into(session, _COUNTS)
    columns = _COUNTS.c
    adding = adding.on_conflict_do_update(
        index_elements=[columns.day, columns.question],
        set_={
            "searches": columns.searches + adding.excluded.searches,
            "without_results": columns.without_results + adding.excluded.without_results,
        },
    )
    rows = [
        {
            "day": day,
            "question": question,
            "searches": tally.searches,
            "without_results": tally.without_results,
        }
        # In one order: two replicas could otherwise each wait for a row that the other has.
        for question, tally in sorted(kept.items(), key=lambda item: item[0])
    ]
    await session.execute(adding, rows)


async def purge_counts(session: AsyncSession, before: date) -> int:
    """Let go of one batch of what was counted before that day; how many, 0 when all is gone."""
    key = tuple_(_COUNTS.c.day, _COUNTS.c.question)
    old = (
        select(_COUNTS.c.day, _COUNTS.c.question)
        .where(_COUNTS.c.day < before)
        .limit(_PURGE_BATCH)
        # Another replica may be at the same work; each takes what the other has not.
        .with_for_update(skip_locked=True)
    )
    gone: Any = await session.execute(delete(_COUNTS).where(key.in_(old)))
    return int(gone.rowcount)


async def total_of_period(session: AsyncSession, first: date, last: date) -> Tally:
    """All searches from `first` to `last`, both included."""
    columns = _COUNTS.c
    query = select(
        func.coalesce(func.sum(columns.searches), 0),
        func.coalesce(func.sum(columns.without_results), 0),
    ).where(columns.day.between(first, last))
    searches, without_results = (await session.execute(query)).one()
    return Tally(int(searches), int(without_results))


async def most_searched(
    session: AsyncSession, first: date, last: date, *, least: int, limit: int, in_vain: bool = False
) -> list[QuestionCount]:
    """The questions searched at least `least` times in the period, the most frequent first.

    `in_vain`: those that found nothing, the most frequent of them first.
    """
    columns = _COUNTS.c
    searches, without = func.sum(columns.searches), func.sum(columns.without_results)
    query = (
        select(columns.question, searches, without)
        .where(columns.day.between(first, last), columns.question != UNNAMED)
        .group_by(columns.question)
        .having(searches >= least)
        .order_by((without if in_vain else searches).desc(), columns.question)
        .limit(limit)
    )
    if in_vain:
        query = query.having(without > 0)
    rows = await session.execute(query)
    return [QuestionCount(row[0], Tally(int(row[1]), int(row[2]))) for row in rows]


async def _within_the_bound(
    session: AsyncSession, day: date, tallies: Mapping[str, Tally]
) -> dict[str, Tally]:
    """`tallies`, those of new questions as unnamed when the day has nearly enough of them."""
    of_day = select(_COUNTS.c.question).where(_COUNTS.c.day == day)
    stored = await session.scalar(select(func.count()).select_from(of_day.subquery()))
    if (stored or 0) + len(tallies) <= MOST_A_DAY:
        return dict(tallies)
    known = set(
        (await session.execute(of_day.where(_COUNTS.c.question.in_(list(tallies))))).scalars()
    )
    kept: dict[str, Tally] = {}
    for question, tally in tallies.items():
        name = question if question in known else UNNAMED
        if name != question:
            UNKEPT.labels("day_full").inc(tally.searches)
        kept.setdefault(name, Tally()).add(tally)
    return kept
