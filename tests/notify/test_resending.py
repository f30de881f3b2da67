"""Resending by hand, one delivery or all that were given up, and what it does to order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notify.lines import hold_lines, hold_lines_alone
from services.notify.migrate import FOLDER
from shared.databases import Database
from shared.leases import database_time
from shared.migrating import migrate
from tests.notify.served_notify import ServedNotify, notify_settings, serve_notify
from tests.receiver import Receiver, Reply, serve_receiver
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

BEGINNING = "2026-01-01T00:00:00Z"


async def post(
    notify: ServedNotify, path: str, body: dict[str, Any] | None = None, status: int = 202
) -> dict[str, Any]:
    """The answer to a POST of the secretariat's."""
    answer = await notify.client.post(path, json=body, headers=await notify.directory.signed_in())
    assert answer.status_code == status, answer.text
    read: dict[str, Any] = answer.json()
    return read


async def switch(notify: ServedNotify, webhook: dict[str, Any], state: str) -> None:
    """Pause the webhook or switch it on."""
    answer = await notify.client.patch(
        f"/webhooks/{webhook['id']}",
        json={"state": state},
        headers=await notify.directory.signed_in(),
    )
    assert answer.status_code == 200, answer.text


def sequences(receiver: Receiver) -> list[int]:
    """Of the events that arrived."""
    return [request.event["sequence"] for request in receiver.requests]


async def test_a_delivered_one_is_sent_again(notify: ServedNotify, receiver: Receiver) -> None:
    """With the same id and body; both attempts stay on record."""
    webhook = await notify.register(receiver.url)
    await notify.directory.create("Twice")
    [delivery] = await notify.settled(webhook, "delivered")
    again = await post(notify, f"/deliveries/{delivery['id']}/resend")
    assert (again["id"], again["state"], again["finished_at"]) == (delivery["id"], "pending", None)
    first, second = await receiver.got(2)
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    [delivery] = await notify.settled(webhook, "delivered")
    read = await notify.get(f"/deliveries/{delivery['id']}")
    assert [attempt["number"] for attempt in read["attempt_list"]] == [1, 2]


