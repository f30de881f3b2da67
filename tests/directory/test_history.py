"""Every version of a partner: who made it, when, why, what differs, and going back to it."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.directory.differences import differences
from tests.served_directory import ServedDirectory

DESK = {
    "kind": "role",
    "purposes": ["single_point_of_contact"],
    "channels": [{"kind": "email", "value": "desk@example.org"}],
}


async def _history(
    directory: ServedDirectory, partner_id: str, headers: Any = None, **more: Any
) -> Any:
    answer = await directory.client.get(
        f"/partners/{partner_id}/history",
        params=more,
        headers=headers or await directory.signed_in(),
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _at(directory: ServedDirectory, partner_id: str, at: str) -> httpx.Response:
    return await directory.client.get(
        f"/partners/{partner_id}", params={"at": at}, headers=await directory.signed_in()
    )


async def _restore(
    directory: ServedDirectory, record: Any, version: int, headers: Any = None
) -> httpx.Response:
    return await directory.client.post(
        f"/partners/{record['id']}/restore",
        json={"version": version},
        params={"reason": "a slip of the keyboard"},
        headers={
            **(headers or await directory.signed_in()),
            "If-Match": f'"{record["version"]}"',
        },
    )


async def test_each_change_is_a_version_with_its_differences(directory: ServedDirectory) -> None:
    """Newest first: the event, who did it, why, and each value before and after."""
    made = await directory.create("Harbour Watch", contact_points=[DESK], sectors=["government"])
    editor_id, editor = await directory.account_with_id("editor", partner_id=made["id"])
    changed = await directory.client.patch(
        f"/partners/{made['id']}",
        params={"reason": "  moved to Hull "},
        json={
            "description": {"en": "Watches."},
            "sectors": ["law_enforcement"],
            "contact_points": [{**made["contact_points"][0], "title": "Duty officer"}],
        },
        headers={**editor, "If-Match": '"1"'},
    )
    assert changed.status_code == 200
    newest, first = (await _history(directory, made["id"]))["items"]
    assert (newest["version"], newest["event"]) == (2, "partner.updated")
    assert newest["actor"] == {"account_id": editor_id, "role": "editor"}
    assert newest["reason"] == "moved to Hull"
    point = made["contact_points"][0]["id"]
    told = [
        (one["field"], one["change"], one["item"], one["before"], one["after"])
        for one in newest["differences"]
    ]
    assert told == [
        ("sectors", "added", None, None, "law_enforcement"),
        ("sectors", "removed", None, "government", None),
        ("description.en", "added", None, None, "Watches."),
        ("contact_points.title", "added", {"id": point}, None, "Duty officer"),
    ]
    assert (first["version"], first["event"], first["reason"]) == (1, "partner.created", None)
    assert {one["field"] for one in first["differences"]} == {
        *("level", "sectors", "names", "status", "contact_points", "assurance", "visibility"),
    }


async def test_pages_of_history_have_every_version_once(directory: ServedDirectory) -> None:
    """Each with the same differences as in one long page."""
    record = await directory.create("Pages of History")
    for year in range(1990, 1997):
        record = (await directory.patch(record, {"established": year})).json()
    whole = (await _history(directory, record["id"], limit=100))["items"]
    assert [one["version"] for one in whole] == list(range(8, 0, -1))
    paged: list[Any] = []
    more: dict[str, str] = {}
    while True:
        page = await _history(directory, record["id"], limit=3, **more)
        paged += page["items"]
        if page["next"] is None:
            break
        more = {"cursor": page["next"]}
    assert paged == whole


async def test_a_renamed_partner_makes_a_version_of_those_that_name_it(
    directory: ServedDirectory,
) -> None:
    """The reason belongs to the one that was changed; the other's editors do not get it."""
    other = await directory.create("Old Name of Another")
    record = await directory.create(
        "Names Another", relationships=[{"kind": "related", "partner_id": other["id"]}]
    )
    current = await directory.read(other["id"])
    answer = await directory.client.patch(
        f"/partners/{other['id']}",
        params={"reason": "for its own eyes"},
        json={"names": [{"value": "New Name of Another", "kinds": ["display"]}]},
        headers={**await directory.signed_in(), "If-Match": f'"{current["version"]}"'},
    )
    assert answer.status_code == 200
    newest = (await _history(directory, record["id"]))["items"][0]
    assert newest["reason"] is None
    (only,) = newest["differences"]
    assert (only["field"], only["after"]) == ("relationships.name", "New Name of Another")
    assert only["item"] == {"kind": "related", "partner_id": other["id"]}


