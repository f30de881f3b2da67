"""Imports: each row is held against the directory, written or refused, and told of."""

import gzip
import itertools
from pathlib import Path
from typing import Any

import orjson
import pytest
from uuid_utils.compat import uuid7

from tests.imported import as_lines, import_file, import_records
from tests.served_directory import ServedDirectory, a_partner


async def test_rows_become_partners(directory: ServedDirectory) -> None:
    """Each is made as POST would make it, with its event and its history."""
    rows = [a_partner(f"Imported {number}", country="GB") for number in range(3)]
    done = await import_records(directory, rows)
    assert (done.found["state"], done.counts) == ("done", (3, 0, 0, 0))
    assert [line["row"] for line in done.lines] == [1, 2, 3]
    for row, partner_id in zip(rows, done.ids(), strict=True):
        record = await directory.read(partner_id, await directory.signed_in())
        posted = await directory.create("Posted", country="GB")
        differs = {"id", "names", "created_at", "modified_at"}
        assert {k: v for k, v in record.items() if k not in differs} == {
            k: v for k, v in posted.items() if k not in differs
        }
        assert record["names"][0]["value"] == row["names"][0]["value"]
        event: Any = await directory.event_of(partner_id, await directory.service())
        assert event["type"] == "partner.created"
        assert event["data"]["record"]["names"] == record["names"]
        history = await directory.client.get(
            f"/partners/{partner_id}/history", headers=await directory.signed_in()
        )
        (version,) = history.json()["items"]
        assert (version["event"], version["version"]) == ("partner.created", 1)
        assert done.found["id"] in version["reason"]


def _isni(number: int) -> dict[str, Any]:
    return {"scheme": "isni", "value": f"0000 {number}", "preferred": False}


async def _head(directory: ServedDirectory) -> int:
    """The head of the log, when all that was written before is on it."""
    last = await directory.create("Last of all")
    await directory.event_of(last["id"], await directory.service())
    head: int = (await directory.changes(headers=await directory.service()))["head"]
    return head


async def _export(directory: ServedDirectory) -> list[dict[str, Any]]:
    answer = await directory.client.get(
        "/partners/export.ndjson", headers=await directory.signed_in()
    )
    return [orjson.loads(line) for line in answer.content.splitlines()]


async def test_a_row_changes_the_partner_that_has_one_of_its_identifiers(
    directory: ServedDirectory,
) -> None:
    """What the row leaves out stays as it was; what it gives takes the place of what was there."""
    made = await directory.create(
        "Known", external_ids=[_isni(1), _isni(2)], country="GB", established=1900
    )
    row = {"external_ids": [_isni(2), _isni(3)], "country": None, "sectors": ["academia"]}
    done = await import_records(directory, [row])
    assert (done.counts, done.ids()) == ((0, 1, 0, 0), [made["id"]])
    record = await directory.read(made["id"], await directory.signed_in())
    assert record["external_ids"] == [_isni(2), _isni(3)]
    assert (record["country"], record["sectors"]) == (None, ["academia"])
    assert (record["established"], record["names"]) == (1900, made["names"])
    assert record["version"] == 2
    found = await directory.client.get("/partners?external_id=isni:0000 1")
    assert found.json()["items"] == []
    by_sector = await directory.client.get("/partners?sector=academia")
    assert made["id"] in [one["id"] for one in by_sector.json()["items"]]


async def test_a_row_that_says_nothing_new_writes_nothing(directory: ServedDirectory) -> None:
    """Neither a version nor an event; the whole directory, exported, is such a file."""
    point = {
        "kind": "role",
        "purposes": ["press"],
        "channels": [{"kind": "post", "value": "A street"}],
    }
    parent = await directory.create("Above", contact_points=[point])
    topic = {"notation": "imported-topic", "scheme": "theme", "pref_label": {"en": "A topic"}}
    answer = await directory.client.post("/topics", json=topic, headers=await directory.signed_in())
    assert answer.status_code == 201, answer.text
    await directory.create(
        "Below",
        external_ids=[_isni(10)],
        relationships=[{"kind": "parent", "partner_id": parent["id"]}],
        contact_points=[{**point, "channels": [{"kind": "email", "value": "Me@Example.org"}]}],
        topics=[{"topic_id": answer.json()["id"], "role": "leads"}],
        location={"lat": 1, "lon": 2.5},
    )
    before, head = await _export(directory), await _head(directory)
    done = await import_records(directory, before)
    assert done.counts == (0, 0, len(before), 0)
    await _head(directory)
    after = await _export(directory)
    assert after[: len(before)] == before
    assert await _head(directory) == head + 2


