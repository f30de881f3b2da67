"""What an import does as a whole: links between rows, dry runs, all or nothing, calling it off."""

from typing import Any

import orjson
import pytest
from uuid_utils.compat import uuid7

from tests.imported import as_lines, ended, import_records, send_file
from tests.served_directory import ServedDirectory, a_partner
from tests.waiting import wait_until


def _related(record: dict[str, Any]) -> set[tuple[str, str]]:
    return {(tie["kind"], tie["partner_id"]) for tie in record["relationships"]}


def _tied(kind: str, partner_id: str) -> dict[str, Any]:
    return {"relationships": [{"kind": kind, "partner_id": partner_id}]}


async def _state(directory: ServedDirectory) -> tuple[str, int]:
    """All that there is, and how many events have told of it; what this leaves is not counted."""
    last, headers = await directory.create("Last of all"), await directory.service()
    after, told = 0, list[str]()

    async def is_told() -> bool:
        nonlocal after
        page = await directory.changes(after, headers)
        after = page["next_after"]
        told.extend(event["subject"] for event in page["items"])
        return last["id"] in told

    await wait_until(is_told, "the last event is on the log")
    export = await directory.client.get("/partners/export.ndjson", headers=headers)
    lines = [line for line in export.text.splitlines() if "Last of all" not in line]
    made_here = {line["id"] for line in map(orjson.loads, export.text.splitlines())} - {
        line["id"] for line in map(orjson.loads, lines)
    }
    return "\n".join(lines), sum(one not in made_here for one in told)


async def test_rows_are_related_whatever_their_order(directory: ServedDirectory) -> None:
    """To one that comes later in the file, or is there; each record shows it with one version."""
    above, below, beside = (str(uuid7()) for _ in range(3))
    there = await directory.create("Is there")
    rows = [
        a_partner("Below", id=below, **_tied("parent", above)),
        a_partner("Above", id=above, **_tied("funds", there["id"])),
        a_partner("Beside", id=beside, **_tied("related", str(uuid7()))),
    ]
    done = await import_records(directory, rows)
    assert done.counts == (3, 0, 0, 0)
    assert _related(await directory.read(below)) == {("parent", above)}
    record = await directory.read(above)
    assert _related(record) == {("child", below), ("funds", there["id"])}
    assert record["version"] == 2
    assert ("funded_by", above) in {
        (kind, other) for kind, other in _related(await directory.read(there["id"]))
    }
    notes = [line["notes"] for line in done.lines]
    assert (notes[:2], len(notes[2]), done.found["notes"]) == ([[], []], 1, 1)
    again = await import_records(directory, rows)
    assert again.counts == (0, 0, 3, 0)
    assert (await directory.read(above))["version"] == 2


async def test_a_row_may_end_a_relationship(directory: ServedDirectory) -> None:
    """Relationships that a row names take the place of those that there were, at both ends."""
    one, two = await directory.create("One"), await directory.create("Two")
    three = await directory.create("Three", **_tied("parent", one["id"]))
    done = await import_records(directory, [{"id": three["id"], **_tied("parent", two["id"])}])
    assert done.counts == (0, 1, 0, 0)
    assert _related(await directory.read(three["id"])) == {("parent", two["id"])}
    assert _related(await directory.read(one["id"])) == set()
    assert _related(await directory.read(two["id"])) == {("child", three["id"])}
    to_itself = await import_records(
        directory, [{"id": three["id"], **_tied("related", three["id"])}]
    )
    assert to_itself.refused[0]["problem"] == "invalid-values"


@pytest.mark.parametrize("mode", ["best-effort", "atomic"])
async def test_parents_never_run_in_a_circle(directory: ServedDirectory, mode: str) -> None:
    """What would close one is left out with a note, or refuses all in an atomic import."""
    ids = [str(uuid7()) for _ in range(4)]
    rows = [
        a_partner(f"In a circle {number}", id=ids[number], **_tied("parent", ids[number - 1]))
        for number in range(4)
    ]
    done = await import_records(directory, rows, mode=mode)
    if mode == "atomic":
        assert (done.found["state"], len(done.refused)) == ("failed", 1)
        assert done.refused[0]["problem"] == "circular-relationship"
        assert (await directory.client.get(f"/partners/{ids[0]}")).status_code == 404
        return
    assert (done.counts, done.found["notes"]) == ((4, 0, 0, 0), 1)
    ties = [_related(await directory.read(one)) for one in ids]
    assert sum(kind == "parent" for of_one in ties for kind, _ in of_one) == 3


def _mixed(broken: bool) -> list[dict[str, Any]]:
    ids = [str(uuid7()) for _ in range(500)]
    rows = [
        a_partner(f"Many {number}", id=one, **_tied("parent", ids[number - 1] if number else one))
        for number, one in enumerate(ids)
    ]
    rows[0].pop("relationships")
    rows.append({"id": ids[3], "established": 1999})
    if broken:
        rows[250] = a_partner("Broken", country="ZZ")
        rows[499] = {"level": "local"}
    return rows


