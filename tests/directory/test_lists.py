"""Lists of partners: filters, order, pages, and what is refused."""

import base64
from typing import Any

import httpx
import pytest

from tests.served_directory import ServedDirectory, a_partner

FILTERS = [
    ("level", "local", {"level": "local"}, {"level": "international"}),
    ("sector", "voluntary", {"sectors": ["industry", "voluntary"]}, {"sectors": ["industry"]}),
    ("country", "LU", {"country": "LU"}, {"country": None}),
    ("status", "inactive", {"status": "inactive"}, {"status": "active"}),
    (
        "external_id",
        "wikidata:Q1 & co",
        {"external_ids": [{"scheme": "wikidata", "value": "Q1 & co"}]},
        {"external_ids": [{"scheme": "isni", "value": "Q1 & co"}]},
    ),
    (
        "name",
        "straße zur",
        {"names": [{"value": "x", "kinds": ["display"]}, {"value": "Die Strasse zur Ruh"}]},
        {"names": [{"value": "Landstrasse zur Ruh", "kinds": ["display"]}]},
    ),
    (
        "name",
        "50%_",
        {"names": [{"value": "Only 50 percent", "kinds": ["display"]}]},
        {"names": [{"value": "Only 150 percent", "kinds": ["display"]}]},
    ),
]
UNREADABLE = {
    "not base64": "€",
    "no JSON": "AAAA",
    "another shape": base64.urlsafe_b64encode(b'["a"]').decode(),
    "numbers": base64.urlsafe_b64encode(b"[1,2,3]").decode(),
    "not an id": base64.urlsafe_b64encode(b'["name","a","b"]').decode(),
    "NUL": base64.urlsafe_b64encode(
        b'["name","\\u0000","01890000-0000-7000-8000-000000000000"]'
    ).decode(),
    "too long": "A" * 5_000,
    "deep": base64.urlsafe_b64encode(b"[" * 2_000).decode(),
}


async def _names(directory: ServedDirectory, **asked: Any) -> list[str]:
    answer = await directory.client.get("/partners", params=asked)
    assert answer.status_code == 200, answer.text
    return [item["names"][0]["value"] for item in answer.json()["items"]]


@pytest.mark.parametrize(("parameter", "value", "inside", "outside"), FILTERS)
async def test_a_filter_finds_what_it_names_and_nothing_else(
    directory: ServedDirectory,
    parameter: str,
    value: str,
    inside: dict[str, Any],
    outside: dict[str, Any],
) -> None:
    """One partner with the value is found, its neighbour without it is not."""
    found = await directory.create("Inside", **inside)
    other = await directory.create("Outside", **outside)
    answer = await directory.client.get("/partners", params={parameter: value, "limit": 200})
    ids = {item["id"] for item in answer.json()["items"]}
    assert found["id"] in ids
    assert other["id"] not in ids
    clean: dict[str, Any] = {"external_ids": []}
    assert (await directory.patch(found, clean)).status_code == 200
    assert (await directory.patch(other, clean)).status_code == 200


async def test_partners_are_found_by_a_topic_s_id_and_notation(directory: ServedDirectory) -> None:
    """Both name the same topic; one that is not there is refused, because it is a slip."""
    topic = await directory.client.post(
        "/topics",
        json={"notation": "list-fraud", "scheme": "crime_type", "pref_label": {"en": "Fraud"}},
        headers=await directory.signed_in(),
    )
    topic_id = topic.json()["id"]
    working = await directory.create("Works", topics=[{"topic_id": topic_id, "role": "leads"}])
    assert await _names(directory, topic=topic_id) == ["Works"]
    assert await _names(directory, topic="list-fraud") == ["Works"]
    assert (await directory.patch(working, {"topics": []})).status_code == 200
    assert await _names(directory, topic="list-fraud") == []
    unknown = await directory.client.get("/partners", params={"topic": "no-such-topic"})
    assert unknown.status_code == 422


async def test_a_name_without_letters_finds_nothing(directory: ServedDirectory) -> None:
    """It must not find everything because nothing of it is left to compare; an empty one does."""
    await directory.create("There is something")
    assert await _names(directory, name="%&!") == []
    assert await _names(directory, name="") != []


async def test_filters_must_all_hold(directory: ServedDirectory) -> None:
    """Two filters together find only what both of them find."""
    await directory.create("Both hold", country="MT", sectors=["military"])
    await directory.create("One holds", country="MT", sectors=["academia"])
    assert await _names(directory, country="MT", sector="military") == ["Both hold"]


@pytest.mark.parametrize("sort", ["name", "created_at", "modified_at"])
async def test_an_order_is_turned_round_by_a_minus(directory: ServedDirectory, sort: str) -> None:
    """Names are ordered without regard to case and accents; times as they are."""
    country = {"name": "IS", "created_at": "FI", "modified_at": "NO"}[sort]
    made = [
        await directory.create(name, country=country) for name in ("élan", "Zeta", "Eagle", "echo")
    ]
    await directory.patch(made[1], {"established": 1990})
    expected = {
        "name": ["Eagle", "echo", "élan", "Zeta"],
        "created_at": ["élan", "Zeta", "Eagle", "echo"],
        "modified_at": ["élan", "Eagle", "echo", "Zeta"],
    }[sort]
    assert await _names(directory, country=country, sort=sort) == expected
    assert await _names(directory, country=country, sort=f"-{sort}") == expected[::-1]


