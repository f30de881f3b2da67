"""A question as a tantivy query, made of terms only: no query language, so none to get wrong.

The index is asked beforehand how many documents have a term: a clause that cannot match costs more
to search with than that question does.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from enum import Enum
from math import log

from tantivy import FieldType, Occur, Query, Searcher

from services.search.expansion import Expansion, Other, Unit
from services.search.filters import Range
from services.search.name_words import content_words, one_form, same_words
from services.search.question import Question, audience_value
from services.search.ranking import (
    CONTAINED_SHARE,
    MENDED_SHARE,
    NAME_AND_PLACE_TIER,
    PHRASE_WEIGHTS,
    PREFIX_SCORE,
    SAME_WORDS_TIER,
    TIER,
    TIERS,
    WEIGHTS,
)
from services.search.schema import (
    DESCRIPTION,
    FOUND,
    NAMES,
    PREFIXES,
    TITLE,
    WORD_FIELDS,
    as_stem,
    build_schema,
)
from services.search.stems import stem
from services.search.text import PREFIX_LETTERS
from services.search.wording import Words
from shared.vocabulary import Visibility

Clause = tuple[Occur, Query]


KnownWords = MutableMapping[tuple[str, str | None, tuple[str, ...]], list[Clause]]
"""Clauses of single words, which are the same in every question over one state of the index."""


class Mode(Enum):
    """Which records are found for the words of a question."""

    every_word = "every word"
    every_word_or_name = "every word, or a whole name within the question"
    some_words = "half of the words, or a whole name within the question"


_MOST_PLACE_WORDS = 3
_LONGEST_NAME = 12
_MOST_KNOWN_WORDS = 20_000


class QueryBuilder:
    """Makes the queries of one question over one state of the index."""

    def __init__(
        self,
        searcher: Searcher,
        question: Question,
        languages: tuple[str, ...],
        known: KnownWords,
    ) -> None:
        self._searcher = searcher
        self._question = question
        self._languages = languages
        self._known = known

    def matching(self, expansion: Expansion, filters: Sequence[Clause], mode: Mode) -> Query:
        """What is found: within the filters, with the words and without the excluded ones."""
        wording = self._question.wording
        if wording.nothing_to_find:
            return Query.empty_query()
        clauses = [(Occur.Must, silent(term("audience", self._question.audience))), *filters]
        clauses += [(Occur.MustNot, self._excluded(words)) for words in wording.excluded]
        clauses += [(Occur.Must, self.phrase(words)) for words in wording.phrases]
        if expansion.units:
            clauses.append((Occur.Must, self._text(expansion, mode)))
        elif wording.phrases and (tiers := [*self.tiers(expansion).values()]):
            clauses.append((Occur.Should, Query.disjunction_max_query(tiers)))
        return Query.boolean_query(clauses)

    def _text(self, expansion: Expansion, mode: Mode) -> Query:
        contained = [] if mode is Mode.every_word else self.contained(expansion)
        if mode is Mode.some_words:
            words = self._some_of([self.unit(unit) for unit in expansion.units], contained)
            contained = []
        else:
            words = self._every(expansion.units)
        others = [*self.tiers(expansion).values(), *contained]
        # Of hits in one tier it does not matter which words they have besides.
        return Query.disjunction_max_query([words, *others]) if others else words

    def _every(self, units: Sequence[Unit]) -> Query:
        """All of the units."""
        clauses: list[Clause] = []
        for unit in units:
            if unit.others:
                clauses.append((Occur.Must, self.unit(unit)))
                continue
            for at, word in enumerate(unit.words):
                prefix = unit.prefix if at == len(unit.words) - 1 else None
                clauses += self._plain(word, prefix)
        return Query.boolean_query(clauses)

    def _plain(self, word: str, prefix: str | None) -> list[Clause]:
        known = self._known.get((word, prefix, self._languages))
        if known is None:
            known = self._make_plain(word, prefix)
            if len(self._known) < _MOST_KNOWN_WORDS:
                self._known[word, prefix, self._languages] = known
        return known

    def _make_plain(self, word: str, prefix: str | None) -> list[Clause]:
        """That a word is there, and, asked only of records that have all words, where it is."""
        form = one_form(word)
        anywhere = [self.anywhere(form, WEIGHTS[FOUND])]
        anywhere += [
            self.anywhere(as_stem(stemmed), WEIGHTS[DESCRIPTION]) for stemmed in self._stems(word)
        ]
        if prefix is not None:
            anywhere += self._beginning(prefix)
        found = (
            anywhere[0]
            if len(anywhere) == 1
            else Query.boolean_query([(Occur.Should, query) for query in anywhere])
        )
        better = [
            (Occur.Should, Query.boost_query(term(field, form), WEIGHTS[field]))
            for field in (TITLE, NAMES)
        ]
        return [(Occur.Must, found), *better]

    def _some_of(self, units: Sequence[Query], contained: Sequence[Query]) -> Query:
        """Half of the words, or a whole name among them; what else a record has counts as well.

        Words that the audience finds nowhere are none of those of which it must be half.
        """
        found = [unit for unit in units if self._is_found(unit)]
        each = [(Occur.Should, unit) for unit in found]
        half = Query.boolean_query(each, (len(found) + 1) // 2)
        if not contained:
            return half
        longest = Query.disjunction_max_query(list(contained))
        either = silent(Query.disjunction_max_query([half, longest]))
        return Query.boolean_query([(Occur.Must, either), *each, (Occur.Should, longest)])

    def _is_found(self, query: Query) -> bool:
        seen = silent(term("audience", self._question.audience))
        both = Query.boolean_query([(Occur.Must, query), (Occur.Must, seen)])
        return bool(self._searcher.search(both, limit=1, count=False).hits)

    def unit(self, unit: Unit) -> Query:
        """One word, or what may stand in its place."""
        asked = _all_of([self.word(word) for word in unit.words[:-1]]
                        + [self.word(unit.words[-1], unit.prefix)])  # fmt: skip
        if not unit.others:
            return asked
        others = [Query.boost_query(self.other(other), other.share) for other in unit.others]
        return Query.disjunction_max_query([asked, *others])

    def other(self, other: Other) -> Query:
        """What may stand in the place of a word."""
        if other.adjacent and len(other.words) > 1:
            return self.phrase(other.words)
        return _all_of([self.word(word) for word in other.words])

    def word(self, word: str, prefix: str | None = None) -> Query:
        """A word, which counts the more the better the place is where it stands."""
        return Query.boolean_query(self._plain(word, prefix))

    def anywhere(self, form: str, weight: float) -> Query:
        """Records that have a word or stem, which counts by its rarity alone.

        How long a record is does not matter there: a long description must not make its name less.
        """
        return Query.const_score_query(term(FOUND, form), weight * self._rarity(form))

    def _rarity(self, form: str) -> float:
        """How rare a word or stem is: its inverse document frequency, as BM25 has it."""
        having = self._searcher.doc_freq(FOUND, form)
        return log(1 + (self._searcher.num_docs - having + 0.5) / (having + 0.5))

    def _beginning(self, prefix: str) -> list[Query]:
        beginning = prefix[: PREFIX_LETTERS[1]]
        if not self._searcher.doc_freq(PREFIXES, beginning):
            return []
        return [Query.const_score_query(term(PREFIXES, beginning), PREFIX_SCORE)]

    def _stems(self, word: str) -> list[str]:
        """The stems of `word` that descriptions have."""
        stems = dict.fromkeys(stem(word, language) for language in self._languages)
        return [stemmed for stemmed in stems if self._searcher.doc_freq(DESCRIPTION, stemmed)]

    def places(self, word: str) -> list[tuple[str, str]]:
        """Fields in which a word counts, each with the form in which they have it."""
        form = one_form(word)
        return [
            *((field, form) for field in (FOUND, TITLE, NAMES)),
            *((DESCRIPTION, stemmed) for stemmed in self._stems(word)),
        ]

    def phrase(self, words: Words) -> Query:
        """Words side by side, in any one text of a record."""
        if len(words) == 1:
            return self.word(words[0])
        places = []
        for field in WORD_FIELDS:
            for forms in self._phrases(field, words):
                if all(self._searcher.doc_freq(field, form) for form in forms):
                    found = Query.phrase_query(build_schema(), field, list(forms))
                    places.append(Query.boost_query(found, PHRASE_WEIGHTS[field]))
        return Query.disjunction_max_query(places) if places else Query.empty_query()

    def _phrases(self, field: str, words: Words) -> list[Words]:
        if field != DESCRIPTION:
            return [tuple(one_form(word) for word in words)]
        stemmed = [tuple(stem(word, language) for word in words) for language in self._languages]
        return list(dict.fromkeys(stemmed))

    def _excluded(self, words: Words) -> Query:
        if len(words) > 1:
            return self.phrase(words)
        # As it is written: who excludes a word does not mean its translations.
        either = [term("words", words[0]), term("exact_acronym", words[0])]
        return Query.disjunction_max_query(either)

    def tiers(self, expansion: Expansion) -> dict[str, Query]:
        """Whole names that the question is, by what they are."""
        wording = self._question.wording
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
        placed = [] if found else self._name_and_place(words)
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
                    found.append(_all_of(parts))
        return found

    def contained(self, expansion: Expansion) -> list[Query]:
        """Whole names within the question; the more they say, the better."""
        words = content_words(self._question.wording.words)
        found = []
        for reading in (words, *(content_words(other) for other in expansion.readings[:1])):
            weights = [self._rarity(word) for word in reading]
            for first in range(len(reading)):
                for last in range(first + 1, min(len(reading), first + _LONGEST_NAME) + 1):
                    # Of single words only acronyms: 'Office' may be somebody's name.
                    field = "same_words" if last > first + 1 else "exact_acronym"
                    key = same_words(reading[first:last])
                    if self._searcher.doc_freq(field, key):
                        score = CONTAINED_SHARE * sum(weights[first:last])
                        found.append(Query.const_score_query(term(field, key), score))
        return found


def filter_clauses(
    chosen: Mapping[str, Sequence[str]], ranges: Mapping[str, Range], without: str | None = None
) -> list[Clause]:
    """The clauses of filters, those of the facet `without` left out. Filters score nothing."""
    found: list[Clause] = []
    for name, values in chosen.items():
        if name != without:
            found.append((Occur.Must, silent(_any_of(name, values))))
    for name, wanted in ranges.items():
        query = Query.range_query(
            build_schema(), name, FieldType.Integer, wanted.lowest, wanted.highest
        )
        found.append((Occur.Must, silent(query)))
    return found


def audience_query(audience: Visibility) -> Query:
    """Everything that `audience` may find; the secretariat finds what members find."""
    return term("audience", audience_value(audience))


def _any_of(name: str, values: Sequence[str]) -> Query:
    field = "area_key" if name == "area" else name
    typed: list[str] | list[int] = (
        [int(value) for value in values] if name == "year" else list(values)
    )
    if len(typed) == 1:
        return Query.term_query(build_schema(), field, typed[0])
    return Query.term_set_query(build_schema(), field, typed)


def term(field: str, value: str) -> Query:
    """Documents that have `value` in `field`."""
    return Query.term_query(build_schema(), field, value)


def silent(query: Query) -> Query:
    """A filter chooses, it does not score."""
    return Query.const_score_query(query, 0.0)


def _all_of(queries: Sequence[Query]) -> Query:
    if len(queries) == 1:
        return queries[0]
    return Query.boolean_query([(Occur.Must, query) for query in queries])
