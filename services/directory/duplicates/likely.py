"""Whether a partner that is about to be written is there already, for a warning at once."""

from uuid import UUID

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
from services.directory.duplicates.scoring import compare
from services.directory.duplicates.traits import traits_of
from services.directory.models import partner_table
from shared.records import JsonObject
from shared.vocabulary import Visibility

# Somebody waits for the answer: only the likeliest few are compared.
_COMPARED = 10


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
    counts: KeyCounts = session.info[KEY_COUNTS]
    ours = traits_of(content, country, status)
    found = (await find_candidates(session, counts, [ours]))[0]
    near = [one for one in found if one != but_not][:_COMPARED]
    if not near:
        return []
    others = await read_traits(session, near, partner_table.c[audience.value].is_not(None))
    numbers = word_numbers(ours, *{other.country for other in others.values()})
    for other in others.values():
        numbers |= word_numbers(other, ours.country)
    await counts.learn(session, numbers)
    likeness = {
        one: compare(ours, other, counts.weigh(ours.country, other.country), DEFAULT_SCORE)
        for one, other in others.items()
    }
    likely = sorted(
        ((found.score, one, found) for one, found in likeness.items() if found is not None),
        key=lambda scored: (-scored[0], scored[1]),
    )
    if not likely:
        return []
    sides = await read_sides(session, {one for _, one, _ in likely})
    return [
        PossibleDuplicate(
            **sides[one].model_dump(), score=score, reasons=reasons_in_words(found.reasons)
        )
        for score, one, found in likely
        if one in sides
    ]