async def test_a_dry_run_says_what_would_come_and_writes_nothing(
    directory: ServedDirectory,
) -> None:
    """Its report is that of the import that follows, but for the ids of partners not made."""
    rows, before = _mixed(broken=True), await _state(directory)
    tried = await import_records(directory, rows, dry_run="true")
    assert (tried.found["state"], tried.found["dry_run"]) == ("done", True)
    assert await _state(directory) == before
    done = await import_records(directory, rows)
    assert done.counts == (498, 1, 0, 2)
    assert tried.counts == done.counts

    def without_ids(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**line, "partner_id": None} for line in lines]

    assert without_ids(tried.lines) == without_ids(done.lines)
    again = await import_records(directory, rows, dry_run="true")
    assert again.counts == (0, 0, 499, 2)


async def test_one_broken_row_refuses_all_of_an_atomic_import(directory: ServedDirectory) -> None:
    """The report names every broken one; without them all is written."""
    before = await _state(directory)
    done = await import_records(directory, _mixed(broken=True), mode="atomic")
    assert (done.found["state"], done.counts) == ("failed", (0, 0, 0, 2))
    assert done.found["failure"]["reason"] == "rows-refused"
    assert [line["row"] for line in done.lines] == [251, 500]
    assert await _state(directory) == before
    done = await import_records(directory, _mixed(broken=False), mode="atomic")
    assert (done.found["state"], done.counts) == ("done", (500, 1, 0, 0))


async def test_imports_are_worked_on_one_after_the_other(directory: ServedDirectory) -> None:
    """Two of the same partners at once: what the first has made, the second finds."""
    rows = as_lines(
        a_partner(f"At once {number}", external_ids=[{"scheme": "isni", "value": f"at {number}"}])
        for number in range(450)
    )
    first, second = await send_file(directory, rows), await send_file(directory, rows, packed=True)
    one = await ended(directory, first.headers["Location"])
    two = await ended(directory, second.headers["Location"])
    assert (one.counts, two.counts) == ((450, 0, 0, 0), (0, 0, 450, 0))
    assert one.ids() == two.ids()
    listed = await directory.client.get("/imports?limit=1", headers=await directory.signed_in())
    assert listed.json()["items"][0] == two.found
    following = await directory.client.get(
        f"/imports?limit=1&cursor={listed.json()['next']}", headers=await directory.signed_in()
    )
    assert following.json()["items"] == [one.found]


async def test_others_write_while_an_import_runs(directory: ServedDirectory) -> None:
    """Their changes of the same partners are neither lost nor overwritten unseen."""
    made = await directory.create("Changed meanwhile", established=1900)
    rows = [a_partner(f"Meanwhile {number}") for number in range(3_000)]
    rows.append({"id": made["id"], "country": "GB"})
    answer = await send_file(directory, as_lines(rows))
    location, record, years = answer.headers["Location"], made, 0
    headers = await directory.signed_in()
    counts = set()
    while True:
        found = (await directory.client.get(location, headers=headers)).json()
        counts.add(found["rows_read"])
        if found["state"] != "running":
            break
        changed = await directory.patch(record, {"established": 1901 + years})
        if changed.status_code == 200:
            years += 1
        record = await directory.read(made["id"], headers)
    assert found["counts"] == {"created": 3_000, "updated": 1, "unchanged": 0, "refused": 0}
    assert years > 2
    assert len(counts) > 3
    record = await directory.read(made["id"], headers)
    assert (record["country"], record["established"]) == ("GB", 1900 + years)
    assert record["version"] == 2 + years


async def test_an_import_can_be_called_off(directory: ServedDirectory) -> None:
    """What was written stays and is reported; then it can be forgotten."""
    headers = await directory.signed_in()
    rows = as_lines(a_partner(f"Called off {number}") for number in range(6_000))
    location = (await send_file(directory, rows)).headers["Location"]

    async def has_begun() -> bool:
        found = (await directory.client.get(location, headers=headers)).json()
        return bool(found["rows_read"] > 0)

    await wait_until(has_begun, "the import has begun")
    assert (await directory.client.delete(location, headers=headers)).status_code == 204
    done = await ended(directory, location)
    assert (done.found["state"], done.found["failure"]["reason"]) == ("failed", "cancelled")
    created = done.counts[0]
    assert 0 < created < 6_000
    assert len(done.lines) == created
    found = await directory.client.get("/partners?name=Called off 0", headers=headers)
    assert len(found.json()["items"]) == 1
    assert (await directory.client.delete(location, headers=headers)).status_code == 204
    for path in (location, f"{location}/report"):
        assert (await directory.client.get(path, headers=headers)).status_code == 404
    assert (await directory.client.delete(location, headers=headers)).status_code == 404


async def test_what_ends_first_is_not_called_off(directory: ServedDirectory) -> None:
    """An atomic import stands or falls as a whole; its report is not lost by calling it off."""
    headers = await directory.signed_in()
    rows = as_lines(a_partner(f"As a whole {number}") for number in range(1_500))
    answer = await send_file(directory, rows, mode="atomic", warn="false")
    location = answer.headers["Location"]

    async def has_begun() -> bool:
        found = (await directory.client.get(location, headers=headers)).json()
        return found["started_at"] is not None

    await wait_until(has_begun, "the import has begun")
    answer = await directory.client.delete(location, headers=headers)
    done = await ended(directory, location)
    if answer.status_code == 204:
        # It was called off between its beginning and its transaction.
        assert (done.found["state"], done.lines) == ("failed", [])
        return
    assert answer.status_code == 409, answer.text
    assert answer.json()["type"].endswith(":import-ended")
    assert (done.found["state"], done.counts) == ("done", (1_500, 0, 0, 0))
    assert len(done.lines) == 1_500
