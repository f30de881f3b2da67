"""Places: what lies within a circle, how far away it is, and the orders that are not relevance."""

from math import asin, cos, radians, sin, sqrt
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.search.served_search import ServedSearch

EARTH_KM = 6_371.0088
# Latitude and longitude.
PLACES = {
    "The Hague": (52.08, 4.31),
    "London": (51.51, -0.13),
    "Quito": (-0.18, -78.47),
    "Suva": (-18.14, 178.44),
    "Apia": (-13.83, -171.76),
    "Wrangel": (71.23, 180.0),
    "Fiji on the line": (-16.8, -180.0),
    "Alert": (82.5, -62.35),
    "Pole": (90.0, 0.0),
    "Almost the pole": (89.99, 135.0),
    "South Pole": (-90.0, 45.0),
    "Greenwich": (51.48, 0.0),
    "Null": (0.0, 0.0),
}
_LAT = st.one_of(st.sampled_from([-90.0, 0.0, 90.0]), st.floats(-90, 90))
_LON = st.one_of(st.sampled_from([-180.0, 0.0, 180.0]), st.floats(-180, 180))
_KM = st.one_of(st.floats(0.5, 20_100), st.floats(0.5, 900))


@pytest.fixture(scope="module", autouse=True)
async def bodies(search: ServedSearch) -> None:
    """A partner at each place, two at one place, and two that are nowhere."""
    for name, (lat, lon) in PLACES.items():
        await search.directory.create(name, location={"lat": lat, "lon": lon})
    lat, lon = PLACES["London"]
    await search.directory.create("London too", location={"lat": lat, "lon": lon})
    await search.directory.create("Place without a point", location={"place": "London"})
    await search.directory.create("Nowhere")
    await search.caught_up()


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """By the haversine formula, straight from the book."""
    (lat, lon), (to_lat, to_lon) = one, other
    half = sin(radians(to_lat - lat) / 2) ** 2
    half += cos(radians(lat)) * cos(radians(to_lat)) * sin(radians(to_lon - lon) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(min(1.0, half)))


async def within(search: ServedSearch, lat: float, lon: float, km: float) -> dict[str, float]:
    """The distance of each hit by its name, in the order of the hits."""
    answer = await search.ask(near=f"{lat!r},{lon!r},{km!r}", sort="distance", limit=200)
    assert answer["total"] == len(answer["items"])
    return {item["title"]: item["distance_km"] for item in answer["items"]}


@settings(max_examples=200, deadline=None)
@given(lat=_LAT, lon=_LON, km=_KM)
@example(lat=-17.0, lon=180.0, km=500.0)
@example(lat=-17.0, lon=-180.0, km=500.0)
@example(lat=-15.0, lon=179.9, km=1_200.0)
@example(lat=89.9, lon=-45.0, km=40.0)
@example(lat=-89.0, lon=0.0, km=120.0)
@example(lat=0.0, lon=0.0, km=20_100.0)
async def test_found_is_what_lies_within_the_circle(
    search: ServedSearch, lat: float, lon: float, km: float
) -> None:
    """Across the 180th meridian and around the poles too; the nearest come first."""
    expected = {name: kilometres((lat, lon), place) for name, place in PLACES.items()}
    expected["London too"] = expected["London"]
    # At the very edge rounding decides.
    assume(all(abs(away - km) > 0.01 for away in expected.values()))
    found = await within(search, lat, lon, km)
    assert set(found) == {name for name, away in expected.items() if away <= km}
    assert all(abs(away - expected[name]) < 0.01 for name, away in found.items())
    assert list(found.values()) == sorted(found.values())


@pytest.mark.parametrize(
    ("near", "found"),
    [
        ("-17,179.9,300", {"Suva", "Fiji on the line"}),
        ("-17,-179.9,300", {"Suva", "Fiji on the line"}),
        ("90,-100,5", {"Pole", "Almost the pole"}),
        ("51.5,-0.1,20", {"London", "London too", "Greenwich"}),
        (" 51.5 , -0.1 , 20 ", {"London", "London too", "Greenwich"}),
        ("0,0,0.001", {"Null"}),
    ],
)
async def test_a_circle_is_a_filter_as_any_other(
    search: ServedSearch, near: str, found: set[str]
) -> None:
    """In every order, and together with words; only then hits say how far away they are."""
    nearest = {item["id"]: item["distance_km"] for item in (await by(search, near, "distance"))}
    for sort in ("name", "newest", "distance"):
        items = await by(search, near, sort)
        assert {item["title"] for item in items} == found
        assert {item["id"]: item["distance_km"] for item in items} == nearest
    for item in (await search.ask(q="london", near=near))["items"]:
        assert item["title"] in found & {"London", "London too"}
        assert item["distance_km"] == nearest[item["id"]]
    assert all("distance_km" not in item for item in (await search.ask(q="london"))["items"])


async def by(search: ServedSearch, near: str, sort: str) -> list[Any]:
    """The hits within a circle in an order."""
    answer = await search.ask(near=near, sort=sort)
    items: list[Any] = answer["items"]
    return items


async def _pages(search: ServedSearch, limit: int, **parameters: Any) -> list[str]:
    collected: list[str] = []
    cursor: str | None = None
    while True:
        more: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
        answer = await search.ask(**parameters, **more, limit=limit)
        collected += [item["id"] for item in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            return collected


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
@pytest.mark.parametrize("q", ["", "london place"])
@pytest.mark.parametrize("sort", ["distance", "newest", "modified", "name"])
async def test_pages_go_on_in_each_order(
    search: ServedSearch, sort: str, q: str, limit: int
) -> None:
    """Each record once, equal distances too; a cursor is for one order and one circle."""
    parameters: dict[str, Any] = {"q": q, "sort": sort, "near": "51.5,-0.1,20000"}
    whole = await search.ask(**parameters, limit=200)
    assert whole["total"] == (len(PLACES) + 1 if not q else 2)
    keys = {
        "distance": lambda item: item.get("distance_km"),
        "name": lambda item: item["title"].lower(),
        "newest": lambda item: item["record"]["created_at"],
        "modified": lambda item: item["record"]["modified_at"],
    }
    in_order = [keys[sort](item) for item in whole["items"]]
    assert in_order == sorted(in_order, reverse=sort in {"newest", "modified"})
    assert await _pages(search, limit, **parameters) == [item["id"] for item in whole["items"]]
    if limit == 1:
        cursor = (await search.ask(**parameters, limit=1))["next"]
        for changed in ({"near": "51.5,-0.1,19999"}, {"q": "london"}, {"level": "national"}):
            answer = await search.client.get(
                "/search", params={**parameters, **changed, "cursor": cursor}
            )
            assert answer.status_code == 400
