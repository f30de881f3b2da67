"""Filters of lists against the same filters in Python, over so many partners that ways part."""

import asyncio
from collections.abc import Callable
from operator import itemgetter
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from uuid_utils.compat import uuid7

from services.directory.models import partner_flag_table, partner_table, sector_table
from shared.databases import Database
from tests.served_directory import ServedDirectory

LEVELS = ["local", "national", "international"]
SECTORS = ["academia", "industry", "voluntary", "military"]
COUNTRIES = ["GB", "FR", "LU"]
STATUSES = ["active", "inactive", "withdrawn"]
REACHED = {"purposes": ["single_point_of_contact"], "kind": "role"}
# A query with a filter that holds for more than a thousand is begun at another end.
COPIES = 75

Record = dict[str, Any]
Holds = Callable[[Record], bool]


async def _page(
    directory: ServedDirectory, headers: dict[str, str], asked: dict[str, Any]
) -> list[Record]:
    found: list[Record] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await directory.client.get(
            "/partners", params={"limit": 200, **asked, **cursor}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        cursor = {"cursor": answer.json()["next"]}


async def _copy_all(directory: ServedDirectory) -> None:
    """As many partners as a network may have, without the time that it takes to write them."""
    database: Database = directory.app.state.database
    async with database.transaction() as session:
        rows = (await session.execute(select(partner_table))).mappings().all()
        others = [
            (table, (await session.execute(select(table))).mappings().all())
            for table in (sector_table, partner_flag_table)
        ]
        for _ in range(COPIES):
            new_ids = {row["id"]: uuid7() for row in rows}

            def anew(value: Any, old: UUID, new: UUID) -> Any:
                if isinstance(value, bytes):
                    return value.replace(str(old).encode(), str(new).encode())
                return value

            await session.execute(
                insert(partner_table),
                [
                    {key: anew(value, row["id"], new_ids[row["id"]]) for key, value in row.items()}
                    | {"id": new_ids[row["id"]]}
                    for row in rows
                ],
            )
            for table, lines in others:
                await session.execute(
                    insert(table),
                    [{**line, "partner_id": new_ids[line["partner_id"]]} for line in lines],
                )


@pytest.fixture(scope="module")
async def crowd(directory: ServedDirectory) -> dict[str, tuple[dict[str, str], list[Record]]]:
    """A crowd of partners; the headers of each audience, and all records as it reads them."""
    secretariat = await directory.signed_in()
    for number in range(24):
        point = {
            **REACHED,
            "channels": [{"kind": "post", "value": "a street"}],
            "visibility": ["public", "member", "secretariat"][number % 3],
        }
        record = await directory.create(
            f"Body {number % 7}",
            level=LEVELS[1 if number % 5 else number // 5 % 3],
            sectors=[*{SECTORS[number % 3], SECTORS[number % 2]}],
            country=[*COUNTRIES, None][number % 4],
            status="inactive" if number % 6 == 5 else "active",
            established=[None, 1900, 1950, 2000][number % 4],
            visibility="secretariat" if number == 11 else "public",
            contact_points=[point] if number % 2 else [],
        )
        headers = {**secretariat, "If-Match": '"1"'}
        if number % 8 == 1:
            day = {"method": "visit", "next_review_at": f"209{number % 3}-01-31"}
            path = f"/partners/{record['id']}/assurance"
            assert (await directory.client.post(path, json=day, headers=headers)).is_success
        if number == 23:
            path = f"/partners/{record['id']}"
            assert (await directory.client.delete(path, headers=headers)).is_success
    await _copy_all(directory)
    everything = {"status[in]": ",".join(STATUSES)}
    return {
        audience: (headers, await _page(directory, headers, everything))
        for audience, headers in (("public", {}), ("secretariat", secretariat))
    }


def _some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3)


def _filters(records: list[Record]) -> st.SearchStrategy[list[tuple[str, str, Holds]]]:
    """Filters as they are asked, each with what it means."""

    def equal(name: str, values: list[str]) -> Any:
        return st.sampled_from(values).map(lambda v: (name, v, lambda r: r[name] == v))

    def one_of(name: str, values: list[str], read: Callable[[Record], list[Any]]) -> Any:
        return _some(values).map(
            lambda vs: (f"{name}[in]", ",".join(vs), lambda r: bool({*read(r)} & {*vs}))
        )

    compare: dict[str, Callable[[Any, Any], bool]] = {
        "gte": lambda a, b: a >= b,
        "gt": lambda a, b: a > b,
        "lte": lambda a, b: a <= b,
        "lt": lambda a, b: a < b,
    }

    def ranged(name: str, values: list[str], read: Callable[[Record], Any]) -> Any:
        return st.tuples(st.sampled_from(sorted(compare)), st.sampled_from(values)).map(
            lambda pair: (
                f"{name}[{pair[0]}]",
                pair[1],
                lambda r: read(r) is not None and compare[pair[0]](str(read(r)), pair[1]),
            )
        )

    times = {name: sorted({r[name] for r in records}) for name in ("created_at", "modified_at")}
    reviews = sorted({r["assurance"]["next_review_at"] or "2095-06-01T00:00:00Z" for r in records})
    ids = [record["id"] for record in records]
    one = st.one_of(
        equal("level", LEVELS),
        one_of("level", LEVELS, lambda r: [r["level"]]),
        equal("country", COUNTRIES),
        one_of("country", COUNTRIES, lambda r: [r["country"]]),
        st.sampled_from(SECTORS).map(lambda v: ("sector", v, lambda r: v in r["sectors"])),
        one_of("sector", SECTORS, lambda r: r["sectors"]),
        equal("status", STATUSES),
        one_of("status", STATUSES, lambda r: [r["status"]]),
        st.sampled_from(["no_single_point_of_contact", "assurance_due"]).map(
            lambda v: ("flag", v, lambda r: v in r["flags"])
        ),
        st.sampled_from(["unverified", "assured", "due"]).map(
            lambda v: ("assurance", v, lambda r: r["assurance"]["status"] == v)
        ),
        *(ranged(name, times[name], itemgetter(name)) for name in times),
        ranged("next_review_at", reviews, lambda r: r["assurance"]["next_review_at"]),
        ranged("established", ["1899", "1900", "1950", "1999"], lambda r: r["established"]),
        st.lists(st.sampled_from(ids), min_size=1, max_size=200).map(
            lambda vs: ("ids", ",".join(vs), lambda r: r["id"] in vs)
        ),
    )
    return st.lists(one, max_size=4, unique_by=lambda found: found[0])


@pytest.mark.parametrize("audience", ["public", "secretariat"])
async def test_a_list_has_what_its_filters_say(
    directory: ServedDirectory,
    crowd: dict[str, tuple[dict[str, str], list[Record]]],
    audience: str,
) -> None:
    """Alone and together, in each order; withdrawn partners where a status is asked for."""
    headers, records = crowd[audience]
    queries: list[tuple[list[tuple[str, str, Holds]], str]] = []
    sorts = st.sampled_from(["name", "-name", "modified_at", "-created_at", "next_review_at"])

    @settings(max_examples=40, database=None, deadline=None)
    @given(_filters(records), sorts)
    def collect(filters: list[tuple[str, str, Holds]], sort: str) -> None:
        queries.append((filters, sort))

    await asyncio.to_thread(collect)
    for filters, sort in queries:
        asked = {name: value for name, value, _ in filters}
        found = await _page(directory, headers, {**asked, "sort": sort})
        of_status = "status" in asked or "status[in]" in asked
        expected = {
            record["id"]
            for record in records
            if all(holds(record) for _, _, holds in filters)
            and (of_status or record["status"] != "withdrawn")
        }
        assert len(found) == len(expected), asked
        assert {record["id"] for record in found} == expected, asked


@pytest.mark.parametrize("path", ["/partners", "/topics"])
@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("ids", "x", 422),
        ("ids", "", 422),
        ("ids", ",".join([str(UUID(int=n)) for n in range(201)]), 422),
        ("ids", ",".join([str(UUID(int=n)) for n in range(200)]), 200),
        ("status[in]", "active,none", 422),
        ("status[in]", "", 422),
        ("status[in]", "active, active", 200),
        ("status[gte]", "active", 400),
        ("modified_at[gte]", "2026-13-01", 422),
        ("modified_at[gte]", "2026-01-31T10:00", 422),
        ("modified_at[gte]", "20260131", 422),
        ("modified_at[gte]", "0001-01-01T00:00:00+14:00", 422),
        ("modified_at[lte]", "9999-12-31", 200),
        ("modified_at[gt]", "2026-01-31T10:00:00 01:00", 200),
        ("modified_at[lt]", "\x00", 422),
        ("modified_at[eq]", "2026-01-31", 400),
        ("modified_at", "2026-01-31", 400),
    ],
)
async def test_a_filter_that_cannot_be_is_refused(
    directory: ServedDirectory, path: str, name: str, value: str, status: int
) -> None:
    """With a problem that points to it; an operator that is not there is an unknown parameter."""
    answer = await directory.client.get(path, params={name: value})
    assert answer.status_code == status, answer.text
    if status != 200:
        assert [error["pointer"] for error in answer.json()["errors"]] == [f"/query/{name}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("level[in]", "local,regional"),
        ("sector[in]", "academia,"),
        ("country[in]", "GB,uk"),
        ("established[gte]", "-1"),
        ("established[lt]", "MCM"),
        ("next_review_at[lt]", "soon"),
        ("flag", "late"),
        ("assurance", "late"),
        ("country[in]", ",".join(f"{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(51))),
    ],
)
async def test_a_value_that_partners_cannot_have_is_refused(
    directory: ServedDirectory, name: str, value: str
) -> None:
    """And the problem says what is possible."""
    answer = await directory.client.get("/partners", params={name: value})
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert [error["pointer"] for error in problem["errors"]] == [f"/query/{name}"]


async def test_a_day_is_a_span(directory: ServedDirectory) -> None:
    """From its beginning to its end in UTC; not before it, and not after it."""
    record = await directory.create("Of today", country="IS")
    day = record["modified_at"][:10]
    expected = {"gte": 1, "gt": 0, "lte": 1, "lt": 0}
    for operator, count in expected.items():
        asked = {"country": "IS", f"modified_at[{operator}]": day}
        assert len(await _page(directory, {}, asked)) == count, operator


async def test_topics_are_filtered_alike(directory: ServedDirectory) -> None:
    """By ids, by several schemes and by the time of their last change."""
    headers = await directory.signed_in()
    made = {}
    for notation, scheme in (("f-one", "theme"), ("f-two", "strand"), ("f-three", "discipline")):
        body = {"notation": notation, "scheme": scheme, "pref_label": {"en": notation}}
        answer = await directory.client.post("/topics", json=body, headers=headers)
        made[notation] = answer.json()

    async def ask(**asked: str) -> list[str]:
        answer = await directory.client.get("/topics", params=asked)
        return [topic["notation"] for topic in answer.json()["items"]]

    assert await ask(**{"scheme[in]": "strand,discipline"}) == ["f-three", "f-two"]
    assert await ask(ids=f"{made['f-one']['id']},{made['f-two']['id']}") == ["f-one", "f-two"]
    middle = made["f-two"]["modified_at"]
    assert await ask(**{"modified_at[gt]": middle}) == ["f-three"]
    assert await ask(**{"modified_at[lte]": middle, "status[in]": "active"}) == ["f-one", "f-two"]
