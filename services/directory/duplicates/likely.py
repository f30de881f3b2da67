"""Whether partners that have just been written were there already, for a warning."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.duplicates.describing import PossibleDuplicate, reasons_in_words
from services.directory.duplicates.finding import (
    KEY_COUNTS,
    KeyCounts,
    find_candidates,
    word_numbers,
)
from services.directory.duplicates.listing import DEFAULT_SCORE, read_sides
from services.directory.duplicates.reckoning import read_traits
from services.directory.duplicates.scoring import Likeness, compare
from services.directory.duplicates.traits import Traits, traits_of
from services.directory.models import relationship_table
from shared.records import JsonObject
from shared.vocabulary import RelationshipKind, Visibility

# Somebody waits for the answer: only the likeliest few are compared.
_COMPARED = 10
Scored = tuple[UUID, Likeness]
"""A partner that may be the one in question, and how likely."""


async def likely_duplicates(
    session: AsyncSession,
    content: JsonObject,
    country: str | None,
    status: str,
    audience: Visibility,
    but_not: UUID | None = None,
) -> list[PossibleDuplicate]:
    """Partners that may be the one whose own values are `content`, the likeliest first.

    Only partners that `audience` may see are looked at, so a warning tells of no other.
    `but_not` is the partner itself, where it is stored already.
    """
    ours = traits_of(content, country, status)
    (found,) = await find_candidates(session, session.info[KEY_COUNTS], [ours])
    near = [one for one in found if one != but_not][:_COMPARED]
    (likely,) = await _likeliest(session, [(ours, near)], audience)
    sides = await read_sides(session, {one for one, _ in likely}) if likely else {}
    return [
        PossibleDuplicate(
            **sides[one].model_dump(),
            score=likeness.score,
            reasons=reasons_in_words(likeness.reasons),
        )
        for one, likeness in likely
        if one in sides
    ]


async def likely_duplicates_of(
    session: AsyncSession, partner_ids: Iterable[UUID]
) -> dict[UUID, list[Scored]]:
    """For each of these partners those that may be the same body, the likeliest first.

    The partners have their keys already. Partners that the directory relates to each other are
    known to be two. Whoever may see all partners may be told.
    """
    traits = await read_traits(session, partner_ids)
    ids = list(traits)
    candidates = await find_candidates(session, session.info[KEY_COUNTS], list(traits.values()))
    known = await _related(session, ids)
    asked = [
        (traits[one], [other for other in found if other not in {one, *known.get(one, ())}])
        for one, found in zip(ids, candidates, strict=True)
    ]
    likely = await _likeliest(session, [(ours, near[:_COMPARED]) for ours, near in asked])
    return dict(zip(ids, likely, strict=True))


async def _likeliest(
    session: AsyncSession,
    asked: Sequence[tuple[Traits, list[UUID]]],
    audience: Visibility = Visibility.secretariat,
) -> list[list[Scored]]:
    """For each of `asked` those of its partners that are likely to be one with it.

    None is among them that `audience` may not see.
    """
    counts: KeyCounts = session.info[KEY_COUNTS]
    others = await read_traits(session, {one for _, near in asked for one in near}, audience)
    numbers: set[int] = set()
    for ours, near in asked:
        there = [others[one] for one in near if one in others]
        if there:
            numbers |= word_numbers(ours, *{other.country for other in there})
        for other in there:
            numbers |= word_numbers(other, ours.country)
    await counts.learn(session, numbers)
    likely = []
    for ours, near in asked:
        # The same process answers requests, which must not wait for all of them.
        await asyncio.sleep(0)
        likely.append(_compared(ours, [one for one in near if one in others], others, counts))
    return likely


def _compared(
    ours: Traits, near: Iterable[UUID], others: Mapping[UUID, Traits], counts: KeyCounts
) -> list[Scored]:
    found = []
    for one in near:
        weigh = counts.weigh(ours.country, others[one].country)
        likeness = compare(ours, others[one], weigh, DEFAULT_SCORE)
        if likeness is not None:
            found.append((one, likeness))
    return sorted(found, key=lambda scored: (-scored[1].score, scored[0]))


async def _related(session: AsyncSession, partner_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    """By partner those that it is related to; what came after it may be the same body."""
    tie = relationship_table.c
    rows = await session.execute(
        select(tie.subject_id, tie.object_id).where(
            tie.kind != RelationshipKind.successor.value,
            or_(tie.subject_id.in_(partner_ids), tie.object_id.in_(partner_ids)),
        )
    )
    related: dict[UUID, set[UUID]] = {}
    for one, other in rows:
        related.setdefault(one, set()).add(other)
        related.setdefault(other, set()).add(one)
    return related