@pytest.mark.parametrize("sort", ["name", "-name", "created_at", "-modified_at"])
async def test_pages_show_everything_once_while_records_are_added(
    directory: ServedDirectory, sort: str
) -> None:
    """What was there at the first page comes exactly once, whatever is added between the pages."""
    country = {"name": "AD", "-name": "AE", "created_at": "AF", "-modified_at": "AG"}[sort]
    there = [
        (await directory.create(f"Body {number % 4}", country=country))["id"]
        for number in range(11)
    ]
    seen: list[str] = []
    url = f"/partners?country={country}&sort={sort}&limit=4"
    while url:
        answer = await directory.client.get(url)
        page = answer.json()
        seen += [item["id"] for item in page["items"]]
        link = answer.headers.get("Link", "")
        assert bool(link) == (page["next"] is not None)
        url = link.removeprefix("<").removesuffix('>; rel="next"')
        await directory.create(f"Body {len(seen) % 4}", country=country)
        assert len(seen) < 60, "the pages do not end"
    assert [seen.count(partner_id) for partner_id in there] == [1] * len(there)


async def test_names_of_four_byte_letters_are_paged(directory: ServedDirectory) -> None:
    """A cursor of our own is never too long for ourselves."""
    for number in range(3):
        await directory.create("𑂚" * 150 + str(number), country="BT")
    first = await directory.client.get("/partners", params={"country": "BT", "limit": 1})
    second = await directory.client.get(first.headers["Link"][1:].partition(">")[0])
    assert second.status_code == 200
    assert second.json()["items"][0]["id"] != first.json()["items"][0]["id"]


@pytest.mark.parametrize(("limit", "status"), [(1, 200), (200, 200), (0, 422), (201, 422)])
async def test_a_page_has_1_to_200_items(
    directory: ServedDirectory, limit: int, status: int
) -> None:
    """The ends are allowed, what lies beyond is refused."""
    answer = await directory.client.get("/partners", params={"limit": limit})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("colour=red", "/query/colour"),
        ("level=local&level=local", "/query/level"),
        ("le~v/el=1", "/query/le~0v~1el"),
    ],
)
async def test_unknown_and_repeated_parameters_are_refused(
    directory: ServedDirectory, query: str, pointer: str
) -> None:
    """A slip in a filter must not quietly widen what is found."""
    answer = await directory.client.get(f"/partners?{query}")
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_thousands_of_unknown_parameters_are_refused_briefly(
    directory: ServedDirectory,
) -> None:
    """At most a hundred of them are named."""
    answer = await directory.client.get("/partners?" + "&".join(f"p{n}=" for n in range(8_000)))
    assert (answer.status_code, len(answer.json()["errors"])) == (400, 100)


@pytest.mark.parametrize("cursor", UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize("path", ["/partners", "/topics", "/accounts"])
async def test_a_cursor_that_was_not_handed_out_is_refused(
    directory: ServedDirectory, path: str, cursor: str
) -> None:
    """With 400 and a sentence on what to do; never with an error of ours."""
    answer = await directory.client.get(
        path, params={"cursor": cursor}, headers=await directory.signed_in()
    )
    if path == "/topics" and cursor == UNREADABLE["another shape"]:
        assert answer.status_code == 200
        return
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"].endswith("bad-cursor")


async def test_a_cursor_is_of_one_order_only(directory: ServedDirectory) -> None:
    """With any other `sort` than its own it is refused, because it would skip or repeat."""
    for number in range(2):
        await directory.create(f"Of an order {number}")
    orders = ["name", "-name", "modified_at", "-modified_at", "created_at", "-created_at"]

    async def ask(sort: str, cursor: str | None = None) -> httpx.Response:
        asked = {"sort": sort, "limit": "1"} | ({"cursor": cursor} if cursor else {})
        return await directory.client.get("/partners", params=asked)

    for given in orders:
        cursor = (await ask(given)).json()["next"]
        statuses = {sort: (await ask(sort, cursor)).status_code for sort in orders}
        assert statuses == {sort: 200 if sort == given else 400 for sort in orders}


async def test_a_withdrawn_partner_is_listed_only_when_asked_for(
    directory: ServedDirectory,
) -> None:
    """Without `status` it is left out."""
    record = await directory.create("Withdrawn from the list", country="MC")
    await directory.client.delete(
        f"/partners/{record['id']}", headers={**await directory.signed_in(), "If-Match": '"1"'}
    )
    assert await _names(directory, country="MC") == []
    assert await _names(directory, country="MC", status="withdrawn") == ["Withdrawn from the list"]


async def test_a_list_is_new_right_after_a_write(directory: ServedDirectory) -> None:
    """Pages are kept in memory, and none is given out that a write has made old."""
    for number in range(5):
        assert len(await _names(directory, country="SM")) == number
        answer = await directory.client.post(
            "/partners",
            json=a_partner(f"In San Marino {number}", country="SM"),
            headers=await directory.signed_in(),
        )
        assert answer.status_code == 201
