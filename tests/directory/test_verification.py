"""Whether a contact point was shown to work: by hand, until when, and who is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.directory.assurance import render_due
from tests.directory.contact_points import a_desk, last_event, let_days_pass, point_of, try_point
from tests.imported import import_records
from tests.served_directory import ServedDirectory

UNVERIFIED = {"status": "unverified", "at": None, "method": None}


async def _found(directory: ServedDirectory, name: str) -> int:
    answer = await directory.client.get(
        "/partners", params={"flag": "contact_expired", "name": name}
    )
    return len(answer.json()["items"])


async def test_who_keeps_a_record_says_whether_its_contact_points_work(
    directory: ServedDirectory,
) -> None:
    """The contact point shows it, with when and how; nothing else of the record differs."""
    record = await directory.create("Rung up", contact_points=[a_desk(), a_desk(None)])
    editor = await directory.account("editor", record["id"])
    assert point_of(record)["verification"] == UNVERIFIED
    verified = await try_point(directory, record, headers=editor)
    assert verified["version"] == record["version"] + 1
    verification = point_of(verified).pop("verification")
    assert (verification["status"], verification["method"]) == ("verified", "telephone")
    age = datetime.now(UTC) - datetime.fromisoformat(verification["at"])
    assert timedelta() <= age < timedelta(minutes=1)
    del point_of(record)["verification"]
    assert verified == {**record, "version": verified["version"]}
    event = await last_event(directory, record["id"])
    assert (event["type"], event["data"]["changed"]) == ("partner.updated", ["contact_points"])
    history = await directory.client.get(f"/partners/{record['id']}/history", headers=editor)
    [difference] = history.json()["items"][0]["differences"]
    assert difference["field"] == "contact_points.verification"
    assert difference["item"] == {"id": point_of(record)["id"]}
    assert (difference["before"], difference["after"]) == (UNVERIFIED, verification)


async def test_a_contact_point_that_fails_is_on_the_work_list(directory: ServedDirectory) -> None:
    """From the moment that somebody says so until somebody has reached it."""
    record = await directory.create("Does not answer", contact_points=[a_desk()])
    assert await _found(directory, "does not answer") == 0
    bounced = await try_point(directory, record, "bounced")
    assert bounced["flags"] == ["contact_expired"]
    assert await _found(directory, "does not answer") == 1
    assert (await try_point(directory, bounced))["flags"] == []
    assert await _found(directory, "does not answer") == 0


async def test_a_verification_expires(directory: ServedDirectory) -> None:
    """After CONTACT_VERIFICATION_DAYS, whatever else was edited; the log tells of it."""
    record = await directory.create("Once reached", contact_points=[a_desk()])
    verified = await try_point(directory, record)
    await let_days_pass(directory, 364)
    still = await directory.read(record["id"])
    assert (point_of(still)["verification"]["status"], still["version"]) == ("verified", 2)
    edited = (await directory.patch(verified, {"established": 1911})).json()
    await let_days_pass(directory, 2)
    expired = await directory.read(record["id"])
    assert point_of(expired)["verification"]["status"] == "expired"
    assert point_of(expired)["verification"]["method"] == "telephone"
    assert (expired["flags"], expired["version"]) == (["contact_expired"], edited["version"] + 1)
    event = await last_event(directory, record["id"])
    assert (event["type"], event["data"]["changed"]) == (
        "partner.updated",
        ["contact_points", "flags"],
    )
    edited = (await directory.patch(expired, {"established": 1912})).json()
    assert point_of(edited)["verification"] == point_of(expired)["verification"]
    assert await _found(directory, "once reached") == 1
    async with directory.app.state.database.transaction() as session:
        assert await render_due(session) == 0
    assert (await try_point(directory, edited))["flags"] == []


async def test_an_import_leaves_alone_what_was_found_out(directory: ServedDirectory) -> None:
    """Its rows are rendered by another way, to which the same time has passed."""
    made = []
    for days in (400, 0):
        record = await directory.create(f"Loaded after {days}", contact_points=[a_desk()])
        await try_point(directory, record)
        await let_days_pass(directory, days)
        made.append(record)
    rows = [{"id": one["id"], "level": "local", "established": 1900} for one in made]
    assert (await import_records(directory, rows)).counts == (0, 2, 0, 0)
    shown = [await directory.read(one["id"]) for one in made]
    assert [one["established"] for one in shown] == [1900, 1900]
    statuses = [point_of(one)["verification"]["status"] for one in shown]
    assert statuses == ["expired", "verified"]
    assert [one["flags"] for one in shown] == [["contact_expired"], []]
    await let_days_pass(directory, 366)
    assert (await directory.read(made[1]["id"]))["flags"] == ["contact_expired"]


async def test_other_channels_are_unverified(directory: ServedDirectory) -> None:
    """Whoever was reached was reached by what stood there; a new title changes nothing of that."""
    record = await directory.create("Moves", contact_points=[a_desk(), a_desk(None)])
    record = await try_point(directory, await try_point(directory, record), number=1)
    first, second = record["contact_points"]
    first["title"] = "Head of the desk"
    second["channels"][0]["value"] = "+442079460001"
    edited = (await directory.patch(record, {"contact_points": [first, second]})).json()
    statuses = [one["verification"]["status"] for one in edited["contact_points"]]
    assert statuses == ["verified", "unverified"]


async def test_a_merge_takes_along_what_was_found_out(directory: ServedDirectory) -> None:
    """With its moment, from which it expires."""
    lost = await directory.create("Going", contact_points=[a_desk()])
    await try_point(directory, lost)
    await let_days_pass(directory, 300)
    kept = await directory.create("Staying")
    merged = await directory.client.post(
        "/partners/merge",
        json={"from": lost["id"], "into": kept["id"]},
        headers=await directory.signed_in(),
    )
    assert point_of(merged.json())["verification"]["status"] == "verified"
    await let_days_pass(directory, 66)
    assert (await directory.read(kept["id"]))["flags"] == ["contact_expired"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"status": "pending", "method": "telephone"}, 422, "invalid-values"),
        ({"status": "verified"}, 422, "invalid-values"),
        ({"status": "verified", "method": "a\nb"}, 422, "invalid-values"),
        ({"status": "verified", "method": "visit", "at": "2011-01-01"}, 422, "invalid-values"),
        ("stale", 412, "stale-version"),
        ("unknown", 404, "not-found"),
        ("withdrawn", 409, "partner-withdrawn"),
    ],
)
async def test_what_cannot_be_said_of_a_contact_point(
    directory: ServedDirectory, body: Any, status: int, kind: str
) -> None:
    """Is refused, and nothing is written."""
    record = await directory.create("Refusing", contact_points=[a_desk()])
    secretariat = await directory.signed_in()
    point_id, version = point_of(record)["id"], 1
    if body == "withdrawn":
        headers = {**secretariat, "If-Match": '"1"'}
        await directory.client.delete(f"/partners/{record['id']}", headers=headers)
        version = 2
    elif body == "unknown":
        point_id = record["id"]
    elif body == "stale":
        version = 2
    answer = await directory.client.post(
        f"/partners/{record['id']}/contact-points/{point_id}/verification",
        json=body if isinstance(body, dict) else {"status": "verified", "method": "visit"},
        headers={**secretariat, "If-Match": f'"{version}"'},
    )
    assert answer.status_code == status, answer.text
    assert answer.json()["type"].endswith(f":{kind}")
    history = await directory.client.get(f"/partners/{record['id']}/history", headers=secretariat)
    assert history.json()["items"][0]["version"] == (2 if body == "withdrawn" else 1)
