"""What is found, in which order, and how it is shown."""

from typing import Any

import pytest

from shared.vocabulary import Level, Sector
from tests.search.served_search import ServedSearch
from tests.waiting import wait_until


def named(value: str, *kinds: str) -> dict[str, Any]:
    """A name of the kinds given."""
    return {"value": value, "kinds": list(kinds)}


@pytest.fixture(scope="module", autouse=True)
async def found_names(search: ServedSearch) -> None:
    """Partners and a topic, each there for one of the tests below."""
    directory = search.directory
    topic = await directory.client.post(
        "/topics",
        json={
            "notation": "money-laundering",
            "scheme": "crime_type",
            "pref_label": {"en": "Money laundering", "de": "Geldwäsche"},
            "definition": {"en": "Making the proceeds of crime look lawful."},
        },
        headers=await directory.signed_in(),
    )
    assert topic.status_code == 201, topic.text
    agency = await directory.create(
        "National Crime Agency",
        names=[named("National Crime Agency", "display"), named("NCA", "acronym")],
        topics=[{"topic_id": topic.json()["id"], "role": "leads"}],
        sectors=["law_enforcement"],
        country="GB",
    )
    await directory.create(
        "Serious Organised Crime Agency",
        names=[
            named("Serious Organised Crime Agency", "display"),
            named("SOCA", "acronym"),
            named("National Crime Squad", "former"),
        ],
        status="inactive",
        relationships=[{"kind": "successor", "partner_id": agency["id"]}],
        country="GB",
    )
    await directory.create("Friends of SOCA and other SOCA things", country="FR")
    await directory.create("Soca", sectors=["voluntary"], country="TT")
    await directory.create(
        "Carnival Music Trust",
        names=[named("Carnival Music Trust", "display"), named("SoCa", "alias")],
    )
    await directory.create("Kriminologisches Institut Straße & <b>Münster</b>", country="DE")
    await directory.create("ΕΛΛΗΝΙΚΗ Αστυνομία", country="GR", level="local")
    await directory.create(
        "Twin Body", status="inactive", description={"en": "An equal text."}, level="local"
    )
    await directory.create("Twin Body", description={"en": "An equal text."}, level="local")
    await directory.create(
        "Europol",
        level="international",
        location={"place": "The Hague"},
        external_ids=[{"scheme": "ror", "value": "https://ror.org/04xfq0f34"}],
    )
    await search.caught_up()


async def test_exact_names_come_first(search: ServedSearch) -> None:
    """Display name, then acronym though the body has ceased, then alias, then mere words.

    Last comes who has the acronym's whole name among its own, here as that of its predecessor.
    """

    async def all_are_found() -> bool:
        return await search.titles("soca") == [
            "Soca",
            "Serious Organised Crime Agency",
            "Carnival Music Trust",
            "Friends of SOCA and other SOCA things",
            "National Crime Agency",
        ]

    await wait_until(all_are_found, "soca is found in its order")


async def test_a_ceased_body_names_its_successor(search: ServedSearch) -> None:
    """Who looks for a body that is no more finds the one that took over, and then itself."""
    answer = await search.ask(q="Serious Organised Crime Agency")
    # Behind them comes, as soon as acronyms are learned, who writes only its acronym.
    assert [item["title"] for item in answer["items"]][:2] == [
        "National Crime Agency",
        "Serious Organised Crime Agency",
    ]
    assert answer["items"][0]["highlights"]["former_names"] == [
        "<mark>Serious</mark> <mark>Organised</mark> <mark>Crime</mark> <mark>Agency</mark>"
    ]
    record = answer["items"][1]["record"]
    assert record["status"] == "inactive"
    assert [(r["kind"], r["name"]) for r in record["relationships"]] == [
        ("successor", "National Crime Agency")
    ]
    assert (await search.titles("national crime squad"))[0] == "Serious Organised Crime Agency"


async def test_among_equals_the_active_body_comes_first(search: ServedSearch) -> None:
    """Whether the question is their whole name, or they have the same words."""
    for q in ("twin body", "equal twin"):
        answer = await search.ask(q=q)
        assert [item["record"]["status"] for item in answer["items"]] == ["active", "inactive"]


@pytest.mark.parametrize(
    "q",
    [
        "munster",
        "MÜNSTER",
        "Mu\u0308nster",
        "ｍünster",
        "strasse",
        "STRASSE münster",
        "Straße",
        "institut stras",
        "Germany münster",
        "Kriminologisches Institut Straße & <b>Münster</b>",
    ],
)
async def test_text_is_folded_the_same_on_both_sides(search: ServedSearch, q: str) -> None:
    """Case, accents, forms and ligatures do not matter, in the question or in the record."""
    assert await search.titles(q) == ["Kriminologisches Institut Straße & <b>Münster</b>"]