async def test_a_row_may_name_the_partner_by_its_id(directory: ServedDirectory) -> None:
    """An id that is not there yet is kept; a withdrawn partner is not changed."""
    made = await directory.create("By id")
    gone = await directory.create("Withdrawn")
    headers = {**await directory.signed_in(), "If-Match": '"1"'}
    path = f"/partners/{gone['id']}?successor={made['id']}"
    assert (await directory.client.delete(path, headers=headers)).status_code == 204
    fresh = str(uuid7())
    rows = [
        {"id": made["id"], "established": 1950},
        {"id": gone["id"], "established": 1950},
        a_partner("Comes with an id", id=fresh),
        a_partner("Not one of ours", id="6d9a4f3e-3f4c-4b0a-9c5e-0d7a3c1b2a19"),
        a_partner("No id at all", id="x"),
    ]
    done = await import_records(directory, rows)
    assert [line["outcome"] for line in done.lines] == [
        "updated",
        "refused",
        "created",
        "refused",
        "refused",
    ]
    assert (await directory.read(made["id"]))["established"] == 1950
    assert (await directory.read(fresh))["names"][0]["value"] == "Comes with an id"
    withdrawn, unknown, none = done.refused
    assert withdrawn["problem"] == "partner-withdrawn"
    assert made["id"] in withdrawn["detail"]
    assert unknown["problem"] == "not-found"
    assert none["errors"][0]["pointer"] == "/id"


async def test_a_row_with_identifiers_of_several_partners_is_refused(
    directory: ServedDirectory,
) -> None:
    """Both are named. So is one that has another ROR id than the row."""
    ror = {"scheme": "ror", "value": "https://ror.org/04xfq0f34", "preferred": True}
    one = await directory.create("One of two", external_ids=[_isni(20), ror])
    two = await directory.create("Two of two", external_ids=[_isni(21)])
    other_ror = {**ror, "value": "https://ror.org/03yrm5c26"}
    rows = [
        a_partner("Both", external_ids=[_isni(20), _isni(21)]),
        a_partner("Other", external_ids=[_isni(20), other_ror]),
    ]
    done = await import_records(directory, rows)
    both, other = done.refused
    assert sorted(both["partner_ids"]) == sorted([one["id"], two["id"]])
    assert one["id"] in both["detail"]
    assert two["id"] in both["detail"]
    assert (other["problem"], other["partner_ids"]) == ("external-id-taken", [one["id"]])


async def test_a_broken_row_loses_none_of_the_good_ones(directory: ServedDirectory) -> None:
    """The report says of it what the answer to POST would, with pointers to the values."""
    broken: list[Any] = [
        {"level": "national"},
        a_partner("No such country", country="ZZ", domains=["ok.example", "not a host"]),
        a_partner("Colourful", colour="red"),
        a_partner("No such topic", topics=[{"topic_id": str(uuid7()), "role": "leads"}]),
        a_partner("Not here", status="withdrawn"),
        [1, 2],
        a_partner("Knows no id", contact_points=[]) | {"id": 7},
    ]
    good = [a_partner(f"Good {number}") for number in range(len(broken) + 1)]
    rows = [row for pair in zip(good, broken, strict=False) for row in pair] + good[-1:]
    done = await import_records(directory, rows)
    assert done.counts == (len(good), 0, 0, len(broken))
    assert [line["row"] for line in done.refused] == list(range(2, 2 * len(broken) + 1, 2))
    pointers = [[error["pointer"] for error in line["errors"]] for line in done.refused]
    assert pointers[:4] == [
        ["/names"],
        ["/country", "/domains/1"],
        ["/colour"],
        ["/topics/0/topic_id"],
    ]
    assert all(len(line["detail"]) > 15 for line in done.refused)
    location = f"/imports/{done.found['id']}/report"
    only = await directory.client.get(location, headers=await directory.signed_in())
    assert [orjson.loads(line) for line in only.content.splitlines()] == done.refused


