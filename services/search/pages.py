"""One page of hits, in an order that is the same on every page, however deep it lies."""

from bisect import bisect_right
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from typing import Any

from tantivy import DocAddress, Order, Query, Searcher

from services.search.boundary import tantivy_calls, total_of
from services.search.distance import distances_of
from services.search.filters import Near
from services.search.question import Question
from services.search.ranking import settled_score
from services.search.schema import SORT_FIELDS
from shared.paging import BadCursor, decode_cursor, encode_cursor

_GROWTH = 4

# What a cursor holds behind the stage, by the order of the hits.
_POSITIONS: dict[str, tuple[type, ...]] = {
    "relevance": (int, float, int, int),
    "distance": (float, int),
}
_IN_A_FIELD = (int, str)

ScoreKey = tuple[float, int, int]
"""Score turned around, precedence, number of the id: ascending is the order of the hits."""
ScoredHit = tuple[float, DocAddress]


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found."""

    score: float
    address: DocAddress


@dataclass(frozen=True, slots=True)
class Page:
    """One page of hits."""

    hits: list[Hit] = field(default_factory=list)
    total: int = 0
    next: str | None = None


def stage_of_cursor(question: Question) -> int | None:
    """How the pages before were looked for; None on the first page."""
    if question.cursor is None:
        return None
    return int(_decode(question, *_POSITIONS.get(question.sort, _IN_A_FIELD))[0])


def find_page(searcher: Searcher, query: Query, question: Question, stage: int) -> Page:
    """The page of `question`; `stage` goes into the cursor, so that the next is found likewise."""
    if question.sort == "relevance":
        return _page_by_score(searcher, query, question, stage)
    if question.sort == "distance" and question.filters.near is not None:
        return _page_by_distance(searcher, query, question, stage, question.filters.near)
    return _page_by_field(searcher, query, question, stage)


def _page_by_score(searcher: Searcher, query: Query, question: Question, stage: int) -> Page:
    """The page in the order of relevance.

    tantivy settles equal scores by where a document lies, which changes with every merge. So ties
    are settled here, and a group of equals is used only when all of it was fetched.

    Every commit and every merge moves all scores a little. So a page begins behind the record that
    ended the page before, wherever that stands now; its score counts only if it is gone.
    """
    depth: int = 0
    after: ScoreKey | None = None
    if question.cursor is not None:
        _, depth, score, precedence, number = _decode(question, *_POSITIONS["relevance"])
        after = (-score, precedence, number)
    # One more shows that there is a next page, and another one ends the group before it.
    wanted = depth + question.limit + 2
    growth = _GROWTH
    while True:
        wanted = min(wanted, searcher.num_docs + 1)
        with tantivy_calls():
            found = searcher.search(query, limit=wanted)
        hits = [(settled_score(score), address) for score, address in found.hits]
        complete = len(hits) < wanted
        if complete and len(hits) < 2 and after is None:
            return Page([Hit(*hit) for hit in hits], total_of(found))
        if not complete:
            worst = min(score for score, _ in hits)
            hits = [hit for hit in hits if hit[0] > worst]
        if complete or len(hits) > depth + question.limit:
            begin: int | None = 0
            if after is None:
                ordered = _settle_ties(searcher, hits, question.limit + 1)
            else:
                ordered, begin = _all_behind(searcher, hits, after, complete=complete)
            if begin is not None and (complete or len(ordered) > begin + question.limit):
                break
        # Where many are equal, it is soon better to have all of them.
        wanted *= growth
        growth *= growth
    page = ordered[begin : begin + question.limit]
    following = None
    if len(ordered) > begin + len(page):
        ((turned, precedence, number),) = _keys_of(searcher, page[-1:])
        following = _encode(question, stage, begin + len(page), -turned, precedence, number)
    return Page([Hit(*hit) for hit in page], total_of(found), following)


def _page_by_field(searcher: Searcher, query: Query, question: Question, stage: int) -> Page:
    """The page in the order of a field whose values are unique.

    The page before tells how deep it ended and with which value. Where records came or went in
    between, the value decides, so nothing is shown twice or left out.
    """
    depth, after = 0, None
    if question.cursor is not None:
        _, depth, after = _decode(question, *_IN_A_FIELD)
    descending = question.sort != "name"
    wanted = depth + question.limit + 1
    while True:
        wanted = min(wanted, searcher.num_docs + 1)
        with tantivy_calls():
            found = searcher.search(
                query,
                limit=wanted,
                order_by_field=SORT_FIELDS[question.sort],
                order=Order.Desc if descending else Order.Asc,
            )
        keys = [str(key) for key, _ in found.hits]
        begin = 0
        if after is not None:
            begin = next(
                (
                    at
                    for at in range(len(keys))
                    if (keys[at] < after if descending else keys[at] > after)
                ),
                len(keys),
            )
        if len(keys) < wanted or len(keys) > begin + question.limit:
            break
        wanted *= _GROWTH
    page = found.hits[begin : begin + question.limit]
    following = None
    if len(keys) > begin + len(page):
        last = begin + len(page)
        following = _encode(question, stage, last, keys[last - 1])
    return Page([Hit(0.0, address) for _, address in page], total_of(found), following)


def _page_by_distance(
    searcher: Searcher, query: Query, question: Question, stage: int, near: Near
) -> Page:
    """The page in the order of distance from where one looks; every hit has a place."""
    after = (-1.0, -1)
    if question.cursor is not None:
        _, km, number = _decode(question, *_POSITIONS["distance"])
        after = (float(km), int(number))
    with tantivy_calls():
        found = searcher.search(query, limit=searcher.num_docs + 1)
        addresses = [address for _, address in found.hits]
        kilometres, numbers = distances_of(searcher, addresses, near)
    ordered = sorted(zip(kilometres, numbers, addresses, strict=True), key=lambda entry: entry[:2])
    begin = bisect_right(ordered, after, key=lambda entry: entry[:2])
    page = ordered[begin : begin + question.limit]
    following = None
    if len(ordered) > begin + len(page):
        following = _encode(question, stage, page[-1][0], page[-1][1])
    return Page([Hit(0.0, address) for _, _, address in page], total_of(found), following)


def _settle_ties(searcher: Searcher, hits: list[ScoredHit], most: int) -> list[ScoredHit]:
    """The first of `hits` in their order, `most` of them or a few more that are equal so far.

    Thousands may have the same score: what settles it is looked up only for those that can be
    among the first, and only as far as it takes.
    """
    if len(hits) > most:
        least = nlargest(most, [score for score, _ in hits])[-1]
        hits = [hit for hit in hits if hit[0] >= least]
    if len({score for score, _ in hits}) == len(hits):
        return hits
    ranks = _numbers_in(searcher, "precedence", hits)
    ranked = [(-score, rank) for (score, _), rank in zip(hits, ranks, strict=True)]
    if len(hits) > most:
        last = nsmallest(most, ranked)[-1]
        kept = [at for at, key in enumerate(ranked) if key <= last]
        hits, ranked = [hits[at] for at in kept], [ranked[at] for at in kept]
    keys: list[Any] = ranked
    if len(set(ranked)) < len(ranked):
        numbers = _numbers_in(searcher, "id_number", hits)
        keys = [(*key, number) for key, number in zip(ranked, numbers, strict=True)]
    return [hits[at] for at in sorted(range(len(hits)), key=keys.__getitem__)]


def _all_behind(
    searcher: Searcher, hits: list[ScoredHit], after: ScoreKey, *, complete: bool
) -> tuple[list[ScoredHit], int | None]:
    """All of `hits` in their order, and where those begin that come after a record.

    None where that cannot be told yet, as the record is not among them.
    """
    entries = sorted(zip(_keys_of(searcher, hits), hits, strict=True), key=lambda entry: entry[0])
    ordered = [hit for _, hit in entries]
    for at in range(len(entries) - 1, -1, -1):
        if entries[at][0][1:] == after[1:]:
            return ordered, at + 1
    begin = bisect_right(entries, after, key=lambda entry: entry[0]) if complete else None
    return ordered, begin


def _keys_of(searcher: Searcher, hits: list[ScoredHit]) -> list[ScoreKey]:
    ranks = _numbers_in(searcher, "precedence", hits)
    numbers = _numbers_in(searcher, "id_number", hits)
    return [
        (-score, rank, number)
        for (score, _), rank, number in zip(hits, ranks, numbers, strict=True)
    ]


def _numbers_in(searcher: Searcher, field: str, hits: list[ScoredHit]) -> list[int]:
    if not hits:
        return []
    with tantivy_calls():
        found = searcher.fast_field_values(field, [address for _, address in hits])
    return [int(number or 0) for number in found]


def _encode(question: Question, stage: int, *position: Any) -> str:
    return encode_cursor(question.fingerprint, stage, *position)


def _decode(question: Question, *kinds: type) -> tuple[Any, ...]:
    """What `_encode` put behind the fingerprint.

    Raises:
        BadCursor: it was handed out for another search, or by nobody.
    """
    fingerprint, *position = decode_cursor(question.cursor or "", str, int, *kinds)
    if fingerprint != question.fingerprint or any(
        value < 0 for value in position if isinstance(value, int)
    ):
        raise BadCursor(
            "The cursor belongs to another search. Use it with the same q, filters and sort as "
            "the page before, or leave it out to begin at the first page."
        )
    return tuple(position)
