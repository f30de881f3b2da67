"""A question as a tantivy query, made of terms only: no query language, so none to get wrong."""

from collections.abc import MutableMapping, Sequence
from dataclasses import replace
from enum import Enum

from tantivy import Occur, Query

from services.search.clauses import Clause, all_of, silent, term
from services.search.expansion import Expansion, Other, Unit
from services.search.name_words import one_form
from services.search.question import Question
from services.search.ranking import PHRASE_WEIGHTS, PREFIX_SCORE, WEIGHTS
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
from services.search.terms import Terms
from services.search.text import PREFIX_LETTERS
from services.search.whole_names import Tiers, WholeNames
from services.search.wording import Words

KnownWords = MutableMapping[tuple[str, str | None, str], list[Clause]]
"""Clauses of words, by audience: the same in every question over one state of the index."""


class Mode(Enum):
    """Which records are found for the words of a question."""

    every_word = "every word"
    every_word_or_name = "every word, or a whole name within the question"
    some_words = "half of the words, or a whole name within the question"


_MOST_KNOWN_WORDS = 20_000


class QueryBuilder:
    """Makes the queries of one question over one state of the index."""

    def __init__(
        self,
        terms: Terms,
        question: Question,
        known: KnownWords,
    ) -> None:
        self._terms = terms
        self._question = question
        self._words = terms.words
        self._known = known
        # Asked for once, though facets are counted with queries of their own.
        self._needed: dict[Unit, Unit] = {}
        self.names = WholeNames(terms, question.wording)

    def matching(self, expansion: Expansion, filters: Sequence[Clause], mode: Mode) -> Query:
        """What is found: within the filters, with the words and without the excluded ones."""
        wording = self._question.wording
        if wording.nothing_to_find:
            return Query.empty_query()
        clauses = [(Occur.Must, silent(term("audience", self._question.audience))), *filters]
        clauses += [(Occur.MustNot, self._excluded(words)) for words in wording.excluded]
        clauses += [(Occur.Must, self.phrase(words)) for words in wording.phrases]
        tiers = self.names.tiers(expansion) if expansion.units or wording.phrases else []
        if expansion.units:
            clauses += self._text(expansion, mode, tiers)
        return Query.boolean_query([*clauses, *_scored(tiers)])

    def _text(self, expansion: Expansion, mode: Mode, tiers: Tiers) -> list[Clause]:
        """What must be found. All in one list is found in half the time of lists within lists."""
        contained = [] if mode is Mode.every_word else self.names.contained(expansion)
        units = [self._without_needless(unit) for unit in expansion.units]
        if mode is Mode.some_words:
            words = self._some_of([self.unit(unit) for unit in units], contained)
            contained = []
        else:
            words = self._every(units)
        instead = [silent(tier.query) for tier in tiers if not tier.has_words] + contained
        if not instead:
            return words
        either = Query.disjunction_max_query([Query.boolean_query(words), *instead])
        return [(Occur.Must, either)]

    def _every(self, units: Sequence[Unit]) -> list[Clause]:
        """All of the units."""
        clauses: list[Clause] = []
        for unit in units:
            if unit.others:
                clauses.append((Occur.Must, self.unit(unit)))
                continue
            for at, word in enumerate(unit.words):
                prefix = unit.prefix if at == len(unit.words) - 1 else None
                clauses += self._plain(word, prefix)
        return clauses

    def _plain(self, word: str, prefix: str | None) -> list[Clause]:
        known = self._known.get((word, prefix, self._question.audience))
        if known is None:
            known = self._make_plain(word, prefix)
            if len(self._known) < _MOST_KNOWN_WORDS:
                self._known[word, prefix, self._question.audience] = known
        return known

    def _make_plain(self, word: str, prefix: str | None) -> list[Clause]:
        """That a word is there, and, asked only of records that have all words, where it is."""
        form = one_form(word)
        anywhere = [self.anywhere(form)]
        anywhere += [self.described(word, stemmed) for stemmed in self._stems(word)]
        if prefix is not None:
            anywhere += self._beginning(prefix)
        found = (
            anywhere[0]
            if len(anywhere) == 1
            else Query.boolean_query([(Occur.Should, query) for query in anywhere])
        )
        better = [(Occur.Should, self.in_field(field, form)) for field in (TITLE, NAMES)]
        return [(Occur.Must, found), *better]

    def _some_of(self, units: Sequence[Query], contained: Sequence[Query]) -> list[Clause]:
        """Half of the words, or a whole name among them; what else a record has counts as well.

        Words that the audience finds nowhere are none of those of which it must be half.
        """
        found = [unit for unit in units if self._is_found(unit)]
        each = [(Occur.Should, unit) for unit in found]
        half = Query.boolean_query(each, (len(found) + 1) // 2)
        if not contained:
            return [(Occur.Must, half)]
        longest = Query.disjunction_max_query(list(contained))
        either = silent(Query.disjunction_max_query([half, longest]))
        return [(Occur.Must, either), *each, (Occur.Should, longest)]

    def _is_found(self, query: Query) -> bool:
        seen = silent(term("audience", self._question.audience))
        both = Query.boolean_query([(Occur.Must, query), (Occur.Must, seen)])
        return bool(self._terms.searcher.search(both, limit=1, count=False).hits)

    def unit(self, unit: Unit) -> Query:
        """One word, or what may stand in its place."""
        asked = all_of([self.word(word) for word in unit.words[:-1]]
                        + [self.word(unit.words[-1], unit.prefix)])  # fmt: skip
        if not unit.others:
            return asked
        others = [
            Query.boost_query(self.other(other), self.share_of(other, unit))
            for other in unit.others
        ]
        return Query.disjunction_max_query([asked, *others])

    def _without_needless(self, unit: Unit) -> Unit:
        """The unit without those others whose records all have what was asked for."""
        found = self._needed.get(unit)
        if found is None:
            needed = tuple(
                other
                for other in unit.others
                if not other.beside or not self._terms.at_most(other.beside, other.words)
            )
            found = self._needed[unit] = replace(unit, others=needed) if unit.others else unit
        return found

    def other(self, other: Other) -> Query:
        """What may stand in the place of a word."""
        if other.adjacent and len(other.words) > 1:
            return self.phrase(other.words)
        return all_of([self.word(word) for word in other.words])

    def share_of(self, other: Other, unit: Unit) -> float:
        """What is found in the place of a unit counts, as a share of what it would count itself.

        A synonym counts by how rare the words are that were asked for: rarer ones, or more of them,
        must not bring it before what was asked for.
        """
        if other.how != "synonym":
            return other.share
        asked, found = (
            sum(self._words.rarity(one_form(word)) for word in words)
            for words in (unit.words, other.words)
        )
        return other.share * asked / found

    def word(self, word: str, prefix: str | None = None) -> Query:
        """A word, which counts the more the better the place is where it stands."""
        return Query.boolean_query(self._plain(word, prefix))

    def anywhere(self, form: str) -> Query:
        """Records that have a word, wherever it stands."""
        return Query.const_score_query(term(FOUND, form), WEIGHTS[FOUND] * self._words.rarity(form))

    def described(self, word: str, stemmed: str) -> Query:
        """Records of which a description has a stem of `word`.

        A stem that descriptions seldom have does not count more than the word that names often
        have: that would bring a mention before a name.
        """
        # Descriptions are searched among all words, where their stems are marked as such.
        stem_form = as_stem(stemmed)
        rarity = min(self._words.rarity(stem_form), self._words.rarity(one_form(word)))
        return Query.const_score_query(term(FOUND, stem_form), WEIGHTS[DESCRIPTION] * rarity)

    def in_field(self, field: str, form: str) -> Query:
        """Records that have a word in one field, which counts by its rarity among all fields.

        tantivy's own score would count the records of other audiences, and make a name less that
        has many others beside it.
        """
        weight = WEIGHTS[field] * self._words.rarity(form)
        return Query.const_score_query(term(field, form), weight)

    def _beginning(self, prefix: str) -> list[Query]:
        if not self._terms.has_beginning(prefix):
            return []
        begins = term(PREFIXES, prefix[: PREFIX_LETTERS[1]])
        return [Query.const_score_query(begins, PREFIX_SCORE)]

    def _stems(self, word: str) -> list[str]:
        """The stems of `word` that descriptions have."""
        stems = dict.fromkeys(stem(word, language) for language in self._words.languages)
        return [stemmed for stemmed in stems if self._terms.has(DESCRIPTION, stemmed)]

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
                if all(self._terms.has(field, form) for form in forms):
                    found = Query.phrase_query(build_schema(), field, list(forms))
                    known = [as_stem(form) if field == DESCRIPTION else form for form in forms]
                    rarity = sum(self._words.rarity(form) for form in known)
                    places.append(Query.const_score_query(found, PHRASE_WEIGHTS[field] * rarity))
        return Query.disjunction_max_query(places) if places else Query.empty_query()

    def _phrases(self, field: str, words: Words) -> list[Words]:
        if field != DESCRIPTION:
            return [tuple(one_form(word) for word in words)]
        stemmed = [
            tuple(stem(word, language) for word in words) for language in self._words.languages
        ]
        return list(dict.fromkeys(stemmed))

    def _excluded(self, words: Words) -> Query:
        if len(words) > 1:
            return self.phrase(words)
        # As it is written: who excludes a word does not mean its translations.
        either = [term("words", words[0]), term("exact_acronym", words[0])]
        return Query.disjunction_max_query(either)


def _scored(tiers: Tiers) -> list[Clause]:
    """Whole names as scores on top of what else was found; of the mended ones only the best."""
    scored: list[Clause] = [(Occur.Should, tier.query) for tier in tiers if not tier.is_mended]
    mended = [tier.query for tier in tiers if tier.is_mended]
    if mended:
        scored.append((Occur.Should, Query.disjunction_max_query(mended)))
    return scored
