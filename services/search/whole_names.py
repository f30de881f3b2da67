"""Whole names in a question: the name that it is, and the names that are parts of it.

The index is asked beforehand how many documents have a term: a clause that cannot match costs more
to search with than that question does. It makes no difference to what is found.
"""

from tantivy import Query, Searcher

from services.search.clauses import all_of, term
from services.search.expansion import Expansion
from services.search.name_words import content_words, same_words
from services.search.ranking import (
    CONTAINED_SHARE,
    MENDED_SHARE,
    NAME_AND_PLACE_TIER,
    SAME_WORDS_TIER,
    TIER,
    TIERS,
)
from services.search.vocabulary import AudienceWords
from services.search.wording import Wording, Words

_MOST_PLACE_WORDS = 3
_LONGEST_NAME = 12


class WholeNames:
    """Makes the clauses for whole names of one question over one state of the index."""

    def __init__(self, searcher: Searcher, wording: Wording, known: AudienceWords) -> None:
        self._searcher = searcher
        self._wording = wording
        self._known = known

    def tiers(self, expansion: Expansion) -> dict[str, Query]:
        """Whole names that the question is, by what they are."""
        wording = self._wording
        found = self._whole(wording.whole, content_words(wording.whole.split()), 1.0, "")
        for number, reading in enumerate(expansion.readings):
            share = MENDED_SHARE * (1 - number / 100)
            found |= self._whole(
                " ".join(reading), content_words(reading), share, f"mended {number} "
            )
        return found

    def _whole(self, whole: str, words: Words, share: float, prefix: str) -> dict[str, Query]:
        found: dict[str, Query] = {}
        key = same_words(words)
        is_name = self._searcher.doc_freq("same_words", key)
        # Whoever has a name has its words; only identifiers have no key of their own.
        for field in TIERS if is_name else ("exact_other",):
            if self._searcher.doc_freq(field, whole):
                score = TIERS[field] * TIER * share
                found[prefix + field] = Query.const_score_query(term(field, whole), score)
        if is_name:
            score = SAME_WORDS_TIER * TIER * share
            found[prefix + "same_words"] = Query.const_score_query(term("same_words", key), score)
        placed = self._name_and_place(words)
        if placed:
            score = NAME_AND_PLACE_TIER * TIER * share
            either = Query.disjunction_max_query(placed)
            found[prefix + "name_and_place"] = Query.const_score_query(either, score)
        return found

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
                key = same_words(name)
                if self._searcher.doc_freq("same_words", key) and all(
                    self._searcher.doc_freq("around", word) for word in place
                ):
                    parts = [term("same_words", key), *(term("around", word) for word in place)]
                    found.append(all_of(parts))
        return found

    def contained(self, expansion: Expansion) -> list[Query]:
        """Whole names within the question; the more they say, the better."""
        words = content_words(self._wording.words)
        found = []
        for reading in (words, *(content_words(other) for other in expansion.readings[:1])):
            weights = [self._known.rarity(word) for word in reading]
            for first in range(len(reading)):
                for last in range(first + 1, min(len(reading), first + _LONGEST_NAME) + 1):
                    # Of single words only acronyms: 'Office' may be somebody's name.
                    field = "same_words" if last > first + 1 else "exact_acronym"
                    key = same_words(reading[first:last])
                    if self._searcher.doc_freq(field, key):
                        score = CONTAINED_SHARE * sum(weights[first:last])
                        found.append(Query.const_score_query(term(field, key), score))
        return found
