"""Where a hit has the words of a question: as HTML, as places, and as a snippet of a long text."""

from html import escape, unescape
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.lessons import learned
from tests.search.served_search import ServedSearch
from tests.search.test_searching import named

SHORT = {
    "en": "Policies for O'Brien's people: <script>ﬁshing & ¼¾ of “smuggling” 🦦 otters.",
    "de": "Für Straßen, Häuser und Lox\u0302en; ½a und 3½ x.",
}
FILLER = "Nothing is said here about what is asked. "
LONG = (
    f"{FILLER * 9}One gannet. {FILLER * 9}"
    "A gannet and a puffin: gannets eat fish, puffins too, says the puffin. "
    f"{FILLER * 9}Last puffin."
)


@pytest.fixture(scope="module", autouse=True)
async def bodies(search: ServedSearch) -> None:
    """Partners whose texts have everything that is hard to mark."""
    name = "Office of <b>Æsir</b> & ﬁsh, O'Brien's"
    await search.directory.create(
        name,
        names=[
            named(name, "display"),
            named("ΑΣΤΥΝΟΜΊΑ ¼ Otters", "alias"),
            named("OBÆ", "acronym"),
            named("Old Æsir", "former"),
            *(named(f"Otters {number}", "alias") for number in range(7)),
        ],
        location={"place": "Ærøskøbing"},
        description=SHORT,
    )
    await search.directory.create("Bird Watch", description={"en": LONG})
    await search.directory.create("Unbroken", description={"en": f"{'x' * 400} gannetry"})
    await search.caught_up()
    await learned(search)


async def shown(search: ServedSearch, q: str, highlight: str) -> dict[str, Any]:
    """Each hit for `q` by its title, shown so."""
    answer = await search.ask(q=q, highlight=highlight, limit=200)
    return {item["title"]: item for item in answer["items"]}


def words_at(marked: dict[str, Any]) -> list[str]:
    """What stands at the places that are told."""
    return [marked["value"][begin:end] for begin, end in marked["spans"]]


@pytest.mark.parametrize(
    ("q", "field", "words"),
    [
        ("otter ", "description", ["otters"]),
        ("policy ", "description", ["Policies"]),
        ("OBRIENS ", "names", ["O'Brien's"]),
        ("aesir", "former_names", ["Æsir"]),
        ("fish ", "names", ["ﬁsh"]),
        ("haus strasse ", "description", ["Straßen", "Häuser"]),
        ("loxen ", "description", ["Lox\u0302en"]),
        ("αστυνομια ", "names", ["ΑΣΤΥΝΟΜΊΑ"]),
        ("obae", "acronyms", ["OBÆ"]),
        ("aeroskobing", "place", ["Ærøskøbing"]),
        ("smug", "description", []),
        ("1 otters ", "names", ["¼", "Otters"]),
        ('"people fishing"', "description", []),
    ],
)
async def test_places_are_those_of_whole_words(
    search: ServedSearch, q: str, field: str, words: list[str]
) -> None:
    """In characters of the text as it is written, whatever it was folded to."""
    hits = await shown(search, q, "offsets")
    if not words:
        assert all(field not in hit["highlight_offsets"] for hit in hits.values())
        return
    (hit,) = [hit for hit in hits.values() if hit["title"].startswith("Office")]
    assert hit["highlights"] == {}
    assert words in [words_at(marked) for marked in hit["highlight_offsets"][field]]


async def test_nothing_is_marked_if_so_asked(search: ServedSearch) -> None:
    """The hits are the same; without words in q there is nothing to be marked either."""
    html = await shown(search, "otters", "html")
    none = await shown(search, "otters", "none")
    assert list(html) == list(none)
    for hit in none.values():
        assert hit["highlights"] == {}
        assert "highlight_offsets" not in hit
    for highlight in ("html", "none", "offsets"):
        for hit in (await shown(search, "", highlight)).values():
            assert hit["highlights"] == {}


async def test_five_values_of_a_field_are_enough(search: ServedSearch) -> None:
    """Of eight names with the word."""
    for highlight, key in (("html", "highlights"), ("offsets", "highlight_offsets")):
        (hit,) = [
            hit
            for title, hit in (await shown(search, "otters", highlight)).items()
            if title.startswith("Office")
        ]
        assert len(hit[key]["names"]) == 5


_ASKED = st.lists(
    st.sampled_from(
        ["otter", "policy", "fish", "¼", "½", "3½", "½a", "1", "4", "2a", "31", "a", "b", "of",
         "o'brien's", "aesir", "lox\u0302en", "haus", "αστυνομια", "script", "obae", "🦦", "x",
         "pol", "ott", "policeis", "gannet", "puffin"]
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(words=_ASKED)
async def test_html_and_places_say_the_same(search: ServedSearch, words: list[str]) -> None:
    """A text that is short enough is shown whole, and all but the marks is escaped."""
    q = " ".join(words)
    html, offsets = await shown(search, q, "html"), await shown(search, q, "offsets")
    assert list(html) == list(offsets)
    for title, hit in html.items():
        places = offsets[title]["highlight_offsets"]
        assert list(hit["highlights"]) == list(places)
        for field, values in hit["highlights"].items():
            assert len(values) == len(places[field])
            for value, marked in zip(values, places[field], strict=True):
                text, spans = marked["value"], marked["spans"]
                assert all(begin < end for begin, end in spans)
                assert all(one[1] <= other[0] for one, other in pairwise(spans))
                if len(text) <= 240:
                    assert value == _marked(text, spans)
                else:
                    bare = unescape(value.replace("<mark>", "").replace("</mark>", ""))
                    assert bare.strip("…") in text


def _marked(text: str, spans: list[list[int]]) -> str:
    parts, at = [], 0
    for begin, end in spans:
        parts += [escape(text[at:begin]), "<mark>", escape(text[begin:end]), "</mark>"]
        at = end
    return "".join([*parts, escape(text[at:])])


async def test_a_long_text_is_cut_around_where_most_words_are(search: ServedSearch) -> None:
    """Between words, with dots where it goes on; places are told of all of it."""
    hit = (await shown(search, "gannet puffin", "html"))["Bird Watch"]
    (snippet,) = hit["highlights"]["description"]
    assert snippet.startswith("…")
    assert snippet.endswith("…")
    assert (
        "A <mark>gannet</mark> and a <mark>puffin</mark>: <mark>gannets</mark> eat fish, "
        "<mark>puffins</mark> too, says the <mark>puffin</mark>." in snippet
    )
    bare = snippet.strip("…").replace("<mark>", "").replace("</mark>", "")
    assert len(bare) <= 240
    assert f" {bare.strip()} " in f" {LONG} "
    (marked,) = (await shown(search, "gannet puffin", "offsets"))["Bird Watch"][
        "highlight_offsets"
    ]["description"]
    assert marked["value"] == LONG
    assert words_at(marked) == [
        "gannet", "gannet", "puffin", "gannets", "puffins", "puffin", "puffin"
    ]  # fmt: skip
    first = (await shown(search, "gannet watch nothing", "html"))["Bird Watch"]
    assert first["highlights"]["description"][0].count("<mark>") > 1


async def test_a_long_text_without_spaces_is_cut_too(search: ServedSearch) -> None:
    """Its word is shown all the same."""
    hit = (await shown(search, "gannetry", "html"))["Unbroken"]
    (snippet,) = hit["highlights"]["description"]
    assert "<mark>gannetry</mark>" in snippet
    assert len(snippet) < 270