async def test_a_dead_one_has_all_attempts_before_it(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """Ten more; without them it would be given up again at once."""
    webhook = await notify.register(receiver.url)
    receiver.script = [Reply(500)] * 19
    await notify.directory.create("Slow to come back")
    [dead] = await notify.settled(webhook, "dead")
    await post(notify, f"/deliveries/{dead['id']}/resend")
    [delivery] = await notify.settled(webhook, "delivered")
    assert (delivery["id"], delivery["attempts"]) == (dead["id"], 20)


async def test_what_is_owed_later_waits_for_it(notify: ServedNotify, receiver: Receiver) -> None:
    """What was sent meanwhile is not sent again: the last to come is the newest all the same."""
    webhook = await notify.register(receiver.url)
    receiver.script = [Reply(500)] * 10
    record = await notify.directory.create("Old and new")
    [dead] = await notify.settled(webhook, "dead")
    answer = await notify.directory.patch(record, {"established": 1990})
    await notify.settled(webhook, "delivered")
    hold = asyncio.Event()
    receiver.script = [Reply(500, held_until=hold), Reply(500)]
    receiver.forget()
    await post(notify, f"/deliveries/{dead['id']}/resend")
    await receiver.got(1)
    await notify.directory.patch(answer.json(), {"established": 1991})

    async def owed() -> bool:
        return len(await notify.deliveries(webhook)) == 3

    await wait_until(owed, "the third is owed")
    hold.set()
    await notify.settled(webhook, "delivered", 3)
    oldest = dead["sequence"]
    assert [number - oldest for number in sequences(receiver)] == [0, 0, 0, 2]


async def test_nothing_is_resent_twice_at_a_time(notify: ServedNotify, receiver: Receiver) -> None:
    """While an attempt is under way the answer is 409, and says what to do."""
    hold = asyncio.Event()
    receiver.usual = Reply(held_until=hold)
    webhook = await notify.register(receiver.url)
    await notify.directory.create("Under way")
    await receiver.got(1)
    [delivery] = await notify.deliveries(webhook)
    refused = await post(notify, f"/deliveries/{delivery['id']}/resend", status=409)
    assert refused["type"].endswith("delivery-under-way")
    hold.set()
    await notify.settled(webhook, "delivered")
    await post(notify, f"/deliveries/{delivery['id']}/resend")
    await receiver.got(2)


@pytest.fixture
async def brief(
    new_database: Callable[[], str], directory: ServedDirectory
) -> AsyncIterator[ServedNotify]:
    """Notify with short leases, and recovery of two at a time; alone with its database."""
    settings = notify_settings(
        new_database(),
        directory.redis_url,
        WEBHOOK_TIMEOUT_SECONDS="4",
        WEBHOOK_LEASE_SECONDS="7",
        WEBHOOK_RECOVER_AT_ONCE="2",
    )
    async with serve_notify(settings, directory) as served:
        yield served


async def test_it_waits_for_a_later_one_that_is_under_way(
    brief: ServedNotify, receiver: Receiver
) -> None:
    """Never are two of a record under way at a time, or the older could arrive last."""
    webhook = await brief.register(receiver.url)
    record = await brief.directory.create("Overtaken")
    [earlier] = await brief.settled(webhook, "delivered")
    hold = asyncio.Event()
    receiver.script = [Reply(held_until=hold)]
    await brief.directory.patch(record, {"established": 1990})
    await receiver.got(2)
    again = await post(brief, f"/deliveries/{earlier['id']}/resend")
    assert again["next_attempt_at"] > again["created_at"]
    async with serve_receiver() as other:
        bystander = await brief.register(other.url)
        await post(brief, f"/webhooks/{bystander['id']}/test")
        await other.got(1, "a step of the sender is over")
    hold.set()
    await receiver.got(3)
    assert receiver.most_at_once == 1
    await brief.settled(webhook, "delivered", 2)


async def test_a_webhook_that_is_off_is_said_so(notify: ServedNotify, receiver: Receiver) -> None:
    """Disabled or not verified: 409 with what to do. Paused: it waits with the others."""
    receiver.script = [Reply(204), Reply(410)]
    webhook = await notify.register(receiver.url)
    await notify.directory.create("Before")
    [delivery] = await notify.settled(webhook, "delivered")
    await notify.directory.create("Gone")
    await notify.settled(webhook, "dead")
    resend, recover = f"/deliveries/{delivery['id']}/resend", f"/webhooks/{webhook['id']}/recover"
    for refused in (
        await post(notify, resend, status=409),
        await post(notify, recover, {"since": BEGINNING}, status=409),
    ):
        assert refused["type"].endswith("webhook-disabled")
        assert "PATCH" in refused["detail"]
    await switch(notify, webhook, "paused")
    assert (await post(notify, resend))["next_attempt_at"] is None
    assert (await post(notify, recover, {"since": BEGINNING}, 200))["recovered"] == 1
    assert len(receiver.requests) == 2
    await switch(notify, webhook, "active")
    await notify.settled(webhook, "delivered", 2)


async def test_an_unverified_webhook_is_not_resent_to(
    notify_database_url: str, directory: ServedDirectory, receiver: Receiver
) -> None:
    """Its challenge is sent by another address."""
    settings = notify_settings(notify_database_url, directory.redis_url, WEBHOOK_VERIFICATION="on")
    async with serve_notify(settings, directory) as strict:
        webhook = await strict.register(receiver.url)
        [challenge] = await strict.settled(webhook, "dead")
        refused = await post(strict, f"/deliveries/{challenge['id']}/resend", status=409)
        assert refused["type"].endswith("webhook-unverified")
        assert "verify" in refused["detail"]


async def given_up(notify: ServedNotify, receiver: Receiver, count: int) -> dict[str, Any]:
    """A webhook to which `count` deliveries were given up, each at another moment."""
    webhook = await notify.register(receiver.url)
    receiver.usual = Reply(500)
    for number in range(count):
        await notify.directory.create(f"Given up {number}")
        await notify.settled(webhook, "dead", number + 1)
    receiver.usual = Reply()
    receiver.forget()
    return webhook


async def test_all_that_was_given_up_is_recovered(brief: ServedNotify, receiver: Receiver) -> None:
    """In its order, so many at a time; a repeat goes on, and at last finds nothing."""
    webhook = await given_up(brief, receiver, 5)
    dead = await brief.deliveries(webhook, "dead")
    path, asked = f"/webhooks/{webhook['id']}/recover", {"since": BEGINNING}
    answers = [await post(brief, path, asked, 200) for _ in range(4)]
    assert [(one["recovered"], one["more"]) for one in answers] == [
        (2, True),
        (2, True),
        (1, False),
        (0, False),
    ]
    await brief.settled(webhook, "delivered", 5)
    assert sorted(sequences(receiver)) == [item["sequence"] for item in dead]


async def test_only_what_was_given_up_in_the_time_is_recovered(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """From `since` on, and before `until`; what was delivered is left alone."""
    webhook = await given_up(notify, receiver, 3)
    await notify.directory.create("Delivered")
    await notify.settled(webhook, "delivered")
    first, second, third = await notify.deliveries(webhook, "dead")
    span = {"since": second["finished_at"], "until": third["finished_at"]}
    recovered = await post(notify, f"/webhooks/{webhook['id']}/recover", span, 200)
    assert recovered == {"recovered": 1, "more": False}
    await notify.settled(webhook, "delivered", 2)
    left = await notify.deliveries(webhook, "dead")
    assert [item["id"] for item in left] == [first["id"], third["id"]]
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"until": BEGINNING},
        {"since": "yesterday"},
        {"since": "2026-01-01"},
        {"since": 1_700_000_000},
        {"since": BEGINNING, "until": BEGINNING},
        {"since": BEGINNING, "until": "2025-01-01T00:00:00Z"},
        {"since": BEGINNING, "to": BEGINNING},
    ],
)
async def test_times_that_make_no_sense_are_refused(
    notify: ServedNotify, wrong: dict[str, Any]
) -> None:
    """422 each."""
    webhook = await notify.register("https://partner.example.org/hooks")
    await post(notify, f"/webhooks/{webhook['id']}/recover", wrong, 422)


async def test_lines_change_while_nobody_takes_a_lease(notify_database_url: str) -> None:
    """Whoever leases waits for whoever changes a line, and leases what it left."""
    database = Database(notify_database_url)
    await migrate(database, FOLDER)
    order: list[str] = []

    async def lease() -> None:
        async with database.transaction() as session:
            await hold_lines(session)
            await database_time(session)
            order.append("leased")

    async with database.transaction() as session:
        await hold_lines_alone(session)
        leasing = asyncio.create_task(lease())
        until = await database_time(session) + timedelta(seconds=0.3)
        now: datetime = await database_time(session)
        while now < until:
            now = await database_time(session)
        order.append("changed")
    await leasing
    assert order == ["changed", "leased"]
    await database.dispose()
