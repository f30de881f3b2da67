"""Answering a question: the hits of one page, counted, highlighted and rendered."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import orjson
from prometheus_client import Counter, Histogram
from tantivy import Query, Searcher

from services.search.boundary import IndexFailed, tantivy_calls
from services.search.highlights import Wanted, highlights_of
from services.search.query import build_query
from services.search.question import Question
from services.search.ranking import Page, page_by_field, page_by_score, wants_every_word
from services.search.reading import IndexReader
from shared.problems import Unavailable

QUERIES = Counter("search_queries_total", "Searches answered.", ["outcome"])
QUERY_SECONDS = Histogram(
    "search_query_seconds",
    "Time to answer a search, HTTP left out.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)
_ANSWERED, _FAILED = QUERIES.labels("answered"), QUERIES.labels("failed")
_MOST_FACET_VALUES = 1_000


class SearchFailed(Unavailable):
    """The index could not be read."""

    title, kind = "The index cannot be read", "index-unreadable"


@dataclass(frozen=True, slots=True)
class Answer:
    """A rendered answer, and the cursor of the next page."""

    body: bytes
    next: str | None


async def answer_question(reading: IndexReader, question: Question) -> Answer:
    """The answer to `question` from the newest commit.

    A plain search takes a few tenths of a millisecond, less than handing it to a thread and back
    costs (docs/decisions/search-in-the-event-loop.md). What walks through many
    records (facets, an order by a field, deep pages) goes to a thread: tantivy releases the GIL.

    Raises:
        IndexNotReady: there is no index yet.
        SearchFailed: the index could not be read.
    """
    started = time.perf_counter()
    searcher = reading.searcher()
    try:
        if question.facets or question.cursor or question.sort != "relevance":
            answer = await asyncio.to_thread(_answer, searcher, question)
        else:
            answer = _answer(searcher, question)
    except IndexFailed as error:
        _FAILED.inc()
        raise SearchFailed(
            "The search index could not be read; this is logged. Try again in a moment."
        ) from error
    _ANSWERED.inc()
    QUERY_SECONDS.observe(time.perf_counter() - started)
    return answer


def _answer(searcher: Searcher, question: Question) -> Answer:
    said = wants_every_word(question)
    every_word = said if said is not None else True
    query, page = _find(searcher, question, every_word)
    warnings = question.warnings
    if page.total == 0 and said is None and len(question.words) > 1:
        every_word = False
        query, page = _find(searcher, question, every_word)
    if not every_word and page.total:
        warnings = [*warnings, "No record has every word of q; these have some of them."]
    facets = {
        name: _count_values(searcher, question, query, name, every_word) for name in question.facets
    }
    return Answer(_render(searcher, question, page, facets, warnings), page.next)


def _find(searcher: Searcher, question: Question, every_word: bool) -> tuple[Query, Page]:
    query = build_query(question, every_word=every_word)
    if question.sort == "relevance":
        return query, page_by_score(searcher, query, question, every_word)
    return query, page_by_field(searcher, query, question)


def _count_values(
    searcher: Searcher, question: Question, query: Query, name: str, every_word: bool
) -> list[dict[str, Any]]:
    """How many hits each value of a facet has.

    A facet that is filtered by is counted as if it were not, the other filters being kept: its
    numbers are what one would get by choosing another value.
    """
    if name in question.filters:
        query = build_query(question, every_word=every_word, without=name)
    wanted = {name: {"terms": {"field": name, "size": _MOST_FACET_VALUES}}}
    with tantivy_calls():
        counted = searcher.aggregate(query, wanted)
    values = [
        {"value": bucket["key"], "count": bucket["doc_count"]}
        for bucket in counted[name]["buckets"]
    ]
    return sorted(values, key=lambda value: (-int(value["count"]), str(value["value"])))


def _render(
    searcher: Searcher,
    question: Question,
    page: Page,
    facets: dict[str, list[dict[str, Any]]],
    warnings: list[str],
) -> bytes:
    """The answer as JSON; head and record of a hit are spliced in as they were stored."""
    wanted = Wanted(question.words, question.prefix)
    with tantivy_calls():
        documents: list[Any] = [searcher.doc(address) for _, address in page.hits]
    items = []
    for (score, _), stored in zip(page.hits, documents, strict=True):
        highlights = highlights_of(stored.get_first("texts"), wanted) if question.words else {}
        parts = (
            stored.get_first("head"),
            score,
            orjson.dumps(highlights),
            stored.get_first("record"),
        )
        items.append(b'%b,"score":%.4f,"highlights":%b,"record":%b}' % parts)
    rest = {"facets": facets, "total": page.total, "next": page.next, "warnings": warnings}
    return b'{"items":[%b],%b' % (b",".join(items), orjson.dumps(rest)[1:])
