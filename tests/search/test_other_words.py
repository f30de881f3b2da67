"""Other words for the same: forms of a word, stems, synonyms of the list, acronyms of records."""

from typing import Any

import pytest

from tests.search.lessons import learned
from tests.search.served_search import ServedSearch
from tests.search.synonym_editing import add_synonym, change_synonym
from tests.search.test_searching import named


@pytest.fixture(scope="module", autouse=True)
async def bodies(search: ServedSearch) -> None:
    """Partners, each there for one of the tests below."""
    create = search.directory.create
    for name in (
        "Universidad de Alpina",
        "Organised Waste Unit",
        "Organized Litter Unit",
        "Running Bulls",
        "Hovercraft Registry",
        "Bureau of Air Cushion Vehicles",
        "Vehicles and Air of the Cushion",
        "Pelican Trust for Trade in Fish",
        "Fish Pelican Trade Trust",
    ):
        await create(name)
    await create(
        "Otter Circle",
        description={
            "en": "Investigating otters that were running.",
            "de": "Untersuchungen an Fischottern in Häusern.",
        },
    )
    await create(
        "National Institute of Puffins",
        names=[named("National Institute of Puffins", "display"), named("NIPUF", "acronym")],
    )
    await create("Nipuf and Friends")
    await create("Puffin Watch", description={"en": "Helps NIPUF, and rings puffins."})
    for number in range(4):
        name = f"Common Body {number}"
        await create(name, names=[named(name, "display"), named("COB", "acronym")])
    await search.caught_up()
    await learned(search)


@pytest.mark.parametrize(
    ("q", "title"),
    [
        ("university alpina", "Universidad de Alpina"),
        ("Alpina University", "Universidad de Alpina"),
        ("Universität von Alpina", "Universidad de Alpina"),
        ("universidad", "Universidad de Alpina"),
        ("univ alpi", "Universidad de Alpina"),
        ("organized waste", "Organised Waste Unit"),
        ("organised litter", "Organized Litter Unit"),
        ('"organised litter"', "Organized Litter Unit"),
        ("Organised Litter Unit", "Organized Litter Unit"),
    ],
)
async def test_a_word_is_found_in_its_other_forms(search: ServedSearch, q: str, title: str) -> None:
    """Other languages' words for a kind of body, British and American spelling; and is marked."""
    answer = await search.ask(q=q)
    assert [item["title"] for item in answer["items"]] == [title]
    assert answer["warnings"] == []
    (name,) = answer["items"][0]["highlights"]["names"]
    assert name.startswith("<mark>")


@pytest.mark.parametrize(
    ("q", "title"),
    [
        ("investigation otter ", "Otter Circle"),
        ("runs otters ", "Otter Circle"),
        ("untersuchung circle ", "Otter Circle"),
        ("untersuchen fischotter haus ", "Otter Circle"),
        ("runs bulls ", None),
        ("running bulls ", "Running Bulls"),
    ],
)
async def test_descriptions_are_stemmed_and_names_are_not(
    search: ServedSearch, q: str, title: str | None
) -> None:
    """Each description by its language; a name is what it is."""
    answer = await search.ask(q=q)
    found_as_asked = [item["title"] for item in answer["items"] if not answer["warnings"]]
    assert found_as_asked == ([] if title is None else [title])
    for item in answer["items"]:
        assert item["highlights"]


HOVER = "Hovercraft Registry"
VEHICLES, NO_VEHICLES = "Bureau of Air Cushion Vehicles", "Vehicles and Air of the Cushion"
TRUST, NO_TRUST = "Pelican Trust for Trade in Fish", "Fish Pelican Trade Trust"


