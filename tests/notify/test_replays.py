"""Replays: a period of the event log sent again, from before the webhook too, in order, once."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from shared.databases import Database
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, Reply
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until


async def replay(
    notify: ServedNotify, webhook: dict[str, Any], status: int = 202, **period: Any
) -> dict[str, Any]:
    """The answer to a replay of a period."""
    answer = await notify.client.post(
        f"/webhooks/{webhook['id']}/replay",
        json=period,
        headers=await notify.directory.signed_in(),
    )
    assert answer.status_code == status, answer.text
    read: dict[str, Any] = answer.json()
    return read


async def ended(notify: ServedNotify, begun: dict[str, Any]) -> dict[str, Any]:
    """The replay, once it is over."""
    found: list[dict[str, Any]] = []

    async def is_over() -> bool:
        found[:] = [await notify.get(f"/replays/{begun['id']}")]
        return found[0]["finished_at"] is not None

    await wait_until(is_over, "the replay is over")
    return found[0]


async def head(directory: ServedDirectory) -> int:
    """The last place on the log."""
    page = await directory.changes(headers=await directory.service())
    return int(page["head"])


async def fanned_out(notify: ServedNotify) -> None:
    """Return when notify has read the log to its end."""

    async def is_read() -> bool:
        ready = await notify.get("/readyz")
        return any(item["detail"] == "0 event(s) behind" for item in ready["dependencies"])

    await wait_until(is_read, "the log is read")


def told(receiver: Receiver) -> list[tuple[str, int]]:
    """Record and version of what arrived."""
    return [
        (request.event["subject"], request.event["data"]["record"]["version"])
        for request in receiver.requests
    ]


async def test_what_was_before_the_webhook_is_told(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """What it wants of it, as its filters are now; progress can be read."""
    one, two, other = [await notify.directory.create(f"Before {n}") for n in range(3)]
    await notify.directory.patch(one, {"established": 1990})
    await notify.directory.event_of(one["id"])
    await fanned_out(notify)
    webhook = await notify.register(receiver.url, filters={"record_ids": [one["id"], two["id"]]})
    begun = await replay(notify, webhook, after=0)
    assert (begun["state"], begun["owed"], begun["next_after"]) == ("running", 0, 0)
    done = await ended(notify, begun)
    assert (done["state"], done["owed"], done["error"]) == ("done", 3, None)
    assert done["next_after"] == done["through"]
    await notify.settled(webhook, "delivered", 3)
    assert sorted(told(receiver)) == sorted([(one["id"], 1), (one["id"], 2), (two["id"], 1)])
    listed = await notify.get(f"/webhooks/{webhook['id']}/replays")
    assert listed == {"items": [done], "next": None}
    assert other["id"] not in {request.event["subject"] for request in receiver.requests}


async def test_what_was_delivered_is_sent_again(notify: ServedNotify, receiver: Receiver) -> None:
    """In the order of the log; a delivery there was is begun anew, so each event has one."""
    webhook = await notify.register(receiver.url)
    start = await head(notify.directory)
    record = await notify.directory.create("Again")
    for year in (1990, 1991):
        record = (await notify.directory.patch(record, {"established": year})).json()
    await notify.settled(webhook, "delivered", 3)
    before = await notify.deliveries(webhook)
    receiver.forget()
    done = await ended(notify, await replay(notify, webhook, after=start))
    assert done["owed"] == 3
    await notify.settled(webhook, "delivered", 3)
    await receiver.got(3)
    assert [version for _, version in told(receiver)] == [1, 2, 3]
    after = await notify.deliveries(webhook)
    assert [item["id"] for item in after] == [item["id"] for item in before]
    assert {item["attempts"] for item in after} == {2}


async def test_a_period_of_time(notify: ServedNotify, receiver: Receiver) -> None:
    """From `since` on, and before `until`, to the moment."""
    records = [await notify.directory.create(f"At a time {number}") for number in range(4)]
    times = [(await notify.directory.event_of(record["id"]))["time"] for record in records]
    await fanned_out(notify)
    webhook = await notify.register(receiver.url)
    done = await ended(notify, await replay(notify, webhook, since=times[1], until=times[3]))
    assert (done["state"], done["owed"]) == ("done", 2)
    await receiver.got(2)
    assert [subject for subject, _ in told(receiver)] == [records[1]["id"], records[2]["id"]]


async def test_nobody_is_told_what_is_not_for_him(notify: ServedNotify, receiver: Receiver) -> None:
    """A member's replay leaves out what only the secretariat may see."""
    start = await head(notify.directory)
    await notify.directory.create("Hidden", visibility="secretariat")
    shown = await notify.directory.create("Shown")
    await notify.directory.event_of(shown["id"])
    await fanned_out(notify)
    member = await notify.directory.account("member")
    webhook = await notify.register(receiver.url, member)
    done = await ended(notify, await replay(notify, webhook, after=start))
    assert done["owed"] == 1
    await receiver.got(1)
    assert [subject for subject, _ in told(receiver)] == [shown["id"]]


