"""The log over HTTP: one event for each change, without holes, cut to its reader."""

from typing import Any

import pytest

from shared.events import parse_log_event
from tests.served_directory import ServedDirectory

DESK = {
    "kind": "role",
    "purposes": ["press"],
    "channels": [{"kind": "post", "value": "A street"}],
}


async def _events_of(
    directory: ServedDirectory, record: dict[str, Any], headers: dict[str, str] | None = None
) -> list[Any]:
    """All events about `record` so far: what is written later comes later on the log."""
    last = await directory.create("The last one so far")
    await directory.event_of(last["id"])
    events = (await directory.changes(headers=headers))["items"]
    return [event for event in events if event["subject"] == record["id"]]


async def _withdraw(directory: ServedDirectory, record: dict[str, Any], **more: str) -> None:
    answer = await directory.client.delete(
        f"/partners/{record['id']}",
        params=more,
        headers={**await directory.signed_in(), "If-Match": f'"{record["version"]}"'},
    )
    assert answer.status_code == 204, answer.text


async def test_the_log_counts_from_one_without_holes(directory: ServedDirectory) -> None:
    """Read in pages of any size it is the same; `next_after` and `head` meet at its end."""
    for number in range(12):
        record = await directory.create(f"Counted {number}")
        await directory.patch(record, {"established": 1900 + number})
    await directory.event_of((await directory.create("Counted last"))["id"])
    headers = await directory.service()
    whole = await directory.changes(headers=headers)
    sequences = [event["sequence"] for event in whole["items"]]
    assert sequences == list(range(1, whole["head"] + 1))
    assert whole["next_after"] == whole["head"]
    paged: list[Any] = []
    after = 0
    while after < whole["head"]:
        answer = await directory.client.get(
            "/changes", params={"after": after, "limit": 7}, headers=headers
        )
        paged += answer.json()["items"]
        after = answer.json()["next_after"]
    assert paged == whole["items"]
    assert len({event["id"] for event in paged}) == len(paged)
    assert [parse_log_event(event).sequence for event in paged] == sequences


async def test_each_change_of_a_record_is_one_event(directory: ServedDirectory) -> None:
    """Made, edited, assured, withdrawn: four events with versions 1 to 4."""
    record = await directory.create("With a life")
    record = (await directory.patch(record, {"established": 1999})).json()
    headers = {**await directory.signed_in(), "If-Match": '"2"'}
    await directory.client.post(
        f"/partners/{record['id']}/assurance", json={"method": "visit"}, headers=headers
    )
    await _withdraw(directory, {**record, "version": 3})
    events = await _events_of(directory, record)
    assert [event["type"] for event in events] == [
        "partner.created",
        "partner.updated",
        "partner.assured",
        "partner.withdrawn",
    ]
    assert [event["data"]["record"]["version"] for event in events] == [1, 2, 3, 4]
    assert [event["data"]["changed"] for event in events[1:]] == [
        ["established"],
        ["assurance"],
        # A withdrawn record is no longer active, so it no longer wants a contact point.
        ["flags", "status"],
    ]
    assert events[-1]["data"]["record"]["status"] == "withdrawn"


async def test_a_refused_or_empty_change_is_no_event(directory: ServedDirectory) -> None:
    """Only what was committed and differs is told."""
    record = await directory.create("Quiet")
    await directory.patch(record, {"established": "soon"})
    await directory.patch(record, {"names": []})
    await directory.patch({**record, "version": 9}, {"established": 1})
    await directory.patch(record, {"level": "national"})
    assert [event["type"] for event in await _events_of(directory, record)] == ["partner.created"]


async def test_changed_names_what_changed_for_its_reader(directory: ServedDirectory) -> None:
    """A change of what the public does not see is no event to it; a mixed one names its part."""
    record = await directory.create("Mixed")
    points = [{**DESK, "visibility": "member"}]
    record = (await directory.patch(record, {"contact_points": points})).json()
    points = [*record["contact_points"], {**DESK, "visibility": "secretariat"}]
    record = (await directory.patch(record, {"contact_points": points})).json()
    await directory.patch(record, {"contact_points": [], "country": "GB"})
    member = await directory.account("member")
    assert [event["data"]["changed"] for event in await _events_of(directory, record)][1:] == [
        ["country"]
    ]
    assert [event["data"]["changed"] for event in await _events_of(directory, record, member)][
        1:
    ] == [["contact_points"], ["contact_points", "country"]]


