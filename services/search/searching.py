"""Answering a question: the hits of one page, counted, highlighted and rendered."""

import asyncio
import time
from typing import Any

import orjson
from prometheus_client import Counter, Histogram

from services.search.boundary import IndexFailed, tantivy_calls
from services.search.corrections import did_you_mean
from services.search.distance import distances_of
from services.search.expansion import Expansion, Synonyms
from services.search.explanation import explain_hits
from services.search.finding import WARNINGS, Finding
from services.search.highlights import shown_in, wanted_of
from services.search.hot_answers import Answer
from services.search.pages import Page
from services.search.question import Question
from services.search.view import View
from shared.problems import Unavailable

QUERIES = Counter("search_queries_total", "Searches answered.", ["outcome"])
QUERY_SECONDS = Histogram(
    "search_query_seconds",
    "Time to answer a search, HTTP left out.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)
_ANSWERED, _FAILED = QUERIES.labels("answered"), QUERIES.labels("failed")

# So many common words take up to a tenth of a second among 50,000 records.
_MANY_WORDS = 8


class SearchFailed(Unavailable):
    """The index could not be read."""

    title, kind = "The index cannot be read", "index-unreadable"


async def answer_question(view: View, question: Question, synonyms: Synonyms) -> Answer:
    """The answer to `question` from one state of the index.

    A plain search takes a few tenths of a millisecond, less than handing it to a thread and back
    costs (docs/decisions/search-in-the-event-loop.md). What walks through many records (facets,
    a circle, an order by a field, deep pages) or has many words goes to a thread: tantivy releases
    the GIL.

    Raises:
        SearchFailed: the index could not be read.
    """
    started = time.perf_counter()
    finding = Finding(view, question, synonyms)
    try:
        if (
            question.facets
            or question.cursor
            or question.sort != "relevance"
            or question.explained
            or question.filters.near is not None
            or len(question.wording.words) > _MANY_WORDS
        ):
            answer = await asyncio.to_thread(_answer, finding)
        else:
            answer = _answer(finding)
    except IndexFailed as error:
        _FAILED.inc()
        raise SearchFailed(
            "The search index could not be read; this is logged. Try again in a moment."
        ) from error
    _ANSWERED.inc()
    QUERY_SECONDS.observe(time.perf_counter() - started)
    return answer


def _answer(finding: Finding) -> Answer:
    """The answer, rendered. Blocks."""
    question = finding.question
    expansion, page = finding.find()
    stage = finding.stage
    warnings = [*question.wording.warnings]
    if stage in WARNINGS and page.total:
        warnings.append(WARNINGS[stage])
    rest = {
        "facets": finding.count_facets(expansion),
        "total": page.total,
        "next": page.next,
        "did_you_mean": did_you_mean(
            finding, expansion, page.total, is_name=finding.is_name(expansion, page)
        ),
        "warnings": warnings,
    }
    body = _render(finding, page, expansion, rest)
    return Answer(body, page.total, page.next, question.wording.has_text)


def _render(finding: Finding, page: Page, expansion: Expansion, rest: dict[str, Any]) -> bytes:
    """The answer as JSON; head and record of a hit are spliced in as they were stored."""
    question = finding.question
    wanted = wanted_of(question.wording, expansion, finding.languages)
    has_words = question.wording.has_text
    with tantivy_calls():
        documents: list[Any] = [finding.searcher.doc(hit.address) for hit in page.hits]
        explained = explain_hits(finding, page, expansion) if question.explained else None
        kilometres = _kilometres(finding, page)
    items = []
    for number, (hit, stored) in enumerate(zip(page.hits, documents, strict=True)):
        shown = (
            shown_in(stored.get_first("texts"), wanted, question)
            if has_words
            else {"highlights": {}}
        )
        if kilometres:
            shown["distance_km"] = kilometres[number]
        if explained is not None:
            shown["explanation"] = explained[number]
        parts = (
            stored.get_first("head"),
            hit.score,
            orjson.dumps(shown)[1:-1],
            stored.get_first("record"),
        )
        items.append(b'%b,"score":%.4f,%b,"record":%b}' % parts)
    return b'{"items":[%b],%b' % (b",".join(items), orjson.dumps(rest)[1:])


def _kilometres(finding: Finding, page: Page) -> list[float]:
    """How far each hit is from where one looks, in whatever order; nothing without a place."""
    near = finding.question.filters.near
    if near is None:
        return []
    return distances_of(finding.searcher, [hit.address for hit in page.hits], near)[0]
