"""Names that go on as what was typed so far, within the time between two keystrokes."""

from collections.abc import Sequence
from typing import Any

import orjson
from tantivy import Occur, Query, Searcher

from services.search.boundary import IndexFailed, tantivy_calls
from services.search.clauses import Clause, filter_clauses, silent, term
from services.search.expansion import readings_of
from services.search.name_words import one_form
from services.search.pages import find_page
from services.search.question import Question
from services.search.ranking import NAME_BEGINS, TIERS
from services.search.reading import IndexReader
from services.search.schema import NAMES, PREFIXES, TITLE
from services.search.searching import SearchFailed
from services.search.text import PREFIX_LETTERS
from services.search.view import View
from services.search.wording import Words, carrying
from shared.folding import folded_name
from shared.records import JsonObject

# Of more names that begin alike, which is only so after a few letters, no one is meant.
_MOST_BEGINNINGS = 50
_FEWEST_LETTERS = 2


def suggest(reading: IndexReader, question: Question) -> bytes:
    """The answer of GET /suggest to `question`, as JSON.

    Raises:
        IndexNotReady: there is no index yet.
        SearchFailed: it could not be read.
    """
    wording = question.wording
    # The word that may go on is none of a phrase, and it comes last.
    words = tuple(word for phrase in (*wording.phrases, wording.words) for word in phrase)
    if len("".join(words)) < _FEWEST_LETTERS:
        return b'{"items":[]}'
    view = reading.view()
    try:
        with tantivy_calls():
            items = _suggestions(view, question, words, wording.unfinished)
            if not items:
                items = _mended_suggestions(view, question, words)
    except IndexFailed as error:
        raise SearchFailed(
            "The search index could not be read; this is logged. Try again in a moment."
        ) from error
    return orjson.dumps({"items": items})


def _mended_suggestions(view: View, question: Question, words: Words) -> list[JsonObject]:
    """What goes on as the likeliest reading of `words` of which anything does.

    A reading that is somebody's whole name comes before those that are likelier.
    """
    likeliest: list[JsonObject] = []
    for reading in readings_of(words, view.vocabulary, question.audience):
        items = _suggestions(view, question, reading, True)
        whole = " ".join(reading)
        if any(folded_name(item["matched"]) == whole for item in items):
            return items
        likeliest = likeliest or items
    return likeliest


def _suggestions(view: View, question: Question, words: Words, may_go_on: bool) -> list[JsonObject]:
    searcher = view.searcher
    whole = " ".join(words)
    seen = term("audience", question.audience)
    clauses: list[Clause] = [(Occur.Must, silent(seen))]
    clauses += filter_clauses(question.filters.chosen, {})
    *complete, last = words
    for word in carrying(tuple(complete)):
        clauses.append((Occur.Must, silent(_in_a_name(searcher, word, False))))
    # One letter, as the next word begins with, says too little to leave anything out.
    if not may_go_on or len(last) >= PREFIX_LETTERS[0]:
        clauses.append((Occur.Must, silent(_in_a_name(searcher, last, may_go_on))))
    clauses += [
        (Occur.Should, query)
        for query in _names_that_begin(searcher, whole, term("audience", question.audience))
    ]
    page = find_page(searcher, Query.boolean_query(clauses), question, 0)
    documents: list[Any] = [searcher.doc(hit.address) for hit in page.hits]
    return [_suggestion(stored, whole, words) for stored in documents]


def _in_a_name(searcher: Searcher, word: str, may_go_on: bool) -> Query:
    """Records that have `word` in a name, or one that begins so."""
    fields = [
        (field, one_form(word)) for field in (TITLE, NAMES)
        if searcher.doc_freq(field, one_form(word))
    ]  # fmt: skip
    if may_go_on:
        fields.append((PREFIXES, word[: PREFIX_LETTERS[1]]))
    if not fields:
        return Query.empty_query()
    return Query.boolean_query([(Occur.Should, term(field, form)) for field, form in fields])


def _names_that_begin(searcher: Searcher, whole: str, seen: Query) -> list[Query]:
    """Names that begin with all that was typed, the better kinds of names worth more."""
    found = []
    for field in ("exact_display", "exact_acronym", "exact_former"):
        # Names that others see are among these, and the audience's clause keeps them from coming
        # up; only where there are very many could they be in the way of those that do.
        begins = searcher.terms_with_prefix(field, whole, limit=_MOST_BEGINNINGS)
        if len(begins) == _MOST_BEGINNINGS:
            begins = searcher.terms_with_prefix(field, whole, seen, limit=_MOST_BEGINNINGS)
        for name, _ in begins:
            score = NAME_BEGINS * TIERS[field] + (1 if name == whole else 0)
            found.append(Query.const_score_query(term(field, name), score))
    return [Query.disjunction_max_query(found)] if found else []


def _suggestion(stored: Any, whole: str, words: Sequence[str]) -> JsonObject:
    head: JsonObject = orjson.loads(stored.get_first("head") + b"}")
    texts: JsonObject = orjson.loads(stored.get_first("texts"))
    names = [
        name for field in ("names", "acronyms", "former_names") for name in texts.get(field, ())
    ]
    folded = {name: folded_name(name) for name in names}
    begins = [name for name in names if folded[name].startswith(whole)]
    has_words = [name for name in names if all(word in folded[name] for word in words)]
    matched = next(iter([*begins, *has_words]), head["title"])
    return {"text": head["title"], "kind": head["kind"], "id": head["id"], "matched": matched}