@pytest.mark.parametrize("unseen", ["member", "secretariat"])
async def test_what_goes_out_of_sight_is_told_once_without_its_record(
    directory: ServedDirectory, unseen: str
) -> None:
    """`record` is null, so that a follower forgets it; later changes are not told any more."""
    record = await directory.create("Was public", description={"en": "Was public"})
    record = (await directory.patch(record, {"visibility": unseen})).json()
    record = (await directory.patch(record, {"established": 1999})).json()
    events = await _events_of(directory, record)
    assert [event["type"] for event in events] == ["partner.created", "partner.updated"]
    assert events[-1]["data"] == {"record": None, "changed": [], "actor": None}
    assert (await directory.patch(record, {"visibility": "public"})).status_code == 200
    shown_again = (await _events_of(directory, record))[-1]
    assert shown_again["data"]["record"]["established"] == 1999
    assert {"names", "description", "id"} <= set(shown_again["data"]["changed"])


async def test_what_was_never_visible_is_never_told(directory: ServedDirectory) -> None:
    """Not made, edited, assured or withdrawn; members hear of their own level only."""
    member = await directory.account("member")
    for visibility, told_to_members in (("member", 3), ("secretariat", 0)):
        record = await directory.create("Never seen", visibility=visibility)
        record = (await directory.patch(record, {"established": 1999})).json()
        await _withdraw(directory, record)
        assert await _events_of(directory, record) == []
        assert len(await _events_of(directory, record, member)) == told_to_members
        whole = await _events_of(directory, record, await directory.service())
        assert len(whole) == 3


async def test_a_withdrawn_partner_names_its_successor(directory: ServedDirectory) -> None:
    """Both records are told of: the one withdrawn, and the one that took its place."""
    kept = await directory.create("Kept")
    gone = await directory.create("Gone")
    await _withdraw(directory, gone, successor=kept["id"])
    (last,) = (await _events_of(directory, gone))[1:]
    assert last["data"]["record"]["successor_id"] == kept["id"]
    (taken,) = (await _events_of(directory, kept))[1:]
    assert taken["data"]["changed"] == ["former_ids"]


async def test_both_ends_of_a_relationship_are_told(directory: ServedDirectory) -> None:
    """An event for each of the two records, each as it then reads."""
    one = await directory.create("One end")
    other = await directory.create("Other end")
    tie = {"kind": "parent", "partner_id": other["id"]}
    await directory.patch(one, {"relationships": [tie]})
    for record, kind in ((one, "parent"), (other, "child")):
        (event,) = (await _events_of(directory, record))[1:]
        assert event["data"]["changed"] == ["relationships"]
        assert event["data"]["record"]["relationships"][0]["kind"] == kind


async def test_only_our_services_read_what_a_change_is_to_each_audience(
    directory: ServedDirectory,
) -> None:
    """They need it to cut events for their own readers; nobody else gets it."""
    record = await directory.create("For audiences", visibility="member")
    (event,) = await _events_of(directory, record, await directory.service())
    audiences = event["data"]["audiences"]
    assert audiences["public"] == {"was_visible": False, "changed": []}
    assert "names" in audiences["member"]["changed"]
    for headers in ({}, await directory.account("member"), await directory.signed_in()):
        page = await directory.changes(headers=headers)
        assert all("audiences" not in event["data"] for event in page["items"])


async def test_an_event_leads_to_its_schema_and_its_request(directory: ServedDirectory) -> None:
    """`dataschema` is answered; the trace of the request goes on in the event."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = await directory.client.post(
        "/partners",
        json={"level": "local", "names": [{"value": "Traced", "kinds": ["display"]}]},
        headers={
            **await directory.signed_in(),
            "traceparent": f"00-{trace}-b7ad6b7169203331-01",
        },
    )
    event = await directory.event_of(answer.json()["id"])
    assert event["traceparent"].split("-")[1] == trace
    schema = await directory.client.get(event["dataschema"])
    assert schema.status_code == 200
    assert "audiences" not in schema.text


@pytest.mark.parametrize("asked", ["after=-1", "after=x", "limit=0", "limit=1001", "after=1e3"])
async def test_a_place_that_cannot_be_is_refused(directory: ServedDirectory, asked: str) -> None:
    """With 422; a place beyond the end is an empty page."""
    assert (await directory.client.get(f"/changes?{asked}")).status_code == 422
    beyond = await directory.client.get(f"/changes?after={2**53}")
    assert (beyond.status_code, beyond.json()["items"]) == (200, [])
