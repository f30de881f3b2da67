"""Retention: what is finished goes after some days, what is owed stays, and nobody is held up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select
from uuid_utils.compat import uuid7

from services.notify.deliveries.ids import ids_from
from services.notify.models import ATTEMPTS, DEAD_EVENTS, DELIVERIES, EVENTS, MAIL, WEBHOOK_KEYS
from shared.databases import Database
from tests.notify.served_notify import ServedNotify, notify_settings, serve_notify
from tests.receiver import Receiver, Reply, serve_receiver
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

# About two seconds and a half.
DAYS = "0.00003"


@pytest.fixture
async def database(notify_database_url: str) -> AsyncIterator[Database]:
    """Notify's database, to see what is really in it."""
    opened = Database(notify_database_url)
    yield opened
    await opened.dispose()


@pytest.fixture
async def forgetful(
    notify_database_url: str, directory: ServedDirectory
) -> AsyncIterator[ServedNotify]:
    """Notify that keeps what is finished for seconds."""
    settings = notify_settings(
        notify_database_url, directory.redis_url, DELIVERIES_DAYS=DAYS, PURGE_SECONDS="0.05"
    )
    async with serve_notify(settings, directory) as served:
        yield served


async def count(database: Database, column: Any, value: UUID) -> int:
    """How many rows have `value` in `column`."""
    async with database.reading() as session:
        found = await session.scalar(select(func.count()).where(column == value))
        return int(found or 0)


async def gone(database: Database, column: Any, value: UUID) -> None:
    """Return when no row has `value` in `column`."""

    async def none_left() -> bool:
        return await count(database, column, value) == 0

    await wait_until(none_left, f"{column} {value} is deleted")


async def test_what_is_finished_goes_and_what_is_owed_stays(
    forgetful: ServedNotify, database: Database, receiver: Receiver
) -> None:
    """With its attempts; the event stays for whoever still needs it, and goes with the last."""
    hold = asyncio.Event()
    async with serve_receiver() as slow:
        slow.usual = Reply(held_until=hold)
        quick_one = await forgetful.register(receiver.url)
        slow_one = await forgetful.register(slow.url)
        await forgetful.directory.create("For both")
        [delivered] = await forgetful.settled(quick_one, "delivered")
        delivery_id, event_id = UUID(delivered["id"]), UUID(delivered["event_id"])
        assert await count(database, ATTEMPTS.c.delivery_id, delivery_id) == 1
        await gone(database, DELIVERIES.c.id, delivery_id)
        await gone(database, ATTEMPTS.c.delivery_id, delivery_id)
        await forgetful.get(f"/deliveries/{delivery_id}", status=404)
        [owed] = await forgetful.deliveries(slow_one)
        assert (owed["state"], owed["event_id"]) == ("pending", delivered["event_id"])
        assert await count(database, EVENTS.c.id, event_id) == 1
        hold.set()
        await gone(database, EVENTS.c.id, event_id)
        assert await forgetful.deliveries(slow_one) == []
        assert len(slow.requests) == 1


async def test_what_waits_too_long_for_a_webhook_that_is_off_is_given_up(
    forgetful: ServedNotify, receiver: Receiver
) -> None:
    """With the reason; it can be recovered for as long again."""
    webhook = await forgetful.register(receiver.url)
    headers = await forgetful.directory.signed_in()
    path = f"/webhooks/{webhook['id']}"
    await forgetful.client.patch(path, json={"state": "paused"}, headers=headers)
    await forgetful.directory.create("In vain")
    [dead] = await forgetful.settled(webhook, "dead")
    assert "while its webhook was off" in dead["last_error"]
    assert (dead["attempts"], dead["next_attempt_at"]) == (0, None)
    await forgetful.client.patch(path, json={"state": "active"}, headers=headers)
    recovered = await forgetful.client.post(
        f"{path}/recover", json={"since": "2026-01-01T00:00:00Z"}, headers=headers
    )
    assert recovered.json()["recovered"] == 1
    await receiver.got(1)


async def test_keys_and_replays_go_too(
    forgetful: ServedNotify, database: Database, receiver: Receiver
) -> None:
    """A key once it signs no more, a replay some time after its end; the key in use stays."""
    webhook = await forgetful.register(receiver.url)
    headers = await forgetful.directory.signed_in()
    path = f"/webhooks/{webhook['id']}"
    await forgetful.client.post(f"{path}/secret/rotate", json={"grace_seconds": 0}, headers=headers)
    begun = await forgetful.client.post(f"{path}/replay", json={"after": 0}, headers=headers)
    assert begun.status_code == 202, begun.text
    replay = f"/replays/{begun.json()['id']}"
    await forgetful.get(replay)

    async def one_left() -> bool:
        ours = WEBHOOK_KEYS.c.webhook_id
        return await count(database, ours, UUID(webhook["id"])) == 1

    await wait_until(one_left, "the old key is deleted")

    async def replay_gone() -> bool:
        return (await forgetful.client.get(replay, headers=headers)).status_code == 404

    await wait_until(replay_gone, "the replay is deleted")
    await forgetful.directory.create("Signed by the key in use")
    await receiver.got(1)


