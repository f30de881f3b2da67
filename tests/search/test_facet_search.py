"""Looking for values of a facet, and what is told of parameters that are wrong."""

from typing import Any

import pytest

from tests.search.chance_partners import CHOICES, add_partners, add_topics
from tests.search.served_search import ServedSearch


@pytest.fixture(scope="module", autouse=True)
async def partners(search: ServedSearch) -> None:
    """Topics and partners."""
    await add_partners(search.directory, await add_topics(search.directory))
    await search.caught_up()


@pytest.mark.parametrize(
    ("parameters", "pointers"),
    [
        ({"year": "MCMXC"}, ["year"]),
        ({"year[gte]": "19x", "year[lte]": "12345"}, ["year[gte]", "year[lte]"]),
        ({"created_at[gte]": "yesterday"}, ["created_at[gte]"]),
        ({"modified_at[lte]": "2026-02-30"}, ["modified_at[lte]"]),
        ({"near": "52,4"}, ["near"]),
        ({"near": "91,4,10"}, ["near"]),
        ({"near": "52,181,10"}, ["near"]),
        ({"near": "52,4,0"}, ["near"]),
        ({"near": "52,4,nan"}, ["near"]),
        ({"near": ""}, ["near"]),
        ({"sort": "distance"}, ["sort"]),
        ({"highlight": "bold"}, ["highlight"]),
        ({"strand": ",".join(map(str, range(51)))}, ["strand"]),
        ({"area": "x" * 201}, ["area"]),
        ({"level": "galactic", "kind": "person", "facets": "x"}, ["level", "kind", "facets"]),
    ],
)
async def test_all_that_is_wrong_is_pointed_at(
    search: ServedSearch, parameters: dict[str, str], pointers: list[str]
) -> None:
    """Once each, in search and in facet search."""
    answer = await search.client.get("/search", params=parameters)
    assert answer.status_code == 422, answer.text
    told = [error["pointer"].removeprefix("/query/") for error in answer.json()["errors"]]
    assert sorted(told) == sorted(pointers)


async def _values(search: ServedSearch, facet: str, **parameters: Any) -> list[Any]:
    answer = await search.client.get(f"/search/facets/{facet}", params=parameters)
    assert answer.status_code == 200, answer.text
    return [(one["value"], one["label"]) for one in answer.json()["items"]]


@pytest.mark.parametrize(
    ("facet", "contains", "found"),
    [
        ("country", "unit king", [("GB", "United Kingdom")]),
        ("country", "GER", [("DE", "Germany")]),
        ("country", "many", []),
        ("area", "engl", [("GB-ENG", "England")]),
        ("area", "ile france", [("Île-de-France", "Île-de-France")]),
        ("area", "bayern", [("DE-BY", "Bayern")]),
        ("topic", "evasion", [("vat-fraud", "Evasion of taxes")]),
        ("topic", "fraud net", [("cyber-fraud", "Fraud on the net")]),
        ("strand", "abroad", [("pursue-abroad", "Pursue abroad")]),
        ("strand", "fraud", []),
        ("year", "1991", [("1991", "1991")]),
        ("sector", "mili", [("military", "military")]),
    ],
)
async def test_values_of_a_facet_are_found_by_value_and_label(
    search: ServedSearch, facet: str, contains: str, found: list[Any]
) -> None:
    """By the beginnings of their words; the same when the facet is filtered by."""
    assert await _values(search, facet, contains=contains) == found
    chosen = {facet: CHOICES[facet][0]}
    assert await _values(search, facet, contains=contains, **chosen) == found


async def test_values_are_counted_within_the_search(search: ServedSearch) -> None:
    """As the facets of the search itself count them, the most frequent first, up to a limit."""
    parameters: dict[str, Any] = {"q": "amber", "level": "local", "country": "GB"}
    counted = (await search.ask(**parameters, facets="country"))["facets"]["country"]
    answer = await search.client.get("/search/facets/country", params=parameters)
    items = answer.json()["items"]
    assert [{"value": one["value"], "count": one["count"]} for one in items] == counted
    assert await _values(search, "country", **parameters, limit=1) == [
        (items[0]["value"], items[0]["label"])
    ]
    unknown = await search.client.get("/search/facets/colour")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/path/facet")
    assert "country" in unknown.json()["detail"]


async def test_facet_search_looks_among_all_values(search: ServedSearch) -> None:
    """Also among those that are too many to be counted in a search."""
    for part in range(6):
        areas = [{"name": f"Ward {part * 200 + number}"} for number in range(200)]
        await search.directory.create(f"Body of wards {part}", areas=areas)
    await search.caught_up()
    counted = (await search.ask(q="wards", facets="area"))["facets"]["area"]
    assert len(counted) == 1_000
    for number in (0, 999, 1_001, 1_199):
        assert await _values(search, "area", contains=f"ward {number}", limit=1) == [
            (f"Ward {number}", f"Ward {number}")
        ]
