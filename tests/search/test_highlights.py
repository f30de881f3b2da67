"""Highlights find the words that the index finds, and let no markup through."""

from html import unescape
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.search.highlights import Wanted, mark_spans
from services.search.name_words import one_form
from services.search.placed_words import placed_words
from shared.folding import words_of


def mark(text: str, wanted: Wanted) -> str | None:
    """`text` with its wanted words marked; None without any."""
    spans = wanted.spans_in(text)
    return mark_spans(text, spans) if spans else None


EUROPEAN = st.text(st.characters(max_codepoint=0x052F), max_size=80)


@given(text=EUROPEAN)
def test_every_word_that_is_indexed_is_marked(text: str) -> None:
    """Writing, asking and showing split and fold text alike."""
    for word in words_of(text):
        assert mark(text, Wanted([word], None)) is not None


def test_a_character_that_folds_to_two_words_is_shown_once() -> None:
    """¼ folds to 1 and 4; found by hypothesis, kept as an example."""
    assert mark("¼", Wanted(["1", "4"], None)) == "<mark>¼</mark>"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("The O'Brien Centre", "The <mark>O&#x27;Brien</mark> Centre"),
        ("O’Brien' (O´Brien)", "<mark>O’Brien</mark>&#x27; (O´Brien)"),
        ("ﬁnance: O'BRIEN’s", None),
    ],
)
def test_an_apostrophe_is_part_of_a_word(text: str, marked: str | None) -> None:
    """A word with apostrophes within is marked whole, and not where it is another word."""
    assert mark(text, Wanted(["obrien"], None)) == marked


LATIN = ["university", "Universität", "organise", "Organized", "iz", "O'Brien's", "état", "State"]
OTHERS = ["estate", "stateless", "état_state", "日本", "नमस्ते", "¼", "centre", "¼state", "<b>"]
WORDS = st.sampled_from([*LATIN, *OTHERS])


@example(texts=["State", "estate", "stateless"], asked=["state", "¼"], run=False)
@given(texts=st.lists(WORDS, max_size=6), asked=st.lists(WORDS, max_size=3), run=st.booleans())
def test_what_is_marked_is_what_was_wanted(texts: list[str], asked: list[str], run: bool) -> None:
    """Every word in one form with a wanted one, or that begins as the last one does; no other."""
    words = [folded for word in asked for folded in words_of(word)]
    prefix = words[-1] if words else None
    runs = [("nowhere", "to", "be", "found"), ("state", "state")] if run else []
    text = " ".join(texts)
    forms = {one_form(word) for word in words}
    placed = placed_words(text)
    expected = [
        (begin, end)
        for word, begin, end in placed
        if one_form(word) in forms or (prefix is not None and word.startswith(prefix))
    ]
    for one, other in pairwise(placed):
        if run and one[0] == other[0] == "state":
            expected += [one[1:], other[1:]]
    spans = Wanted(words, prefix, runs=runs).spans_in(text)
    marked = {at for begin, end in spans for at in range(begin, end)}
    assert marked == {at for begin, end in expected for at in range(begin, end)}


@given(text=st.text(max_size=400), words=st.lists(st.text(max_size=5), max_size=4))
def test_only_mark_is_markup(text: str, words: list[str]) -> None:
    """Without the marks and escapes a highlight is a part of the text."""
    asked = [folded for word in [*words, text[:3]] for folded in words_of(word)]
    html = mark(text, Wanted(asked, asked[-1] if asked else None))
    if html is None:
        return
    bare = html.replace("<mark>", "").replace("</mark>", "")
    assert "<" not in bare
    assert ">" not in bare
    assert unescape(bare).removeprefix("…").removesuffix("…") in text or "…" in text
    assert html.count("<mark>") == html.count("</mark>") >= 1
