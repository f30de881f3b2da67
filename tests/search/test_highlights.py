"""Highlights find the words that the index finds, and let no markup through."""

from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.highlights import Wanted, mark_spans
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