async def test_a_partner_is_shown_as_it_was(directory: ServedDirectory) -> None:
    """In a version, with that version's ETag, or at a time; nothing was there before it began."""
    before = datetime.now(UTC)
    one = await directory.create("As it was")
    two = (await directory.patch(one, {"established": 1801})).json()
    between = (await _history(directory, one["id"]))["items"][1]["at"]
    first = await _at(directory, one["id"], "1")
    assert (first.json(), first.headers["ETag"]) == (one, '"1"')
    assert (await _at(directory, one["id"], between)).json() == one
    assert (await _at(directory, one["id"], datetime.now(UTC).isoformat())).json() == two
    assert (await _at(directory, one["id"], "9999-01-01")).json() == two
    for at in (before.isoformat(), "0", "3", "2001-01-01"):
        assert (await _at(directory, one["id"], at)).status_code == 404
    for at in ("", "yesterday", "1.5", "-1", "2026-13-01", "9" * 40, "2026-11-26T10:00:00+99:00"):
        answer = await _at(directory, one["id"], at)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (
            422,
            "invalid-values",
        )


async def test_history_begins_where_a_withdrawn_partner_ends(directory: ServedDirectory) -> None:
    """It can be read of a withdrawn partner, whose address leads elsewhere."""
    kept = await directory.create("Kept of two")
    gone = await directory.create("Gone of two")
    await directory.client.delete(
        f"/partners/{gone['id']}",
        params={"successor": kept["id"], "reason": "the same body"},
        headers={**await directory.signed_in(), "If-Match": '"1"'},
    )
    newest = (await _history(directory, gone["id"]))["items"][0]
    assert (newest["event"], newest["reason"]) == ("partner.withdrawn", "the same body")
    assert (await _at(directory, gone["id"], "1")).json() == gone
    assert (await _at(directory, gone["id"], "2")).json()["status"] == "withdrawn"


async def test_going_back_is_a_new_version(directory: ServedDirectory) -> None:
    """With the values of then; what was gone of contact points comes back unverified."""
    one = await directory.create("Goes back", contact_points=[DESK], established=1900)
    two = (await directory.patch(one, {"contact_points": [], "established": 1901})).json()
    answer = await _restore(directory, two, 1)
    assert answer.status_code == 200
    three = answer.json()
    assert three["version"] == 3
    for field in ("established", "names", "contact_points"):
        assert three[field] == one[field]
    newest = (await _history(directory, one["id"]))["items"][0]
    assert newest["reason"] == "a slip of the keyboard"
    assert (await _restore(directory, three, 3)).json() == three
    assert (await _restore(directory, two, 1)).status_code == 412
    assert (await _restore(directory, three, 4)).status_code == 404
    assert (await directory.event_of(one["id"]))["data"]["record"]["version"] == 3


async def test_a_withdrawn_partner_can_be_brought_back(directory: ServedDirectory) -> None:
    """By the secretariat alone; with its identifiers and ties, and its successor lets go of it."""
    ids = [{"scheme": "wikidata", "value": "Q7001"}]
    kept = await directory.create("Took its place")
    other = await directory.create("Stands beside it")
    gone = await directory.create(
        "Withdrawn by mistake",
        external_ids=ids,
        relationships=[{"kind": "related", "partner_id": other["id"]}],
    )
    editor = await directory.account("editor", gone["id"])
    await directory.client.delete(
        f"/partners/{gone['id']}",
        params={"successor": kept["id"]},
        headers={**await directory.signed_in(), "If-Match": '"1"'},
    )
    withdrawn = gone | {"version": 2}
    assert (await _restore(directory, withdrawn, 1, editor)).status_code == 403
    assert (await _restore(directory, withdrawn, 2)).status_code == 422
    back = (await _restore(directory, withdrawn, 1)).json()
    assert (back["status"], back["successor_id"], back["version"]) == ("active", None, 3)
    assert back["relationships"] == gone["relationships"]
    assert await directory.read(gone["id"], await directory.signed_in()) == back
    assert (await directory.read(kept["id"]))["former_ids"] == []
    found = await directory.client.get("/partners", params={"external_id": "wikidata:Q7001"})
    assert [item["id"] for item in found.json()["items"]] == [gone["id"]]