async def test_mail_and_dead_events_go_too(forgetful: ServedNotify, database: Database) -> None:
    """Mail that was sent or given up, events that were replayed; what waits for somebody stays."""
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    old_ids, kept_ids = [next(ids_from(long_ago)), uuid7()], [uuid7(), uuid7()]
    mail = {
        "account_id": uuid7(),
        "recipient": "owner@example.org",
        "subject": "A webhook of yours fails",
        "body": "It fails.",
        "attempts": 1,
        "created_at": long_ago,
    }
    event = {
        "log_id": "a log",
        "sequence": 1,
        "type": "partner.created",
        "error": "it could not be read",
        "envelope": "{}",
        "set_aside_at": long_ago,
    }
    mails: list[dict[str, Any]] = [
        {"id": old_ids[0], "state": "sent", "finished_at": long_ago},
        {"id": kept_ids[0], "state": "pending", "finished_at": None},
    ]
    events: list[dict[str, Any]] = [
        {"id": old_ids[1], "replayed_at": long_ago},
        {"id": kept_ids[1], "replayed_at": None},
    ]
    async with database.transaction() as session:
        await session.execute(insert(MAIL), [{**mail, **one} for one in mails])
        await session.execute(insert(DEAD_EVENTS), [{**event, **one} for one in events])
    await gone(database, MAIL.c.id, old_ids[0])
    await gone(database, DEAD_EVENTS.c.id, old_ids[1])
    listed = await forgetful.get("/notify/mail")
    assert str(old_ids[0]) not in {one["id"] for one in listed["items"]}
    assert await count(database, MAIL.c.id, kept_ids[0]) == 1
    assert await count(database, DEAD_EVENTS.c.id, kept_ids[1]) == 1


async def finished(database: Database, webhook_id: UUID, days_ago: float, rows: int) -> list[UUID]:
    """Ids of deliveries that were made and delivered so many days ago, each of its own event."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    ids, event_ids = ids_from(at), ids_from(at)
    made = [(next(ids), next(event_ids)) for _ in range(rows)]
    subject = str(uuid7())
    async with database.transaction() as session:
        await session.execute(
            insert(EVENTS),
            [
                {
                    "id": event_id,
                    "type": "partner.updated",
                    "subject": subject,
                    "time": at,
                    "envelope": "{}",
                }
                for _, event_id in made
            ],
        )
        await session.execute(
            insert(DELIVERIES),
            [
                {
                    "id": delivery_id,
                    "webhook_id": webhook_id,
                    "event_id": event_id,
                    "place": 1,
                    "subject": subject,
                    "state": "delivered",
                    "attempts": 1,
                    "attempts_before": 0,
                    "created_at": at,
                    "finished_at": at,
                }
                for delivery_id, event_id in made
            ],
        )
    return [delivery_id for delivery_id, _ in made]


async def test_thousands_go_without_holding_anybody_up(
    notify_database_url: str, directory: ServedDirectory, database: Database, receiver: Receiver
) -> None:
    """By default after thirty days, and not a day before; live events arrive meanwhile."""
    settings = notify_settings(notify_database_url, directory.redis_url, PURGE_SECONDS="0.05")
    async with serve_notify(settings, directory) as notify:
        webhook = await notify.register(receiver.url)
        webhook_id = UUID(webhook["id"])
        young = await finished(database, webhook_id, 29, 10)
        old = await finished(database, webhook_id, 31, 6_000)
        for number in range(10):
            await directory.create(f"Live {number}")
            await receiver.got(number + 1, seconds=3)
        await gone(database, DELIVERIES.c.id, old[-1])

        async def only_young() -> bool:
            path = f"/webhooks/{webhook_id}/deliveries?until={datetime_before_live(webhook)}"
            items = (await notify.get(path))["items"]
            return sorted(item["id"] for item in items) == sorted(map(str, young))

        await wait_until(only_young, "only what is not old is left")
        assert len(await notify.settled(webhook, "delivered", 20)) == 20


def datetime_before_live(webhook: dict[str, Any]) -> str:
    """When the webhook was registered."""
    return str(webhook["created_at"])
