"""Completing what is being typed: names, acronyms and topics."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.folding import folded_name
from tests.search.lessons import learned
from tests.search.served_search import ServedSearch
from tests.search.test_searching import named

NAMES = [
    "Leicester City Watch", "Leicestershire Police", "Friends of Leicester",
    "University of Leicester", "Police Federation of Leeds", "O'Brien & Sons Trust",
    "Étoile du Nord (Straße)", "Bureau 7 of Route 2048", "清华大学", "ΕΛΛΗΝΙΚΗ Αστυνομία",
    "हिन्दी संस्थान", "Institut für e-Crime",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
async def bodies(search: ServedSearch) -> None:
    """Partners and topics, each there for one of the tests below."""
    directory = search.directory
    for name in NAMES:
        await directory.create(name)
    await directory.create("Leicester Board", status="inactive")
    await directory.create(
        "Serious Harm Agency",
        names=[
            named("Serious Harm Agency", "display"),
            named("Grave Injury Bureau", "former"),
            named("Harmwatch", "alias"),
        ],
    )
    await directory.create("Umbrella Plant Keepers")
    acronym = named("UPKAP", "acronym")
    await directory.create(
        "Unit of Plant Keepers", names=[named("Unit of Plant Keepers", "display"), acronym]
    )
    topics = {"leather-theft": "Leather theft", "leaks": "Leaks", "quandro": "Quandro theft"}
    for notation, label in topics.items():
        body = {"notation": notation, "scheme": "theme", "pref_label": {"en": label}}
        answer = await directory.client.post(
            "/topics", json=body, headers=await directory.signed_in()
        )
        assert answer.status_code == 201
    await search.caught_up()
    await learned(search)


async def suggest(search: ServedSearch, q: str, **more: Any) -> list[Any]:
    """The suggestions for `q`."""
    answer = await search.client.get("/suggest", params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["items"]
    return items


async def texts(search: ServedSearch, q: str, **more: Any) -> list[str]:
    """The texts of the suggestions for `q`."""
    return [item["text"] for item in await suggest(search, q, **more)]


async def test_what_begins_so_comes_first_and_what_has_ceased_last(search: ServedSearch) -> None:
    """In between stand names that have it further on."""
    found = await texts(search, "leic")
    assert set(found[:2]) == {"Leicester City Watch", "Leicestershire Police"}
    assert found[2:] == ["Friends of Leicester", "University of Leicester", "Leicester Board"]
    assert await texts(search, "leicester boa") == ["Leicester Board"]


@pytest.mark.parametrize(
    ("q", "text", "matched"),
    [
        ("upk", "Unit of Plant Keepers", "UPKAP"),
        ("UPKAP", "Unit of Plant Keepers", "UPKAP"),
        ("grave inj", "Serious Harm Agency", "Grave Injury Bureau"),
        ("injury grav", "Serious Harm Agency", "Grave Injury Bureau"),
        ("harmw", "Serious Harm Agency", "Harmwatch"),
        ("serious", "Serious Harm Agency", "Serious Harm Agency"),
        ("leather", "Leather theft", "Leather theft"),
        ("etoile", "Étoile du Nord (Straße)", "Étoile du Nord (Straße)"),
        ("STRASS", "Étoile du Nord (Straße)", "Étoile du Nord (Straße)"),
        ("leicester universidad", "University of Leicester", "University of Leicester"),
    ],
)
async def test_it_says_which_name_goes_on_so(
    search: ServedSearch, q: str, text: str, matched: str
) -> None:
    """The display name is what is suggested, whichever name was begun."""
    found = await suggest(search, q)
    assert (found[0]["text"], found[0]["matched"]) == (text, matched)
    record = (await search.ask(q=text))["items"][0]
    assert (found[0]["id"], found[0]["kind"]) == (record["id"], record["kind"])


@pytest.mark.parametrize("q", ["leicester city wat", '"leicester city" wat', '"city watch"'])
async def test_quotation_marks_change_nothing(search: ServedSearch, q: str) -> None:
    """Whoever types them goes on typing."""
    assert await texts(search, q) == ["Leicester City Watch"]


async def test_kinds_and_a_limit(search: ServedSearch) -> None:
    """Both kinds unless one is asked for, ten unless said."""
    assert set(await texts(search, "le")) > {"Leaks", "Leather theft", "Leicester City Watch"}
    assert set(await texts(search, "le", kind="topic")) == {"Leaks", "Leather theft"}
    assert "Leaks" not in await texts(search, "le", kind="partner")
    everything = await texts(search, "le", limit=50)
    assert await texts(search, "le", limit=2) == everything[:2]
    for wrong in ({"limit": 0}, {"limit": 51}, {"kind": "person"}, {"q": "x" * 501}):
        answer = await search.client.get("/suggest", params={"q": "le", **wrong})
        assert answer.status_code == 422, wrong
    assert (await search.client.get("/suggest", params={"query": "le"})).status_code == 400


@pytest.mark.parametrize("q", ["", " ", "l", "?!", '"l"', "清"])
async def test_too_little_suggests_nothing(search: ServedSearch, q: str) -> None:
    """Two letters are the least."""
    assert await suggest(search, q) == []


@pytest.mark.parametrize(
    ("q", "text"),
    [
        ("leicsetershire", "Leicestershire Police"),
        ("polcie leicestersh", "Leicestershire Police"),
        ("serious hram", "Serious Harm Agency"),
        ("leicetser bo", "Leicester Board"),
        ("univ leicseter", "University of Leicester"),
        ("leicetser universi", "University of Leicester"),
    ],
)
async def test_typing_errors_are_looked_past_where_nothing_goes_on_so(
    search: ServedSearch, q: str, text: str
) -> None:
    """In any of the words."""
    assert (await texts(search, q))[0] == text


async def test_a_mistyped_name_comes_before_words_that_are_more_frequent(
    search: ServedSearch,
) -> None:
    """One letter may be wrong in either; only one of them is somebody's name.

    Where that is not of the kind that is asked for, it is in nobody's way.
    """
    for town in ("Marburo", "Kelby", "Ashwick", "Torvale"):
        await search.directory.create(f"Quandro Fund of {town}")
    await search.directory.create("Quandrol")
    await search.caught_up()
    await learned(search)
    assert await texts(search, "quandrl") == ["Quandrol"]
    assert await texts(search, "quandrl", kind="topic") == ["Quandro theft"]


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from([*NAMES, "Serious Harm Agency"]), letters=st.integers(2, 40))
async def test_a_name_stays_suggested_while_it_is_typed(
    search: ServedSearch, name: str, letters: int
) -> None:
    """Letter by letter, from the second one on; it comes among those that begin so."""
    typed = name[:letters]
    if len(folded_name(typed).replace(" ", "")) < 2:
        return
    found = await texts(search, typed, limit=50)
    assert name in found
    before = found[: found.index(name)]
    assert all(folded_name(other).startswith(folded_name(typed)) for other in before)