@pytest.mark.parametrize(
    ("terms", "direction", "there", "back"),
    [
        ("hovercraft|air cushion", "both", {HOVER, VEHICLES}, {HOVER, VEHICLES, NO_VEHICLES}),
        ("hovercraft|air cushion", "one_way", {HOVER, VEHICLES}, {VEHICLES, NO_VEHICLES}),
        (f"hovercraft|{TRUST}", "both", {HOVER, TRUST}, {HOVER, TRUST, NO_TRUST}),
        ("Hovercraft|trade in FÍSH", "both", {HOVER, TRUST}, {HOVER, TRUST, NO_TRUST}),
        ("the hovercraft|trade in fish", "one_way", {HOVER, TRUST}, {TRUST, NO_TRUST}),
    ],
)
async def test_terms_of_a_synonym_stand_for_each_other(
    search: ServedSearch, terms: str, direction: str, there: set[str], back: set[str]
) -> None:
    """Words of a term side by side, function words among them; in one direction or in both."""
    one, other = terms.split("|")
    synonym = await add_synonym(search, one, other, direction=direction)
    try:
        assert set(await search.titles(one)) == there
        assert set(await search.titles(other)) == back
        among_others = await search.ask(q=f"the registry {other}")
        assert (among_others["warnings"] == []) is (direction == "both")
    finally:
        assert (await change_synonym(search, synonym, "DELETE")).status_code == 204
    assert await search.titles("hovercraft") == [HOVER]


async def test_a_synonym_lies_below_what_was_asked(search: ServedSearch) -> None:
    """However well it fits; and its words are marked in what it has found."""
    synonym = await add_synonym(search, "hovercraft", "puffins")
    try:
        answer = await search.ask(q="hovercraft")
        titles = [item["title"] for item in answer["items"]]
        assert titles[0] == HOVER
        assert set(titles) == {HOVER, "National Institute of Puffins", "Puffin Watch"}
        found = {item["title"]: item["highlights"] for item in answer["items"]}
        assert found["Puffin Watch"] == {
            "description": ["Helps NIPUF, and rings <mark>puffins</mark>."]
        }
        assert answer["warnings"] == []
        exclusion = await search.titles("hovercraft -puffins")
        assert exclusion == [HOVER]
    finally:
        await change_synonym(search, synonym, "DELETE")


async def test_an_acronym_finds_its_name_and_a_name_its_acronym(search: ServedSearch) -> None:
    """As the records themselves say it, below the body whose acronym it is."""
    by_acronym = await search.ask(q="nipuf")
    titles = [item["title"] for item in by_acronym["items"]]
    assert titles[0] == "National Institute of Puffins"
    assert set(titles[1:]) == {"Nipuf and Friends", "Puffin Watch"}
    by_name = await search.ask(q="National Institute of Puffins")
    titles = [item["title"] for item in by_name["items"]]
    assert titles[0] == "National Institute of Puffins"
    assert set(titles[1:]) == {"Nipuf and Friends", "Puffin Watch"}


async def test_what_only_one_body_writes_is_marked_and_looked_for(search: ServedSearch) -> None:
    """Of a body that alone has its acronym; whoever writes it too is found before it is learned."""
    name, create = "Society of Quokka Wardens", search.directory.create
    await create(name, names=[named(name, "display"), named("SQWAR", "acronym")])
    await search.caught_up()
    await learned(search)
    by_name = await search.ask(q=name)
    by_acronym = await search.ask(q="sqwar ")
    for answer in (by_name, by_acronym):
        (hit,) = answer["items"]
        assert hit["title"] == name
        assert hit["highlights"]["acronyms"] == ["<mark>SQWAR</mark>"]
        assert hit["highlights"]["names"][0].count("<mark>") >= 3
    await create("Friends of SQWAR")
    await create("Former Society of Quokka Wardens")
    await search.caught_up()
    assert set(await search.titles(name)) == {
        name,
        "Friends of SQWAR",
        "Former Society of Quokka Wardens",
    }
    assert set(await search.titles("sqwar ")) == set(await search.titles(name))


async def test_an_acronym_of_many_bodies_stands_for_none_of_their_names(
    search: ServedSearch,
) -> None:
    """All of them are found by it, and nothing that only has the words of one."""
    await search.directory.create("Not a Common Body 2 at all")
    await search.caught_up()
    await learned(search)
    found: Any = await search.titles("cob")
    assert sorted(found) == [f"Common Body {number}" for number in range(4)]
