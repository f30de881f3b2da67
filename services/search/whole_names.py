"""Whole names in a question: the name that it is, and the names that are parts of it."""

from typing import NamedTuple

from tantivy import Query

from services.search.clauses import all_of, term
from services.search.expansion import Expansion
from services.search.name_words import content_words, same_words
from services.search.ranking import CONTAINED_SHARE, MOST_READINGS, tier_score
from services.search.schema import AROUND, EXACT_FIELDS, SAME_WORDS
from services.search.terms import Terms
from services.search.wording import Wording, Words

_MOST_PLACE_WORDS = 3
_LONGEST_NAME = 12


class Tier(NamedTuple):
    """What finds the records that have a whole name."""

    name: str
    query: Query
    is_mended: bool
    """Whether it is a name only once typing errors are mended."""
    has_words: bool
    """Whether these records have the words of the question as well."""


Tiers = list[Tier]


class WholeNames:
    """Makes the clauses for whole names of one question over one state of the index."""

    def __init__(self, terms: Terms, wording: Wording) -> None:
        self._terms = terms
        self._wording = wording

    def tiers(self, expansion: Expansion) -> Tiers:
        """Whole names that the question is, by what they are."""
        whole = self._wording.whole
        found = self._whole(whole, content_words(whole.split()))
        for number, reading in enumerate(expansion.readings[:MOST_READINGS]):
            found += self._whole(" ".join(reading), content_words(reading), number)
        return found

    def _whole(self, whole: str, words: Words, reading: int | None = None) -> Tiers:
        key = same_words(words)
        found = []
        # Whoever has a name has its words; only identifiers have no key of their own.
        if self._terms.has(SAME_WORDS, key):
            found = [
                self._tier(field, reading, term(field, whole))
                for field in EXACT_FIELDS
                if self._terms.may_have(field, whole)
            ]
            found.append(self._tier(SAME_WORDS, reading, term(SAME_WORDS, key)))
        elif self._terms.has("exact_other", whole):
            found = [
                self._tier("exact_other", reading, term("exact_other", whole), has_words=False)
            ]
        placed = self._name_and_place(words)
        if placed:
            either = Query.disjunction_max_query(placed)
            found.append(self._tier("name_and_place", reading, either))
        return found

    @staticmethod
    def _tier(name: str, reading: int | None, query: Query, *, has_words: bool = True) -> Tier:
        scored = Query.const_score_query(query, tier_score(name, reading))
        return Tier(name, scored, reading is not None, has_words)

    def _name_and_place(self, words: Words) -> list[Query]:
        """Names of which the first or last words of the question are the place."""
        found = []
        if len(words) > _LONGEST_NAME:
            return []
        for count in range(1, min(_MOST_PLACE_WORDS, len(words) - 1) + 1):
            for name, place in (
                (words[:-count], words[-count:]),
                (words[count:], words[:count]),
            ):
                if not all(self._terms.has(AROUND, word) for word in place):
                    continue
                key = same_words(name)
                if self._terms.has(SAME_WORDS, key):
                    parts = [term(SAME_WORDS, key), *(term(AROUND, word) for word in place)]
                    found.append(all_of(parts))
        return found

    def contained(self, expansion: Expansion) -> list[Query]:
        """Whole names within the question; the more they say, the better."""
        words = content_words(self._wording.words)
        found = []
        for reading in (words, *(content_words(other) for other in expansion.readings[:1])):
            weights = [self._terms.words.rarity(word) for word in reading]
            for first in range(len(reading)):
                for last in range(first + 1, min(len(reading), first + _LONGEST_NAME) + 1):
                    # Of single words only acronyms: 'Office' may be somebody's name.
                    field = SAME_WORDS if last > first + 1 else "exact_acronym"
                    key = same_words(reading[first:last])
                    if self._terms.has(field, key):
                        score = CONTAINED_SHARE * sum(weights[first:last])
                        found.append(Query.const_score_query(term(field, key), score))
        return found
