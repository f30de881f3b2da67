"""What a question finds: tried as it is, and in other ways while little or nothing is found."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tantivy import Occur, Query, Searcher

from services.search.boundary import tantivy_calls
from services.search.clauses import Clause, filter_clauses, silent
from services.search.distance import within_circle
from services.search.expansion import Expansion, Synonyms, expand
from services.search.facets import EVERY_VALUE, MOST_VALUES, count_facets
from services.search.pages import Page, find_page, stage_of_cursor
from services.search.query import Mode, QueryBuilder
from services.search.question import Question
from services.search.ranking import TIER
from services.search.taxonomy import NO_TOPICS, Taxonomy, any_topic
from services.search.terms import Terms
from services.search.view import View

# How a question is tried, one after the other until something is found, or enough. The number
# stands in cursors.
AS_ASKED, WITH_NAMES, MENDED, SOME_WORDS = 0, 1, 2, 3
_MODES = {
    AS_ASKED: Mode.every_word,
    WITH_NAMES: Mode.every_word_or_name,
    MENDED: Mode.every_word,
    SOME_WORDS: Mode.some_words,
}
# With fewer hits than this, whole names within the question are taken as well.
_FEW = 5
WARNINGS = {
    WITH_NAMES: "Few records have every word of q, so whole names within q were found as well.",
    SOME_WORDS: "No record has every word of q; these have some of them.",
}
_TOPICAL = ("topic", "strand")


class Finding:
    """What one question finds in one state of the index. Its methods block."""

    def __init__(self, view: View, question: Question, synonyms: Synonyms) -> None:
        self.view = view
        self.question = question
        self._terms = Terms(view.searcher, view.vocabulary, question.audience)
        self.languages = self._terms.words.languages
        self._synonyms = synonyms
        self.searcher: Searcher = view.searcher
        self.builder = QueryBuilder(self._terms, question, view.words)
        self.stage = AS_ASKED
        self._circle: list[Clause] | None = None
        self._taxonomy: Taxonomy | None = None

    def facets(self) -> dict[str, list[dict[str, Any]]]:
        """The counts of the question's facets alone, of all their values."""
        expansion, _ = self.find()
        return self.count_facets(expansion, EVERY_VALUE)

    def count_facets(
        self, expansion: Expansion, most: int = MOST_VALUES
    ) -> dict[str, list[dict[str, Any]]]:
        """How many hits each value of the question's facets has, `most` values of each."""
        return count_facets(
            self.searcher,
            self.question.facets,
            tuple(self.question.filters.chosen),
            lambda without: self.query(expansion, self.stage, without=without),
            self.taxonomy() if self.question.facets else NO_TOPICS,
            most,
        )

    def find(self) -> tuple[Expansion, Page]:
        """What was looked for and the page; `stage` says from then on how it was found."""
        said = stage_of_cursor(self.question)
        if said is not None:
            return self._find_at(min(said, SOME_WORDS))
        expansion, page = self._find_at(AS_ASKED)
        wants_more = len(expansion.units) > 2 and not self.is_name(expansion, page)
        if 0 < page.total < _FEW and wants_more:
            more = self._find_at(WITH_NAMES)
            if more[1].total > page.total:
                return more
            self.stage = AS_ASKED
        if page.total:
            return expansion, page
        mended = self.expansion(MENDED)
        if mended != expansion:
            expansion, page = self._find_at(MENDED)
        if not page.total and len(expansion.units) > 1:
            expansion, page = self._find_at(SOME_WORDS)
        return expansion, page

    def _find_at(self, stage: int) -> tuple[Expansion, Page]:
        self.stage = stage
        expansion = self.expansion(stage)
        query = self.query(expansion, stage)
        with tantivy_calls():
            return expansion, find_page(self.searcher, query, self.question, stage)

    def is_name(self, expansion: Expansion, page: Page) -> bool:
        """Whether the question is the whole name of what was found, so it was meant as it is."""
        if not page.hits or not self.question.wording.has_text:
            return False
        if self.question.sort == "relevance":
            return page.hits[0].score >= TIER
        # In another order the first hit says nothing, but the same has to be found.
        query = self.query(expansion, self.stage)
        with tantivy_calls():
            ((score, _),) = self.searcher.search(query, limit=1, count=False).hits
        return bool(score >= TIER)

    def expansion(self, stage: int) -> Expansion:
        """The words of the question with all that they stand for at `stage`."""
        return expand(
            self.question.wording,
            self.view.vocabulary,
            self.question.audience,
            self._synonyms,
            self._terms.abbreviations_of,
            mend_every=stage in {MENDED, SOME_WORDS},
        )

    @property
    def mode(self) -> Mode:
        """Which records were taken."""
        return _MODES[self.stage]

    def query(self, expansion: Expansion, stage: int, without: str | None = None) -> Query:
        """The query, the filter of one facet left out if asked."""
        filters = self.filters(without)
        # The index is asked how many documents have which word.
        with tantivy_calls():
            return self.builder.matching(expansion, filters, _MODES[stage])

    def filters(self, without: str | None = None) -> list[Clause]:
        """The clauses of the question's filters, those of the facet `without` left out."""
        filters = self.question.filters
        plain = {name: values for name, values in filters.chosen.items() if name not in _TOPICAL}
        clauses = filter_clauses(plain, filters.ranges, without)
        for name in _TOPICAL:
            if name in filters.chosen and name != without:
                query = any_topic(filters.chosen[name], self.taxonomy())
                clauses.append((Occur.Must, silent(query)))
        if filters.near is not None:
            if self._circle is None:
                with tantivy_calls():
                    circle = within_circle(self.searcher, filters.near)
                self._circle = [(Occur.Must, silent(circle))]
            clauses += self._circle
        return clauses

    def taxonomy(self) -> Taxonomy:
        """The topics."""
        if self._taxonomy is None:
            with tantivy_calls():
                self._taxonomy = self.view.taxonomy()
        return self._taxonomy

    def found_by(self, words: Sequence[str]) -> tuple[int, bool]:
        """How many hits other words would have, filters being kept, and whether they are a name."""
        wording = replace(
            self.question.wording, words=tuple(words), prefix=None, whole=" ".join(words)
        )
        question = replace(self.question, wording=wording, cursor=None, limit=1, sort="relevance")
        other = Finding(self.view, question, self._synonyms)
        other._circle, other._taxonomy = self._circle, self._taxonomy
        with tantivy_calls():
            query = other.query(other.expansion(AS_ASKED), AS_ASKED)
            page = find_page(self.searcher, query, question, AS_ASKED)
        return page.total, bool(page.hits) and page.hits[0].score >= TIER