@pytest.mark.parametrize("q", ["ελληνικη", "Ελληνική αστυνομια", "ΑΣΤΥΝ"])
async def test_other_scripts_are_folded_too(search: ServedSearch, q: str) -> None:
    """Greek has a final sigma and accents."""
    assert await search.titles(q) == ["ΕΛΛΗΝΙΚΗ Αστυνομία"]


@pytest.mark.parametrize(
    ("q", "title"),
    [
        ("greece", "ΕΛΛΗΝΙΚΗ Αστυνομία"),
        ("the hague", "Europol"),
        ("https://ror.org/04xfq0f34", "Europol"),
        ("04xfq0f34", "Europol"),
        ("europ", "Europol"),
        ("geldwasche", "Money laundering"),
        ("proceeds of crime", "Money laundering"),
    ],
)
async def test_other_ways_to_a_record(search: ServedSearch, q: str, title: str) -> None:
    """Country, place, identifier, the beginning of a word, another language, a definition."""
    assert (await search.titles(q))[0] == title


async def test_records_with_some_words_are_second_best(search: ServedSearch) -> None:
    """They come only where no record has every word, and the answer says so."""
    answer = await search.ask(q="europol nonexistingword")
    assert [item["title"] for item in answer["items"]] == ["Europol"]
    assert answer["warnings"] == ["No record has every word of q; these have some of them."]
    assert (await search.ask(q="twin body"))["warnings"] == []


async def test_highlights_are_safe(search: ServedSearch) -> None:
    """Whatever a name holds, only <mark> is markup."""
    answer = await search.ask(q="munster b")
    assert answer["items"][0]["highlights"]["names"] == [
        "Kriminologisches Institut Straße &amp; &lt;<mark>b</mark>&gt;<mark>Münster</mark>"
        "&lt;/<mark>b</mark>&gt;"
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"kind": "topic"}, {"Money laundering"}),
        ({"topic": "money-laundering"}, {"National Crime Agency"}),
        ({"level": "international"}, {"Europol"}),
        ({"country": "gr,DE", "level": "local"}, {"ΕΛΛΗΝΙΚΗ Αστυνομία"}),
        ({"sector": "voluntary,law_enforcement"}, {"Soca", "National Crime Agency"}),
        ({"status": "inactive", "country": "GB"}, {"Serious Organised Crime Agency"}),
        ({"topic": "no-such-topic"}, set()),
    ],
)
async def test_filters(search: ServedSearch, filters: dict[str, Any], expected: set[str]) -> None:
    """Values of one filter are alternatives, filters add up."""
    assert set(await search.titles("", **filters)) == expected


async def test_a_topic_filters_by_its_id_too(search: ServedSearch) -> None:
    """Notation or id: both name the topic."""
    topic_id = (await search.ids(kind="topic"))[0]
    assert await search.titles("", topic=topic_id) == ["National Crime Agency"]


async def test_a_facet_that_is_filtered_by_counts_the_other_choices(search: ServedSearch) -> None:
    """Its numbers are what choosing another value would give; the others keep the filter."""
    free = await search.ask(facets="country,status,topic,kind")
    assert free["facets"]["topic"] == [{"value": "money-laundering", "count": 1}]
    assert free["facets"]["kind"] == [
        {"value": "partner", "count": 10},
        {"value": "topic", "count": 1},
    ]
    chosen = await search.ask(facets="country,status", country="GB")
    assert chosen["total"] == 2
    assert chosen["facets"]["country"] == free["facets"]["country"]
    assert chosen["facets"]["status"] == [
        {"value": "active", "count": 1},
        {"value": "inactive", "count": 1},
    ]


@pytest.mark.parametrize(
    ("parameters", "status", "told"),
    [
        ({"level": "galactic"}, 422, list(Level)),
        ({"sector": "law_enforcement,none"}, 422, list(Sector)),
        ({"facets": "level,colour"}, 422, ["country", "topic", "status"]),
        ({"kind": "person"}, 422, ["partner", "topic"]),
        ({"country": "Germany"}, 422, ["ISO 3166-1"]),
        ({"status": "withdrawn"}, 422, ["inactive"]),
        ({"sort": "random"}, 422, ["relevance", "modified"]),
        ({"limit": "0"}, 422, ["limit"]),
        ({"limit": "201"}, 422, ["200"]),
        ({"q": "x" * 501}, 422, ["500"]),
        ({"page": "2"}, 400, ["cursor"]),
        ({"cursor": "abc"}, 400, ["next"]),
    ],
)
async def test_a_refusal_says_what_is_possible(
    search: ServedSearch, parameters: dict[str, str], status: int, told: list[str]
) -> None:
    """Wrong parameters are problems that name the right ones."""
    answer = await search.client.get("/search", params=parameters)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert all(word in answer.text for word in told), answer.text


async def test_too_many_words_are_cut_with_a_warning(search: ServedSearch) -> None:
    """The first 32 are searched."""
    answer = await search.ask(q=" ".join(["europol"] * 33))
    assert answer["total"] == 1
    assert answer["warnings"] == ["Only the first 32 words of q were searched."]
