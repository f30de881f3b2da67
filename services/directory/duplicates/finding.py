"""Which partners may be of the same body as given ones: found by shared keys, with bounded work."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Integer, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.duplicates.keys import Key, keys_of, word_number
from services.directory.duplicates.scoring import Weigh, weight_of
from services.directory.duplicates.traits import Traits
from services.directory.models import duplicate_key_table

KEY_COUNTS = "duplicate_key_counts"
# A key that more partners share says nothing of itself; within one place more of them may.
COMMON, COMMON_IN_PLACE = 40, 60
# So many partners are compared with one at most, those that share the rarest keys.
MOST_COMPARED = 40
# Where a key has become common since it was counted, no more than so many rows are read for one.
_ROWS_READ = 3_000
_QUESTION, _PLACES = 500, 25
_REMEMBERED = 100_000
_REMEMBERED_SECONDS = 60.0
_KEY = duplicate_key_table.c
# Built once: building one takes longer than asking it, and each write asks both.
_COUNTED = (
    select(_KEY.number, func.count().label("partners"))
    .where(_KEY.number.in_(bindparam("numbers", expanding=True)))
    .group_by(_KEY.number)
)
_SHARING = (
    select(_KEY.number, _KEY.partner_id)
    .where(_KEY.number.in_(bindparam("numbers", expanding=True)))
    .limit(bindparam("most", type_=Integer))
)


class KeyCounts:
    """How many partners have a key, as it was a minute ago at most.

    The figures only weigh words and find out common keys, which no single write changes by much;
    asking for them anew with each write would cost more than the write.
    """

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._weights: dict[tuple[str, ...], dict[str, float]] = {}
        self._since = time.monotonic()

    async def learn(self, session: AsyncSession, numbers: Iterable[int]) -> None:
        """Count the keys of these numbers that are not counted yet."""
        old = time.monotonic() - self._since > _REMEMBERED_SECONDS
        if old or len(self._counts) > _REMEMBERED:
            self._counts, self._weights, self._since = {}, {}, time.monotonic()
        missing = sorted(set(numbers) - self._counts.keys())
        for start in range(0, len(missing), _QUESTION):
            asked = missing[start : start + _QUESTION]
            rows = await session.execute(_COUNTED, {"numbers": asked})
            found = {row.number: row.partners for row in rows}
            self._counts |= {number: found.get(number, 0) for number in asked}

    def of(self, number: int) -> int:
        """How many partners have the key; none where it was never counted."""
        return self._counts.get(number, 0)

    def weigh(self, one: str | None, other: str | None) -> Weigh:
        """What words are worth between partners of two countries: as where they are commoner.

        The words have to be counted before, in both.
        """
        countries = sorted({one or "", other or ""})
        known = self._weights.setdefault(tuple(countries), {})

        def weigh(word: str) -> float:
            weight = known.get(word)
            if weight is None:
                counts = (self.of(word_number(word, country)) for country in countries)
                weight = known[word] = weight_of(max(counts))
            return weight

        return weigh


def word_numbers(traits: Traits, *countries: str | None) -> set[int]:
    """The keys of the words of a partner's names, in its own and in other countries."""
    words = {word for name in traits.names for word in name}
    return {word_number(word, one) for word in words for one in (traits.country, *countries)}


async def find_candidates(
    session: AsyncSession, counts: KeyCounts, wanted: Sequence[Traits]
) -> list[list[UUID]]:
    """For each of `wanted` the partners that share telling keys with it, the likeliest first.

    A partner that is stored is among its own candidates.
    """
    keys = [keys_of(traits) for traits in wanted]
    await counts.learn(session, {key.number for one in keys for key in one})
    rare = {key.number for one in keys for key in one if counts.of(key.number) <= COMMON}
    narrowed = {key for one in keys for key in one if key.place and counts.of(key.number) > COMMON}
    most = _ROWS_READ * len(wanted)
    sharing = await _partners_with(session, rare, most)
    in_place = await _partners_in_place(session, narrowed, most)
    return [_likeliest(one, counts, sharing, in_place) for one in keys]


def _likeliest(
    keys: Sequence[Key],
    counts: KeyCounts,
    sharing: dict[int, list[UUID]],
    in_place: dict[Key, list[UUID]],
) -> list[UUID]:
    worth: dict[UUID, float] = defaultdict(float)
    for key in keys:
        if counts.of(key.number) <= COMMON:
            others, most = sharing.get(key.number, []), COMMON * 2
        else:
            others, most = in_place.get(key, []), COMMON_IN_PLACE
        if len(others) <= most:
            for other in others:
                worth[other] += 1.0 / len(others)
    return sorted(worth, key=lambda other: (-worth[other], other))[:MOST_COMPARED]


async def _partners_with(
    session: AsyncSession, numbers: set[int], most: int
) -> dict[int, list[UUID]]:
    found: dict[int, list[UUID]] = defaultdict(list)
    asked = sorted(numbers)
    for start in range(0, len(asked), _QUESTION):
        question = {"numbers": asked[start : start + _QUESTION], "most": most}
        rows = await session.execute(_SHARING, question)
        for number, partner_id in rows:
            found[number].append(partner_id)
    return found


async def _partners_in_place(
    session: AsyncSession, keys: set[Key], most: int
) -> dict[Key, list[UUID]]:
    found: dict[Key, list[UUID]] = defaultdict(list)
    numbers: dict[int, list[int]] = defaultdict(list)
    for key in sorted(keys, key=lambda key: (key.place, key.number)):
        numbers[key.place].append(key.number)
    places = sorted(numbers)
    for start in range(0, len(places), _PLACES):
        # Place by place: pairs of number and place in one list are not looked up in the index.
        here = (
            and_(_KEY.place == place, _KEY.number.in_(numbers[place]))
            for place in places[start : start + _PLACES]
        )
        rows = await session.execute(
            select(_KEY.number, _KEY.place, _KEY.partner_id).where(or_(*here)).limit(most)
        )
        for number, place, partner_id in rows:
            found[Key(number, place)].append(partner_id)
    return found