async def test_rows_see_what_rows_before_them_have_made(directory: ServedDirectory) -> None:
    """The second row about a partner changes what the first has made; ids that one gives up, the
    next may have."""
    rows = [
        a_partner("Twice", external_ids=[_isni(30)]),
        {"external_ids": [_isni(30), _isni(31)], "established": 1901},
        {"external_ids": [_isni(31)], "established": 1902},
        a_partner("Takes the id", external_ids=[_isni(30)]),
        {"external_ids": [_isni(31)], "established": 1902},
    ]
    done = await import_records(directory, rows)
    assert [line["outcome"] for line in done.lines] == [
        "created",
        "updated",
        "updated",
        "created",
        "unchanged",
    ]
    first, *_, last, again = done.ids()
    assert done.ids() == [first, first, first, last, first] and again == first != last
    record = await directory.read(first)
    assert (record["established"], record["external_ids"]) == (1902, [_isni(31)])
    assert (await directory.read(last))["external_ids"] == [_isni(30)]


async def test_contact_points_keep_their_ids_and_verification(directory: ServedDirectory) -> None:
    """Where the row has them as they were, though without their ids."""
    desk = {"kind": "role", "purposes": ["press"], "channels": [{"kind": "post", "value": "X"}]}
    other = {**desk, "channels": [{"kind": "post", "value": "Y"}]}
    made = await directory.create(
        "Has contact points", external_ids=[_isni(40)], contact_points=[desk, other]
    )
    row = {"external_ids": [_isni(40)], "contact_points": [other, {**desk, "title": "New"}]}
    done = await import_records(directory, [row])
    assert done.counts == (0, 1, 0, 0)
    points = (await directory.read(made["id"], await directory.signed_in()))["contact_points"]
    assert points[0] == made["contact_points"][1]
    assert points[1]["id"] not in {point["id"] for point in made["contact_points"]}
    again = await import_records(directory, [row])
    assert again.counts == (0, 0, 1, 0)


async def test_whoever_shows_a_partner_shows_its_new_name(directory: ServedDirectory) -> None:
    """With a version and an event of its own, as after any other change of a name."""
    named = await directory.create("Old name", external_ids=[_isni(50)])
    shows = await directory.create(
        "Shows the other", relationships=[{"kind": "child", "partner_id": named["id"]}]
    )
    row = a_partner("New name", external_ids=[_isni(50)])
    await import_records(directory, [row])
    record = await directory.read(shows["id"])
    assert record["relationships"][0]["name"] == "New name"
    assert record["version"] == shows["version"] + 1
    event = await directory.event_of(shows["id"])
    assert event["data"]["changed"] == ["relationships"]


@pytest.mark.parametrize("file_format", ["ror-v2", "hsds", "csv"])
async def test_records_of_other_formats_come_in(
    directory: ServedDirectory, file_format: str
) -> None:
    """And say nothing new when they come again; what the format cannot say, a partner keeps."""
    files = {
        "ror-v2": _ror_records(),
        "hsds": as_lines(
            {
                "id": f"0e3f9c1a-1111-4222-8333-00000000000{n}",
                "name": f"HSDS {n}",
                "description": "",
            }
            for n in range(3)
        ),
        "csv": b"name,level,external_ids\nOf CSV,local,isni:777\nOther,national,\n",
    }
    done = await import_file(directory, files[file_format], file_format)
    assert done.found["counts"]["refused"] == 0, done.refused
    assert done.found["counts"]["created"] == done.found["rows_total"]
    record = await directory.read(done.ids()[0], await directory.signed_in())
    former = {"value": "As it was called", "kinds": ["former"], "lang": None}
    changed = await directory.patch(record, {"names": [*record["names"], former]})
    assert changed.status_code == 200, changed.text
    again = await import_file(directory, files[file_format], file_format, mode="atomic")
    rows = 1 if file_format == "csv" else done.found["rows_total"]
    assert again.counts[2] >= rows, again.lines
    assert former in (await directory.read(record["id"]))["names"]


def _ror_records() -> bytes:
    path = Path(__file__).parent / "published" / "ror-sample-2000.jsonl.gz"
    with gzip.open(path) as lines:
        return b"".join(itertools.islice(lines, 300))


async def test_every_identifier_may_be_of_a_scheme_of_its_own(directory: ServedDirectory) -> None:
    """Rows of a page may name as many schemes as they like, and are found by each of them."""
    rows = [
        a_partner(
            f"Of many schemes {number}",
            external_ids=[
                {"scheme": f"scheme-{number}-{place}", "value": "1", "preferred": False}
                for place in range(100)
            ],
        )
        for number in range(30)
    ]
    first = await import_records(directory, rows)
    assert first.counts == (30, 0, 0, 0)
    again = await import_records(
        directory, [{**row, "external_ids": row["external_ids"][-1:]} for row in rows]
    )
    assert (again.counts, again.ids()) == ((0, 30, 0, 0), first.ids())
