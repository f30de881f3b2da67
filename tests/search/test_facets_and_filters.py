"""What narrows a search down, and the counts that tell beforehand what each choice would leave.

Places and distances are in test_near.py.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.chance_partners import CHOICES, add_partners, add_topics
from tests.search.served_search import ServedSearch


@pytest.fixture(scope="module", autouse=True)
async def topic_ids(search: ServedSearch) -> dict[str, str]:
    """Topics, whose ids are handed over, and partners."""
    ids = await add_topics(search.directory)
    await add_partners(search.directory, ids)
    await search.caught_up()
    return ids


_CHOSEN = st.fixed_dictionaries(
    {},
    optional={
        **{
            facet: st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True).map(
                ",".join
            )
            for facet, values in CHOICES.items()
        },
        "q": st.sampled_from(["amber", "birc", "-amber"]),
        "near": st.sampled_from(["51,0,200", "48,11,300", "50,5,2000"]),
        "year[gte]": st.sampled_from(["1990", "1991"]),
        "sort": st.sampled_from(["name", "newest"]),
    },
)


@settings(max_examples=40, deadline=None)
@given(chosen=_CHOSEN, counted=st.lists(st.sampled_from(list(CHOICES)), min_size=1, max_size=3))
async def test_a_count_is_what_choosing_the_value_would_give(
    search: ServedSearch, chosen: dict[str, Any], counted: list[str]
) -> None:
    """In place of what is chosen in its own facet, the other filters being kept."""
    answer = await search.ask(**chosen, facets=",".join(counted), limit=1)
    assert list(answer["facets"]) == list(dict.fromkeys(counted))
    for facet in answer["facets"]:
        told = {value["value"]: value["count"] for value in answer["facets"][facet]}
        for value in {*CHOICES[facet], *told}:
            left = await search.ask(**{**chosen, facet: value}, limit=1)
            assert told.get(value, 0) == left["total"], (facet, value)
        in_order = sorted(told.items(), key=lambda one: (-one[1], one[0]))
        assert list(told.items()) == in_order


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"topic": "romance-fraud"}, {"romance-fraud"}),
        ({"topic": "cyber-fraud"}, {"cyber-fraud", "romance-fraud"}),
        ({"topic": "fraud"}, {"fraud", "cyber-fraud", "romance-fraud", "vat-fraud"}),
        ({"topic": "law,pursue-abroad"}, {"law", "prevent", "pursue-abroad"}),
        ({"strand": "pursue"}, {"pursue", "pursue-abroad"}),
    ],
)
async def test_a_topic_stands_for_its_narrower_ones(
    search: ServedSearch, topic_ids: dict[str, str], parameters: dict[str, Any], expected: set[str]
) -> None:
    """At any depth; named by its notation or its id."""
    everything = await search.ask(kind="partner", limit=200)
    wanted = {
        item["id"]
        for item in everything["items"]
        if expected & {topic["notation"] for topic in item["record"]["topics"]}
    }
    assert wanted
    assert set(await search.ids(**parameters, limit=200)) == wanted
    ((name, notations),) = parameters.items()
    ids = ",".join(topic_ids[notation] for notation in notations.split(","))
    by_id: dict[str, Any] = {name: ids}
    assert set(await search.ids(**by_id, limit=200)) == wanted


async def test_a_topic_follows_the_taxonomy(search: ServedSearch) -> None:
    """A new topic below another one, and what is about it, are counted with it at once."""
    directory = search.directory
    before = await search.ask(facets="topic", topic="law")
    headers = await directory.signed_in()
    law = (await directory.client.get("/topics", params={"limit": 200}, headers=headers)).json()
    (above,) = [topic["id"] for topic in law["items"] if topic["notation"] == "law"]
    body = {"notation": "case-law", "scheme": "discipline", "pref_label": {"en": "Case law"}}
    answer = await directory.client.post(
        "/topics", json={**body, "broader": [above]}, headers=headers
    )
    made = answer.json()
    await directory.create("Court", topics=[{"topic_id": made["id"], "role": "leads"}])
    await search.caught_up()
    after = await search.ask(facets="topic", topic="law")
    assert after["total"] == before["total"] + 1
    counts = {value["value"]: value["count"] for value in after["facets"]["topic"]}
    assert (counts["law"], counts["case-law"]) == (after["total"], 1)


@pytest.mark.parametrize(
    ("value", "area"),
    [
        ("GB-ENG", {"code": "GB-ENG"}),
        ("gb-eng", {"code": "GB-ENG"}),
        ("freistaat bayern", {"code": "DE-BY"}),
        ("THAMES valley", {"name": "Thames Valley"}),
        ("ile de france", {"name": "Île-de-France"}),
    ],
)
async def test_an_area_is_chosen_by_code_or_name(
    search: ServedSearch, value: str, area: dict[str, str]
) -> None:
    """Whatever its case and accents."""
    everything = await search.ask(kind="partner", limit=200)
    wanted = [
        item["id"]
        for item in everything["items"]
        if any(area.items() <= found.items() for found in item["record"]["areas"])
    ]
    assert wanted
    assert await search.ids(area=value, limit=200) == wanted


@pytest.mark.parametrize(
    ("parameters", "years"),
    [
        ({"year[gte]": "1991"}, {1991, 1992}),
        ({"year[lte]": "1991"}, {1990, 1991}),
        ({"year[gte]": "1991", "year[lte]": "1991"}, {1991}),
        ({"year[gte]": "1992", "year[lte]": "1990"}, set()),
        ({"year[gte]": "-44", "year[lte]": "9999"}, {1990, 1991, 1992}),
        ({"year": "1990,1992", "year[gte]": "1991"}, {1992}),
        ({"year": "01990"[1:]}, {1990}),
    ],
)
async def test_years_have_a_range(
    search: ServedSearch, parameters: dict[str, Any], years: set[int]
) -> None:
    """Both ends are included; who has no year is in no range."""
    everything = await search.ask(kind="partner", limit=200)
    wanted = [item["id"] for item in everything["items"] if item["record"]["established"] in years]
    assert await search.ids(**parameters, limit=200) == wanted


async def test_moments_have_a_range(search: ServedSearch) -> None:
    """By the microsecond or by the day, whichever zone; the end of a day is its last one."""
    record = (await search.ask(q="amber", limit=1))["items"][0]["record"]
    answer = await search.directory.patch(record, {"domains": ["example.org"]})
    record = answer.json()
    await search.caught_up()
    for name in ("created_at", "modified_at"):
        second = datetime.fromisoformat(record[name]).astimezone(UTC).replace(microsecond=0)
        day, one = timedelta(days=1), timedelta(seconds=1)
        first, last = f"{name}[gte]", f"{name}[lte]"
        there: list[dict[str, Any]] = [
            {first: record[name], last: record[name]},
            {first: second.isoformat(), last: (second + one).isoformat()},
            {first: f"{second:%Y-%m-%dT%H:%M:%SZ}", last: f"{second + one:%Y-%m-%d %H:%M:%S}"},
            {first: second.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()},
            {first: f"{second:%Y-%m-%d}", last: f"{second:%Y-%m-%d}"},
        ]
        away: list[dict[str, Any]] = [
            {first: (second + one).isoformat()},
            {last: (second - one).isoformat()},
            {last: f"{second - day:%Y-%m-%d}"},
            {first: f"{second + day:%Y-%m-%d}"},
        ]
        for asked in there:
            assert record["id"] in await search.ids(**asked, limit=200), asked
        for asked in away:
            assert record["id"] not in await search.ids(**asked, limit=200), asked
        # A plus that was not encoded arrives as a space.
        url = f"/search?limit=200&{last}={(second - one).isoformat()}"
        assert record["id"] not in (await search.client.get(url)).text
