"""Imports of several pages: one is planned while another is written, and sees it all the same."""

from collections.abc import Mapping
from typing import Any

from uuid_utils.compat import uuid7

from tests.imported import import_records
from tests.served_directory import ServedDirectory, a_partner

# As many as are written together (docs/imports.md).
_PAGE = 500


def _pages(*rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each of `rows` on a page of its own, among partners that have nothing to do with it."""
    return [
        dict(row) if place == _PAGE // 2 else a_partner(f"Filler {number} {place}")
        for number, row in enumerate(rows)
        for place in range(_PAGE)
    ]


def _isnis(*numbers: int) -> list[dict[str, Any]]:
    return [{"scheme": "isni", "value": f"0000 {number}", "preferred": False} for number in numbers]


async def test_a_page_sees_what_the_page_before_it_has_made(directory: ServedDirectory) -> None:
    """A partner that one page makes is the one that the next pages are about, by whichever id."""
    own_id, other_id = str(uuid7()), str(uuid7())
    rows = _pages(
        {**a_partner("Made on a page"), "id": own_id, "external_ids": _isnis(1)},
        {"external_ids": _isnis(1), "country": "GB"},
        {"id": own_id, "established": 1900, "external_ids": _isnis(1, 2)},
        {"external_ids": _isnis(2), "sectors": ["academia"]},
        {**a_partner("Takes what was given up"), "external_ids": _isnis(1)},
        {"external_ids": _isnis(1), "country": "IE"},
        {**a_partner("Named by its id alone"), "id": other_id},
        {"id": other_id, "country": "NL"},
    )
    done = await import_records(directory, rows, warn="false")
    fillers = len(rows) - 8
    assert (done.found["state"], done.counts) == ("done", (fillers + 3, 5, 0, 0))
    token = await directory.signed_in()
    record = await directory.read(own_id, token)
    assert (record["version"], record["country"], record["established"]) == (4, "GB", 1900)
    assert (record["sectors"], record["external_ids"]) == (["academia"], _isnis(2))
    other = await directory.read(done.lines[4 * _PAGE + _PAGE // 2]["partner_id"], token)
    assert (other["version"], other["country"], other["external_ids"]) == (2, "IE", _isnis(1))
    assert (await directory.read(other_id, token))["country"] == "NL"


async def test_a_page_shows_the_names_that_the_page_before_it_has_given(
    directory: ServedDirectory,
) -> None:
    """What a partner shows of one that was renamed a page before is its new name."""
    named = await directory.create("Named before", external_ids=_isnis(3))
    tie = {"kind": "related", "partner_id": named["id"]}
    showing = await directory.create("Showing", external_ids=_isnis(4), relationships=[tie])
    rows = _pages(
        a_partner("First of all"),
        *(
            row
            for name, country in (("Named anew", "GB"), ("Named again", "IE"), ("Named last", "NL"))
            for row in (
                {"external_ids": _isnis(3), "names": [{"value": name, "kinds": ["display"]}]},
                {"external_ids": _isnis(4), "country": country},
            )
        ),
    )
    done = await import_records(directory, rows, warn="false")
    assert done.counts == (len(rows) - 6, 6, 0, 0)
    record = await directory.read(showing["id"], await directory.signed_in())
    assert [one["name"] for one in record["relationships"]] == ["Named last"]
    assert (record["country"], record["version"]) == ("NL", showing["version"] + 6)