async def test_going_back_takes_nothing_from_others(directory: ServedDirectory) -> None:
    """An identifier that another has by now is refused; a tie to one that is gone is left out."""
    ids = [{"scheme": "wikidata", "value": "Q7002"}]
    other = await directory.create("Will be gone")
    one = await directory.create(
        "Had an identifier",
        external_ids=ids,
        relationships=[{"kind": "related", "partner_id": other["id"]}],
    )
    two = (await directory.patch(one, {"external_ids": [], "relationships": []})).json()
    taker = await directory.create("Has it now", external_ids=ids)
    clash = await _restore(directory, two, 1)
    assert (clash.status_code, clash.json()["partner_id"]) == (409, taker["id"])
    assert await directory.read(one["id"], await directory.signed_in()) == two
    await directory.patch(taker, {"external_ids": []})
    current = await directory.read(other["id"])
    await directory.client.delete(
        f"/partners/{other['id']}",
        headers={**await directory.signed_in(), "If-Match": f'"{current["version"]}"'},
    )
    three = (await _restore(directory, two, 1)).json()
    assert (three["external_ids"], three["relationships"]) == (one["external_ids"], [])


async def test_an_editor_goes_back_without_touching_others(directory: ServedDirectory) -> None:
    """Its own values are those of then, its relationships those of now."""
    other = await directory.create("Stays related")
    one = await directory.create("Kept by an editor", established=1700)
    editor = await directory.account("editor", one["id"])
    ties = [{"kind": "related", "partner_id": other["id"]}]
    two = (await directory.patch(one, {"established": 1701, "relationships": ties})).json()
    three = (await _restore(directory, two, 1, editor)).json()
    assert (three["established"], three["relationships"]) == (1700, two["relationships"])


@pytest.mark.parametrize("reason", ["", " ", "a\nb", "x" * 301, "\x00"])
async def test_a_reason_is_one_line_of_text(directory: ServedDirectory, reason: str) -> None:
    """Anything else is refused, and nothing is written."""
    record = await directory.create("Without a reason")
    answer = await directory.client.patch(
        f"/partners/{record['id']}",
        params={"reason": reason},
        json={"established": 1},
        headers={**await directory.signed_in(), "If-Match": '"1"'},
    )
    assert answer.status_code == 422
    assert (await directory.read(record["id"]))["version"] == 1


_NAME: Any = st.fixed_dictionaries(
    {"value": st.sampled_from("abc"), "lang": st.sampled_from([None, "en"]), "kinds": st.just([])}
)
_RECORD = st.fixed_dictionaries(
    {
        "version": st.integers(),
        "names": st.lists(_NAME, unique_by=lambda name: (name["value"], name["lang"])),
        "domains": st.lists(st.sampled_from("xyz"), unique=True),
        "description": st.dictionaries(st.sampled_from(["en", "de"]), st.sampled_from("st")),
        "location": st.none() | st.fixed_dictionaries({"place": st.sampled_from("pq")}),
    }
)


@given(before=_RECORD, after=_RECORD)
@settings(max_examples=200)
def test_there_are_differences_where_records_differ(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """And only there; turned round, what was added is removed, with the values exchanged."""
    found = differences(before, after)
    fields = {one["field"].partition(".")[0] for one in found}
    assert fields == {
        field for field in before if field != "version" and before[field] != after[field]
    }
    turned = {"added": "removed", "removed": "added"}

    def in_order(told: list[dict[str, Any]]) -> list[str]:
        return sorted(repr(sorted(one.items())) for one in told)

    assert in_order(differences(after, before)) == in_order(
        [
            {
                **one,
                "change": turned.get(one["change"], one["change"]),
                "before": one["after"],
                "after": one["before"],
            }
            for one in found
        ]
    )
