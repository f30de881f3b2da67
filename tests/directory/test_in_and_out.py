"""Files that go in as an import and come out as an export, and the other way round."""

import csv
import io
import json
import os
from typing import Any

import pytest

from tests.directory.test_ror import ALL, SAMPLE, records_in
from tests.imported import as_lines, import_file
from tests.served_directory import ServedDirectory

LONG = bool(os.environ.get("LONG"))
CHANNEL = {"kind": "post", "value": "1 Street"}
POINT = {"kind": "role", "purposes": ["press"], "channels": [CHANNEL]}


async def _export(directory: ServedDirectory, what: str, headers: dict[str, str]) -> bytes:
    answer = await directory.client.get(f"/partners/export.{what}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.content


def _each_other_s_parents(records: list[dict[str, Any]]) -> set[str]:
    """Those that say so of each other; a directory has no circles of parents."""
    below = {
        (one["id"], tie["id"]) if tie["type"] == "parent" else (tie["id"], one["id"])
        for one in records
        for tie in one["relationships"]
        if tie["type"] in {"parent", "child"}
    }
    return {lower for lower, upper in below if lower != upper and (upper, lower) in below}


async def test_the_registry_goes_through_the_directory(directory: ServedDirectory) -> None:
    """What is imported of ROR comes out as it came in; a row that was refused is not there.

    The long form takes all 51,370 records. Some of them share an identifier: the later is refused.
    """
    records = list(records_in(ALL)) if LONG and ALL.exists() else SAMPLE
    done = await import_file(directory, as_lines(records), "ror-v2")
    created = done.counts[0]
    assert created > 0.98 * len(records), done.refused
    assert {line["problem"] for line in done.refused} <= {"external-id-taken"}
    found = json.loads(await _export(directory, "ror.json", {}))
    assert len(found) == created
    came = {record["id"]: record for record in records}
    differ = {record["id"] for record in found if record != came[record["id"]]}
    assert differ == _each_other_s_parents(records)
    again = await import_file(directory, as_lines(found), "ror-v2")
    assert again.counts == (0, len(differ), len(found) - len(differ), 0), again.refused[:3]


@pytest.fixture(scope="module")
async def partners(directory: ServedDirectory) -> list[dict[str, Any]]:
    """A partner with hidden values, related to a hidden one."""
    hidden = await directory.create("=Hidden", country="AD", visibility="secretariat")
    tie = {"kind": "parent", "partner_id": hidden["id"]}
    shown = await directory.create(
        "Shown | everywhere",
        country="AD",
        relationships=[tie],
        contact_points=[POINT, {**POINT, "visibility": "secretariat"}],
    )
    return [hidden, shown]


@pytest.mark.parametrize(("extension", "file_format"), [("csv", "csv"), ("hsds.json", "hsds")])
@pytest.mark.parametrize("audience", ["public", "secretariat"])
async def test_what_goes_out_and_comes_in_changes_nothing(
    directory: ServedDirectory,
    partners: list[dict[str, Any]],
    audience: str,
    extension: str,
    file_format: str,
) -> None:
    """Also of a file from which values were cut: nothing is deleted that was not in it."""
    headers = await directory.signed_in()
    before = await _export(directory, "ndjson?country=AD", headers)
    reader = headers if audience == "secretariat" else {}
    file = await _export(directory, f"{extension}?country=AD", reader)
    done = await import_file(directory, file, file_format)
    assert (done.counts[0], done.counts[1], done.counts[3]) == (0, 0, 0), done.lines
    assert await _export(directory, "ndjson?country=AD", headers) == before


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
async def test_files_of_spreadsheets_are_read(
    directory: ServedDirectory, partners: list[dict[str, Any]], delimiter: str, mark: str
) -> None:
    """With a byte order mark or without; parted by semicolons or tabs."""
    headers = await directory.signed_in()
    file = (await _export(directory, "csv?country=AD", headers)).decode()
    saved = io.StringIO(mark, newline="")
    saved.seek(0, io.SEEK_END)
    rows = csv.reader(io.StringIO(file, newline=""))
    csv.writer(saved, delimiter=delimiter).writerows(rows)
    done = await import_file(directory, saved.getvalue().encode(), "csv")
    assert done.counts == (0, 0, 2, 0), done.lines


async def test_a_cell_that_was_changed_is_changed(
    directory: ServedDirectory, partners: list[dict[str, Any]]
) -> None:
    """And nothing else of the partner."""
    file = (await _export(directory, "csv?name=shown", {})).decode()
    done = await import_file(directory, file.replace(",AD,", ",FR,").encode(), "csv")
    assert done.counts == (0, 1, 0, 0), done.lines
    after = await directory.read(partners[1]["id"], await directory.signed_in())
    kept = {"version": after["version"], "modified_at": after["modified_at"]}
    assert after == partners[1] | kept | {"country": "FR"}