async def test_the_newest_comes_last(notify: ServedNotify, receiver: Receiver) -> None:
    """What waits or is under way when the replay begins comes behind the older events, alone."""
    webhook = await notify.register(receiver.url)
    start = await head(notify.directory)
    record = await notify.directory.create("Newest last")
    await notify.settled(webhook, "delivered")
    hold = asyncio.Event()
    receiver.script = [Reply(held_until=hold)]
    receiver.forget()
    record = (await notify.directory.patch(record, {"established": 1990})).json()
    await receiver.got(1)
    begun = await replay(notify, webhook, after=start)
    record = (await notify.directory.patch(record, {"established": 1991})).json()

    async def owed() -> bool:
        return len(await notify.deliveries(webhook)) == 3

    await wait_until(owed, "the third is owed")
    hold.set()
    await ended(notify, begun)
    await notify.settled(webhook, "delivered", 3)
    assert receiver.most_at_once == 1
    versions = [version for _, version in told(receiver)]
    assert versions[-1] == 3
    assert versions[-3:] == [1, 2, 3]


async def test_one_at_a_time_and_it_can_be_stopped(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """A second one is refused while the first is under way; what ends stays as it is."""
    webhook = await notify.register(receiver.url)
    headers = await notify.directory.signed_in()
    path = f"/webhooks/{webhook['id']}"
    await notify.client.patch(path, json={"state": "paused"}, headers=headers)
    await notify.directory.create("To be replayed")
    await notify.settled(webhook, "pending")
    first = await replay(notify, webhook, after=0)
    refused = await replay(notify, webhook, 409, after=0)
    assert refused["type"].endswith("replay-under-way")
    assert first["id"] in refused["detail"]
    for _ in range(2):
        stopped = await notify.client.delete(f"/replays/{first['id']}", headers=headers)
        assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")
    await notify.client.patch(path, json={"state": "active"}, headers=headers)
    await notify.settled(webhook, "delivered")
    assert (await notify.get(f"/replays/{first['id']}"))["owed"] == 0
    second = await ended(notify, await replay(notify, webhook, since="2026-01-01T00:00:00Z"))
    assert second["state"] == "done"
    stopped = await notify.client.delete(f"/replays/{second['id']}", headers=headers)
    assert stopped.json() == second


@pytest.mark.parametrize(
    "period",
    [
        {},
        {"since": "2026-01-01T00:00:00Z", "after": 0},
        {"until": "2026-01-01T00:00:00Z"},
        {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        {"since": "2326-01-01T00:00:00Z"},
        {"since": "soon"},
        {"after": -1},
        {"after": 2**53},
        {"after": "first"},
        {"after": 0, "before": 3},
    ],
)
async def test_periods_with_nothing_in_them_are_refused(
    notify: ServedNotify, period: dict[str, Any]
) -> None:
    """422 each, and nothing is begun."""
    webhook = await notify.register("https://partner.example.org/hooks")
    await replay(notify, webhook, 422, **period)
    assert (await notify.get(f"/webhooks/{webhook['id']}/replays"))["items"] == []


async def test_a_replay_of_another_log_fails_with_its_reason(
    notify: ServedNotify, notify_database_url: str, receiver: Receiver
) -> None:
    """Places on one log mean nothing on another."""
    webhook = await notify.register(receiver.url)
    headers = await notify.directory.signed_in()
    path = f"/webhooks/{webhook['id']}"
    await notify.client.patch(path, json={"state": "paused"}, headers=headers)
    begun = await replay(notify, webhook, after=0)
    database = Database(notify_database_url)
    async with database.transaction() as session:
        await session.execute(text("UPDATE replay SET log_id = 'another' WHERE state = 'running'"))
    await database.dispose()
    await notify.client.patch(path, json={"state": "active"}, headers=headers)
    failed = await ended(notify, begun)
    assert (failed["state"], failed["owed"]) == ("failed", 0)
    assert "another log" in failed["error"]
