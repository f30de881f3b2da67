"""Why a hit stands where it stands: its tier, what each word counts, and what settles ties."""

from collections.abc import Sequence
from typing import Any

from tantivy import Occur, Query, Searcher

from services.search.clauses import silent, term
from services.search.expansion import Expansion, Other, Unit
from services.search.finding import Finding
from services.search.pages import Page
from services.search.query import Mode, QueryBuilder
from services.search.ranking import PREFIX_SCORE, reading_of_precedence
from services.search.schema import DESCRIPTION, FOUND, PREFIXES, build_schema
from services.search.text import PREFIX_LETTERS
from services.search.wording import Words
from shared.records import JsonObject

_TIERS = {
    "exact_display": "the question is its display name",
    "exact_former": "the question is a former name of it or a name of a body it took over",
    "exact_ceased": "the question is the display name of a body that has ceased",
    "exact_acronym": "the question is its acronym",
    "exact_other": "the question is another name or an identifier of it",
    "same_words": "a name of it has the same words, in whatever order",
    "name_and_place": "the question is a name of it and where it is",
    "contained": "a whole name of it is a part of the question",
}


def explain_hits(finding: Finding, page: Page, expansion: Expansion) -> list[JsonObject]:
    """An explanation of each hit of `page`. Blocks; asks the index for each part of the query."""
    searcher: Searcher = finding.view.searcher
    addresses = [hit.address for hit in page.hits]
    if not addresses:
        return []
    numbers = [int(found or 0) for found in searcher.fast_field_values("id_number", addresses)]
    precedences = [int(found or 0) for found in searcher.fast_field_values("precedence", addresses)]
    asking = _Asking(searcher, numbers)
    builder = finding.builder
    tiers = [
        (tier.name, tier.is_mended, asking.scores(tier.query))
        for tier in builder.names.tiers(expansion)
    ]
    contained = [] if finding.mode is Mode.every_word else builder.names.contained(expansion)
    if contained:
        scores = asking.scores(Query.disjunction_max_query(contained))
        tiers.append(("contained", False, scores))
    words = [part for unit in expansion.units for part in _parts_of(builder, asking, unit)]
    words += [_phrase_part(builder, asking, phrase) for phrase in finding.question.wording.phrases]
    return [
        {
            "tier": _best_tier(tiers, number),
            "words": [
                {**shown, "score": round(scores[number], 4)}
                for shown, scores in words
                if number in scores
            ],
            "ties": reading_of_precedence(precedence),
        }
        for number, precedence in zip(numbers, precedences, strict=True)
    ]


class _Asking:
    """Asks what a query scores for the hits of one page."""

    def __init__(self, searcher: Searcher, numbers: Sequence[int]) -> None:
        self._searcher = searcher
        self._count = len(numbers)
        self._page = silent(Query.term_set_query(build_schema(), "id_number", list(numbers)))

    def scores(self, query: Query) -> dict[int, float]:
        """The score of each hit that matches, by the number of its id."""
        both = Query.boolean_query([(Occur.Must, self._page), (Occur.Must, query)])
        hits = self._searcher.search(both, limit=self._count, count=False).hits
        addresses = [address for _, address in hits]
        if not addresses:
            return {}
        numbers = self._searcher.fast_field_values("id_number", addresses)
        return {int(number or 0): score for number, (score, _) in zip(numbers, hits, strict=True)}


def _best_tier(
    tiers: Sequence[tuple[str, bool, dict[int, float]]], number: int
) -> JsonObject | None:
    reached = [
        (scores[number], name, is_mended) for name, is_mended, scores in tiers if number in scores
    ]
    if not reached:
        return None
    score, name, is_mended = max(reached)
    sentence = _TIERS[name] + (", once its typing errors are mended" if is_mended else "")
    return {"name": name, "mended": is_mended, "score": round(score, 4), "because": sentence}


Part = tuple[dict[str, Any], dict[int, float]]


def _parts_of(builder: QueryBuilder, asking: _Asking, unit: Unit) -> list[Part]:
    parts = []
    for word in unit.words:
        parts += _word_parts(builder, asking, word, word, "as asked", 1.0)
    if unit.prefix is not None:
        beginning = term(PREFIXES, unit.prefix[: PREFIX_LETTERS[1]])
        shown = {"word": unit.prefix, "found": f"{unit.prefix}…", "how": "beginning of a word",
                 "field": "names"}  # fmt: skip
        scores = asking.scores(Query.const_score_query(beginning, PREFIX_SCORE))
        parts.append((shown, scores))
    for other in unit.others:
        parts += _other_parts(builder, asking, unit, other)
    return [part for part in parts if part[1]]


def _phrase_part(builder: QueryBuilder, asking: _Asking, words: Words) -> Part:
    phrase = " ".join(words)
    shown = {"word": phrase, "found": phrase, "how": "side by side", "field": "any"}
    return shown, asking.scores(builder.phrase(words))


def _other_parts(builder: QueryBuilder, asking: _Asking, unit: Unit, other: Other) -> list[Part]:
    asked, share = " ".join(unit.words), builder.share_of(other, unit)
    if len(other.words) > 1:
        shown = {"word": asked, "found": " ".join(other.words), "how": other.how, "field": "any"}
        return [(shown, asking.scores(Query.boost_query(builder.other(other), share)))]
    return _word_parts(builder, asking, asked, other.words[0], other.how, share)


def _word_parts(
    builder: QueryBuilder, asking: _Asking, asked: str, word: str, how: str, share: float
) -> list[Part]:
    parts = []
    for field, form in builder.places(word):
        place = _place(builder, word, field, form)
        shown = {
            "word": asked,
            "found": form,
            "how": how,
            "field": "anywhere" if field == FOUND else field,
        }
        parts.append((shown, asking.scores(Query.boost_query(place, share))))
    return parts


def _place(builder: QueryBuilder, word: str, field: str, form: str) -> Query:
    if field == FOUND:
        return builder.anywhere(form)
    if field == DESCRIPTION:
        return builder.described(word, form)
    return builder.in_field(field, form)
