"""The report of an import names the partners that a new one may be, as POST does."""

from typing import Any

import pytest

from tests.imported import Imported, as_lines, ended, import_records, send_file
from tests.served_directory import ServedDirectory, a_partner
from tests.waiting import wait_until


def named(done: Imported) -> list[list[tuple[str | None, str]]]:
    """By row the partners that it may be, by id and name."""
    return [
        [(one["id"], one["name"]) for one in line["possible_duplicates"]] for line in done.lines
    ]


def twice(name: str, *between: dict[str, Any]) -> list[dict[str, Any]]:
    """A file in which one body stands first and last."""
    return [a_partner(name, country="GB"), *between, a_partner(f"The {name}", country="GB")]


@pytest.mark.parametrize(
    ("mode", "name"),
    [("best-effort", "Wrenfield Ballistics Archive"), ("atomic", "Quillmarsh Aviation Tribunal")],
)
async def test_rows_that_may_be_there_already_are_named(
    directory: ServedDirectory, mode: str, name: str
) -> None:
    """Those of the directory and those of the file, earlier and later ones, the likeliest first."""
    there = await directory.create(name, country="GB")
    apart = a_partner(f"Xylographic {mode} Commission", country="FR")
    done = await import_records(directory, twice(name, apart), mode=mode)
    assert (done.found["state"], done.counts) == ("done", (3, 0, 0, 0))
    first, _, last = done.ids()
    assert done.found["warned"] == 2
    of_first, of_apart, of_last = named(done)
    assert of_apart == []
    assert {one for one, _ in of_first} == {there["id"], last}
    assert {one for one, _ in of_last} == {there["id"], first}
    assert of_first[0] == (there["id"], name)
    scores = [one["score"] for one in done.lines[0]["possible_duplicates"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0.5 <= score <= 1 for score in scores)


async def test_a_dry_run_names_them_and_leaves_nothing(directory: ServedDirectory) -> None:
    """What only the file would make has no id; nobody is compared with it afterwards."""
    there = await directory.create("Larkmoor Toxicology Hub", country="GB")
    rows = twice("Larkmoor Toxicology Hub", {"names": []})
    done = await import_records(directory, rows, dry_run="true")
    assert (done.counts, done.found["warned"]) == ((2, 0, 0, 1), 2)
    assert done.ids() == [None, None, None]
    of_first, of_refused, of_last = named(done)
    assert of_refused == []
    assert set(of_first) == {
        (there["id"], "Larkmoor Toxicology Hub"),
        (None, "The Larkmoor Toxicology Hub"),
    }
    assert set(of_last) == {
        (there["id"], "Larkmoor Toxicology Hub"),
        (None, "Larkmoor Toxicology Hub"),
    }
    answer = await directory.client.post(
        "/partners", json=rows[0], headers=await directory.signed_in()
    )
    assert [one["id"] for one in answer.json()["possible_duplicates"]] == [there["id"]]


async def test_only_new_partners_are_warned_of(directory: ServedDirectory) -> None:
    """A row that changes a partner, or says nothing new, was about one that is known."""
    one = await directory.create("Gorsebank Victim Support", country="GB")
    await directory.create("The Gorsebank Victim Support", country="GB")
    rows = [{"id": one["id"], "established": 1990}, {"id": one["id"], "country": "GB"}]
    done = await import_records(directory, rows)
    assert (done.counts, done.found["warned"]) == ((0, 1, 1, 0), 0)
    assert named(done) == [[], []]


async def test_partners_that_are_related_are_not_named(directory: ServedDirectory) -> None:
    """The file says itself that they are two."""
    parent = await directory.create("Netherby Coastguard Registry", country="GB")
    tie = {"kind": "parent", "partner_id": parent["id"]}
    row = a_partner("The Netherby Coastguard Registry", country="GB", relationships=[tie])
    done = await import_records(directory, [row])
    assert (named(done), done.found["warned"]) == ([[]], 0)


async def test_long_files_are_compared_when_it_is_asked_for(directory: ServedDirectory) -> None:
    """Over all their pages; else they are compared in the background, and `warned` is null."""
    fill = [a_partner(f"Filling {number}", level="local") for number in range(2_000)]
    left_out = await import_records(directory, twice("Brackwater Fisheries Patrol", *fill))
    assert (left_out.found["warned"], named(left_out)[0]) == (None, [])
    done = await import_records(
        directory, twice("Ottershaw Cybercrime Desk", *fill[:600]), warn="true"
    )
    assert done.ids()[-1] in {one for one, _ in named(done)[0]}
    assert done.ids()[0] in {one for one, _ in named(done)[-1]}
    unwanted = await import_records(directory, twice("Pikestone Customs Lab"), warn="false")
    assert (unwanted.found["warned"], named(unwanted)) == (None, [[], []])


async def test_calling_off_what_is_only_compared_ends_it_well(directory: ServedDirectory) -> None:
    """All was written, and the report says so; of rows not compared yet it warns of none."""
    headers = await directory.signed_in()
    rows = as_lines(a_partner(f"Compared long {number}") for number in range(4_000))
    answer = await send_file(directory, rows, mode="atomic", warn="true")
    location = answer.headers["Location"]

    async def is_comparing() -> bool:
        found = (await directory.client.get(location, headers=headers)).json()
        return bool(found["phase"] == "comparing")

    await wait_until(is_comparing, "all is written", 60)
    assert (await directory.client.delete(location, headers=headers)).status_code == 204
    done = await ended(directory, location)
    assert (done.found["state"], done.counts) == ("done", (4_000, 0, 0, 0))
    assert (len(done.lines), done.found["failure"]) == (4_000, None)
