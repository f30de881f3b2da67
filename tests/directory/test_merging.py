"""Merging one partner into another, and undoing it."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.directory.merged_values import merged_values, unmerged_values
from tests.served_directory import ServedDirectory, serve_directory

NOWHERE = "01890000-0000-7000-8000-000000000000"


def _desk(address: str, **more: Any) -> dict[str, Any]:
    channel = {"kind": "email", "value": address}
    return {"kind": "role", "purposes": ["research"], "channels": [channel], **more}


async def _merge(directory: ServedDirectory, lost: Any, kept: Any, **more: Any) -> httpx.Response:
    return await directory.client.post(
        "/partners/merge",
        json={"from": lost["id"], "into": kept["id"], "reason": "one body", **more},
        headers=await directory.signed_in(),
    )


async def _undo(directory: ServedDirectory, merged: httpx.Response) -> httpx.Response:
    link = merged.headers["Link"]
    path = link[link.index("<") + 1 : link.index(">")]
    return await directory.client.post(f"{path}/undo", headers=await directory.signed_in())


async def _read(directory: ServedDirectory, record: Any) -> Any:
    return await directory.read(record["id"], await directory.signed_in())


async def _withdraw(directory: ServedDirectory, record: Any, successor: Any) -> None:
    answer = await directory.client.delete(
        f"/partners/{record['id']}",
        params={"successor": successor["id"]},
        headers={**await directory.signed_in(), "If-Match": f'"{record["version"]}"'},
    )
    assert answer.status_code == 204, answer.text


def _told(record: Any) -> dict[str, Any]:
    """What a record says, without what differs between two versions that say the same."""
    return {field: record[field] for field in record if field not in {"version", "modified_at"}}


async def test_the_one_that_stays_has_what_the_other_had(directory: ServedDirectory) -> None:
    """Names, ids, contacts, relationships, accounts and former ids move; its own stay."""
    other = await directory.create("Stands beside both")
    kept = await directory.create(
        "Agency for Merging",
        country="GB",
        description={"en": "Stays."},
        external_ids=[{"scheme": "ror", "value": "https://ror.org/04xfq0f34", "preferred": True}],
        contact_points=[_desk("desk@example.org")],
    )
    lost = await directory.create(
        "Merging Agency",
        level="local",
        country="FR",
        established=1999,
        domains=["merging.example"],
        description={"en": "Goes.", "fr": "Disparaît."},
        external_ids=[
            {"scheme": "ror", "value": "https://ror.org/052gg0110", "preferred": True},
            {"scheme": "wikidata", "value": "Q8001", "preferred": True},
        ],
        contact_points=[_desk("desk@example.org"), _desk("other@example.org")],
        relationships=[
            {"kind": "parent", "partner_id": other["id"]},
            {"kind": "related", "partner_id": kept["id"]},
        ],
    )
    earlier = await directory.create("Merged before")
    await _withdraw(directory, earlier, lost)
    lost = await _read(directory, lost)
    account_id, _ = await directory.account_with_id("editor", partner_id=lost["id"])
    answer = await _merge(directory, lost, kept)
    assert answer.status_code == 200, answer.text
    merged = answer.json()
    assert merged == await _read(directory, kept)
    assert answer.headers["ETag"] == f'"{merged["version"]}"'
    assert [(name["value"], name["kinds"]) for name in merged["names"]] == [
        ("Agency for Merging", ["display"]),
        ("Merging Agency", ["alias"]),
    ]
    assert [
        (one["scheme"], one["value"][-4:], one["preferred"]) for one in merged["external_ids"]
    ] == [
        ("ror", "0f34", True),
        ("ror", "0110", False),
        ("wikidata", "8001", True),
    ]
    assert [point["channels"][0]["value"] for point in merged["contact_points"]] == [
        "desk@example.org",
        "other@example.org",
    ]
    assert merged["contact_points"][1]["id"] == lost["contact_points"][1]["id"]
    assert [(tie["kind"], tie["partner_id"]) for tie in merged["relationships"]] == [
        ("parent", other["id"])
    ]
    assert merged["description"] == {"en": "Stays.", "fr": "Disparaît."}
    assert (merged["level"], merged["country"], merged["established"]) == ("national", "GB", 1999)
    assert merged["former_ids"] == sorted([lost["id"], earlier["id"]])
    for gone in (lost, earlier):
        moved = await directory.client.get(f"/partners/{gone['id']}")
        assert (moved.status_code, moved.headers["Location"]) == (308, f"/partners/{kept['id']}")
    (child,) = (await directory.read(other["id"]))["relationships"]
    assert (child["kind"], child["partner_id"]) == ("child", kept["id"])
    account = await directory.client.get(
        f"/accounts/{account_id}", headers=await directory.signed_in()
    )
    assert account.json()["partner_id"] == kept["id"]


async def test_a_merge_is_one_event_about_the_one_that_goes(directory: ServedDirectory) -> None:
    """`partner.merged` with its successor; the one that stays tells of itself."""
    kept, lost = await directory.create("Event stays"), await directory.create("Event goes")
    merged = (await _merge(directory, lost, kept)).json()
    # The log is in order, so once a later event is there, none of these is missing.
    later = await directory.create("Later than the merge")
    await directory.event_of(later["id"])
    event = await directory.event_of(lost["id"])
    assert event["type"] == "partner.merged"
    record = event["data"]["record"]
    assert (record["status"], record["successor_id"]) == ("withdrawn", kept["id"])
    updated = await directory.event_of(kept["id"])
    assert updated["type"] == "partner.updated"
    assert updated["data"]["record"]["version"] == merged["version"]
    assert "former_ids" in updated["data"]["changed"]
    events = (await directory.changes())["items"]
    assert [one["type"] for one in events if one["subject"] == lost["id"]].count(
        "partner.merged"
    ) == 1


@pytest.mark.parametrize("edited", [False, True])
async def test_undoing_gives_each_its_own_again(directory: ServedDirectory, edited: bool) -> None:
    """Both are what they were; what was edited in between stays."""
    other = await directory.create(f"Related to one {edited}")
    kept = await directory.create(f"Kept and undone {edited}", sectors=["government"])
    lost = await directory.create(
        f"Lost and back {edited}",
        sectors=["academia"],
        established=1950,
        contact_points=[_desk("back@example.org")],
        external_ids=[{"scheme": "wikidata", "value": f"Q81{edited:d}", "preferred": True}],
        relationships=[{"kind": "related", "partner_id": other["id"]}],
    )
    earlier = await directory.create(f"Long gone {edited}")
    await _withdraw(directory, earlier, lost)
    lost = await _read(directory, lost)
    account_id, _ = await directory.account_with_id("editor", partner_id=lost["id"])
    merged = await _merge(directory, lost, kept)
    assert merged.status_code == 200, merged.text
    if edited:
        changed = await directory.patch(
            merged.json(), {"established": 1951, "description": {"en": "Edited."}}
        )
        assert changed.status_code == 200
    undone = await _undo(directory, merged)
    assert undone.status_code == 200, undone.text
    assert _told(undone.json()) == _told(lost)
    assert undone.json() == await _read(directory, lost)
    expected = _told(kept)
    if edited:
        expected |= {"established": 1951, "description": {"en": "Edited."}}
    assert _told(await _read(directory, kept)) == expected
    moved = await directory.client.get(f"/partners/{earlier['id']}")
    assert moved.headers["Location"] == f"/partners/{lost['id']}"
    account = await directory.client.get(
        f"/accounts/{account_id}", headers=await directory.signed_in()
    )
    assert account.json()["partner_id"] == lost["id"]
    (tie,) = (await directory.read(other["id"]))["relationships"]
    assert tie["partner_id"] == lost["id"]
    again = await _undo(directory, merged)
    assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (409, "merge-final")


async def test_merges_are_listed_with_their_reason(directory: ServedDirectory) -> None:
    """The newest first; of one partner, on either side; by whom and until when to undo."""
    kept = await directory.create("Listed stays")
    for number in range(3):
        lost = await directory.create(f"Listed goes {number}")
        await _merge(directory, lost, kept, reason=f"reason {number}")
    page = await directory.client.get(
        "/partners/merges",
        params={"partner": kept["id"], "limit": 2},
        headers=await directory.signed_in(),
    )
    found = page.json()
    assert [one["reason"] for one in found["items"]] == ["reason 2", "reason 1"]
    assert (found["items"][0]["from"], found["items"][0]["into"]) == (lost["id"], kept["id"])
    assert found["items"][0]["undo_until"] > found["items"][0]["at"]
    following = await directory.client.get(
        "/partners/merges",
        params={"partner": kept["id"], "limit": 2, "cursor": found["next"]},
        headers=await directory.signed_in(),
    )
    assert [one["reason"] for one in following.json()["items"]] == ["reason 0"]
    one = await directory.client.get(
        f"/partners/merges/{found['items'][0]['id']}", headers=await directory.signed_in()
    )
    assert one.json() == found["items"][0]


async def test_what_cannot_be_merged_is_refused_whole(directory: ServedDirectory) -> None:
    """Itself, nothing, the withdrawn, a stale version, a circle, what would be published."""
    top = await directory.create("Top of three")
    middle = await directory.create(
        "Middle of three", relationships=[{"kind": "parent", "partner_id": top["id"]}]
    )
    bottom = await directory.create(
        "Bottom of three", relationships=[{"kind": "parent", "partner_id": middle["id"]}]
    )
    hidden = await directory.create("Hidden one", visibility="member")
    gone = await directory.create("Gone one")
    await _withdraw(directory, gone, top)
    middle, top = await _read(directory, middle), await _read(directory, top)
    refused = [
        (await _merge(directory, top, top), 422),
        (await _merge(directory, {"id": NOWHERE}, top), 404),
        (await _merge(directory, top, {"id": NOWHERE}), 404),
        (await _merge(directory, gone, top), 409),
        (await _merge(directory, top, gone), 409),
        (await _merge(directory, hidden, top), 422),
        (await _merge(directory, bottom, top, into_version=99), 412),
        (await _merge(directory, bottom, top, from_version=99), 412),
        (await _merge(directory, bottom, top), 409),
    ]
    assert [answer.status_code for answer, _ in refused] == [status for _, status in refused]
    assert "member" in refused[5][0].json()["detail"]
    assert await _read(directory, middle) == middle
    assert await _read(directory, top) == top
    assert await _read(directory, hidden) == hidden
    # The other way round the hidden one takes the open one in, and it goes out of sight.
    assert (await _merge(directory, bottom, hidden)).status_code == 200


async def test_a_merge_is_undone_before_the_one_it_led_to(directory: ServedDirectory) -> None:
    """Where the one that stayed was merged itself, that is undone first."""
    first, second, third = [await directory.create(f"Chain {number}") for number in range(3)]
    one = await _merge(directory, first, second)
    two = await _merge(directory, second, third)
    assert (await directory.read(third["id"]))["former_ids"] == [first["id"], second["id"]]
    assert (await _undo(directory, one)).status_code == 409
    assert (await _undo(directory, two)).status_code == 200
    assert (await _undo(directory, one)).status_code == 200
    for record in (first, second, third):
        assert _told(await _read(directory, record)) == _told(record)


async def test_undoing_takes_nothing_from_others(directory: ServedDirectory) -> None:
    """An identifier that was given to a third partner meanwhile is refused, and all stays."""
    ids = [{"scheme": "wikidata", "value": "Q8200"}]
    kept = await directory.create("Undo clash stays")
    lost = await directory.create("Undo clash goes", external_ids=ids)
    merged = await _merge(directory, lost, kept)
    await directory.patch(merged.json(), {"external_ids": []})
    third = await directory.create("Third has it", external_ids=ids)
    answer = await _undo(directory, merged)
    assert (answer.status_code, answer.json()["partner_id"]) == (409, third["id"])
    moved = await directory.client.get(f"/partners/{lost['id']}")
    assert moved.status_code == 308


async def test_an_old_merge_is_final(database_url: str, broker_url: str, tmp_path: Path) -> None:
    """After MERGE_UNDO_DAYS the answer says until when it was possible."""
    async with serve_directory(
        f"sqlite:///{tmp_path}/directory.db", f"{broker_url}/3", tmp_path, MERGE_UNDO_DAYS="0"
    ) as directory:
        kept, lost = await directory.create("Old stays"), await directory.create("Old goes")
        answer = await _undo(directory, await _merge(directory, lost, kept))
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (
            409,
            "merge-final",
        )


_NAME: Any = st.fixed_dictionaries(
    {
        "value": st.sampled_from("abcd"),
        "lang": st.sampled_from([None, "en"]),
        "kinds": st.lists(st.sampled_from(["alias", "acronym"]), unique=True, min_size=1),
    }
)
_ID: Any = st.fixed_dictionaries(
    {"scheme": st.sampled_from("rs"), "value": st.sampled_from("123"), "preferred": st.booleans()}
)


def _record(own_id: str, other_id: str) -> Any:
    tie: Any = st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["parent", "child"]),
            "partner_id": st.sampled_from(f"{other_id}xy"),
        }
    )
    return st.fixed_dictionaries(
        {
            "id": st.just(own_id),
            "sectors": st.lists(st.sampled_from("pqr"), unique=True),
            "names": st.lists(_NAME, unique_by=lambda one: (one["value"], one["lang"])),
            "areas": st.just([]),
            "domains": st.lists(st.sampled_from("uvw"), unique=True),
            "links": st.just([]),
            "external_ids": st.lists(_ID, unique_by=lambda one: (one["scheme"], one["value"])),
            "topics": st.just([]),
            "relationships": st.lists(tie, unique_by=lambda one: (one["kind"], one["partner_id"])),
            "contact_points": st.just([]),
            "description": st.dictionaries(st.sampled_from(["en", "de"]), st.sampled_from("st")),
            "country": st.sampled_from([None, "GB", "FR"]),
            "location": st.none(),
            "established": st.none() | st.integers(1, 3),
        }
    )


@given(kept=_record("K", "L"), lost=_record("L", "K"))
@settings(max_examples=300)
def test_nothing_is_lost_by_merging_and_undoing(kept: dict[str, Any], lost: dict[str, Any]) -> None:
    """All entries of both are there, its own unchanged; undone, it is what it was."""
    merged, moved = merged_values(kept, lost)
    assert merged["names"][: len(kept["names"])] == kept["names"]
    assert {one["value"] for one in merged["names"]} == {
        one["value"] for one in kept["names"] + lost["names"]
    }
    assert {(one["scheme"], one["value"]) for one in merged["external_ids"]} == {
        (one["scheme"], one["value"]) for one in kept["external_ids"] + lost["external_ids"]
    }
    assert {one["partner_id"] for one in merged["relationships"]} == {
        one["partner_id"] for one in kept["relationships"] + lost["relationships"]
    } - {"K", "L"}
    assert set(merged["domains"]) == {*kept["domains"], *lost["domains"]}
    assert merged["country"] == (kept["country"] or lost["country"])
    between = [one for one in kept["relationships"] if one["partner_id"] != "L"]
    assert unmerged_values(merged, moved) == {**kept, "relationships": between}
