"""The order of hits, the same on every page: by score with ties settled, or by a field."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from tantivy import DocAddress, Order, Query, Searcher

from services.search.boundary import tantivy_calls, total_of
from services.search.question import Question
from services.search.schema import SORT_FIELDS
from shared.paging import BadCursor, decode_cursor, encode_cursor

_GROWTH = 4

ScoreKey = tuple[float, int, int]
"""Score turned around, precedence, number of the id: ascending is the order of the hits."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of hits."""

    hits: list[tuple[float, DocAddress]]
    total: int
    next: str | None


def wants_every_word(question: Question) -> bool | None:
    """What the cursor says of the pages before; None on the first page or where it is unsaid."""
    if question.cursor is None or question.sort != "relevance":
        return None
    return bool(_decode(question, str, int, int, float, int, int)[1])


def page_by_score(searcher: Searcher, query: Query, question: Question, every_word: bool) -> Page:
    """The page of `question` in the order of relevance.

    tantivy settles equal scores by where a document lies, which changes with every merge. So ties
    are settled here, and a group of equals is used only when all of it was fetched.

    Every commit and every merge moves all scores a little. So a page begins behind the record that
    ended the page before, wherever that stands now; its score counts only if it is gone.
    """
    depth: int = 0
    after: ScoreKey | None = None
    if question.cursor is not None:
        _, _, depth, score, precedence, number = _decode(question, str, int, int, float, int, int)
        after = (-score, precedence, number)
    wanted = max(1, depth) + question.limit + 1
    while True:
        wanted = min(wanted, searcher.num_docs + 1)
        with tantivy_calls():
            found = searcher.search(query, limit=wanted)
        complete = len(found.hits) < wanted
        ordered = _settle_ties(searcher, found.hits)
        if not complete:
            worst = ordered[-1][0][0]
            ordered = [entry for entry in ordered if entry[0][0] < worst]
        begin = 0 if after is None else _place_after(ordered, after)
        if begin is None and not complete:
            wanted *= _GROWTH
            continue
        if begin is None:
            begin = bisect_right(ordered, after, key=lambda entry: entry[0])
        page = ordered[begin : begin + question.limit]
        if complete or len(ordered) > begin + question.limit:
            break
        wanted *= _GROWTH
    following = None
    if len(ordered) > begin + len(page):
        (turned, precedence, number), _ = page[-1]
        following = encode_cursor(
            question.fingerprint,
            int(every_word),
            begin + len(page),
            -turned,
            precedence,
            number,
        )
    return Page([(-key[0], address) for key, address in page], total_of(found), following)


def page_by_field(searcher: Searcher, query: Query, question: Question) -> Page:
    """The page of `question` in the order of a field whose values are unique.

    The page before tells how deep it ended and with which value. Where records came or went in
    between, the value decides, so nothing is shown twice or left out.
    """
    depth, after = 0, None
    if question.cursor is not None:
        _, depth, after = _decode(question, str, int, str)
    descending = question.sort == "modified"
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
        following = encode_cursor(question.fingerprint, last, keys[last - 1])
    return Page([(0.0, address) for _, address in page], total_of(found), following)


def _settle_ties(
    searcher: Searcher, hits: list[tuple[float, DocAddress]]
) -> list[tuple[ScoreKey, DocAddress]]:
    addresses = [address for _, address in hits]
    if not addresses:
        return []
    with tantivy_calls():
        precedences = searcher.fast_field_values("precedence", addresses)
        numbers = searcher.fast_field_values("id_number", addresses)
    entries = [
        ((-score, int(precedence or 0), int(number or 0)), address)
        for (score, address), precedence, number in zip(hits, precedences, numbers, strict=True)
    ]
    entries.sort(key=lambda entry: entry[0])
    return entries


def _place_after(ordered: list[tuple[ScoreKey, DocAddress]], after: ScoreKey) -> int | None:
    """The place behind the record of `after`; None where it is not among `ordered`."""
    for at in range(len(ordered) - 1, -1, -1):
        if ordered[at][0][1:] == after[1:]:
            return at + 1
    return None


def _decode(question: Question, *kinds: type) -> tuple[Any, ...]:
    position = decode_cursor(question.cursor or "", *kinds)
    depths = [value for value in position if isinstance(value, int)]
    if position[0] != question.fingerprint or min(depths) < 0:
        raise BadCursor(
            "The cursor belongs to another search. Use it with the same q, filters and sort as "
            "the page before, or leave it out to begin at the first page."
        )
    return position
