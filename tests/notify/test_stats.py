"""How a webhook fares in figures, and what ops see of the queues."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from services.notify.models import ATTEMPTS
from shared.databases import Database
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, Reply
from tests.waiting import wait_until


async def stats(notify: ServedNotify, webhook: dict[str, Any], query: str = "") -> dict[str, Any]:
    """The webhook in figures."""
    read: dict[str, Any] = await notify.get(f"/webhooks/{webhook['id']}/stats{query}")
    return read


async def pause(notify: ServedNotify, webhook: dict[str, Any]) -> None:
    """Let the webhook be sent nothing."""
    answer = await notify.client.patch(
        f"/webhooks/{webhook['id']}",
        json={"state": "paused"},
        headers=await notify.directory.signed_in(),
    )
    assert answer.status_code == 200, answer.text


async def test_attempts_are_counted_with_what_they_came_to(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """Each try, of this webhook only; nothing is owed to it any more."""
    webhook = await notify.register(receiver.url)
    await notify.register(receiver.url.replace("/hook", "/nowhere"))
    nothing = await stats(notify, webhook)
    assert (nothing["attempts"], nothing["success_rate"]) == (0, None)
    assert nothing["latency_milliseconds"] is None
    receiver.script = [Reply(500), Reply(503), Reply(204)]
    await notify.directory.create("Third time lucky")
    await notify.settled(webhook, "delivered")
    found = await stats(notify, webhook)
    assert (found["attempts"], found["delivered"], found["success_rate"]) == (3, 1, 0.3333)
    assert found["is_complete"] is True
    assert found["hours"] == 24
    latency = found["latency_milliseconds"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] < 15_000
    assert found["deliveries"] == {"pending": 0, "failed": 0, "delivered": 1, "dead": 0}
    assert found["backlog"] == {
        "count": 0,
        "is_complete": True,
        "oldest_seconds": None,
        "next_attempt_at": None,
    }
    assert (found["state"], found["failing_since"]) == ("active", None)


async def test_what_waits_is_told(notify: ServedNotify, receiver: Receiver) -> None:
    """How much, since when, when it is tried next; and that nothing has succeeded of late."""
    receiver.usual = Reply(500)
    webhook = await notify.register(receiver.url)
    await notify.directory.create("Given up")
    await notify.settled(webhook, "dead")
    await pause(notify, webhook)
    for number in range(2):
        await notify.directory.create(f"Waits {number}")
    waiting = await notify.settled(webhook, "pending", 2)
    found = await stats(notify, webhook)
    assert found["deliveries"] == {"pending": 2, "failed": 0, "delivered": 0, "dead": 1}
    backlog = found["backlog"]
    assert (backlog["count"], backlog["next_attempt_at"]) == (2, None)
    oldest = datetime.fromisoformat(waiting[0]["created_at"])
    assert 0 <= backlog["oldest_seconds"] <= (datetime.now(UTC) - oldest).total_seconds() + 1
    assert found["failing_since"] is not None
    assert found["success_rate"] == 0


async def test_the_hours_and_the_number_looked_at_are_bounded(
    notify: ServedNotify, notify_database_url: str, receiver: Receiver
) -> None:
    """What is older is not counted; of very many the newest 10,000 are, and the answer says so."""
    webhook = await notify.register(receiver.url)
    await notify.directory.create("Tried often")
    [delivery] = await notify.settled(webhook, "delivered")
    long_ago = datetime.now(UTC) - timedelta(hours=30)
    rows = [
        {
            "delivery_id": UUID(delivery["id"]),
            "number": number,
            "webhook_id": UUID(webhook["id"]),
            "at": long_ago + timedelta(milliseconds=number),
            "milliseconds": float(number % 100),
            "outcome": "try_again",
        }
        for number in range(2, 10_002)
    ]
    database = Database(notify_database_url)
    async with database.transaction() as session:
        await session.execute(insert(ATTEMPTS), rows)
    await database.dispose()
    assert (await stats(notify, webhook))["attempts"] == 1
    found = await stats(notify, webhook, "?hours=31")
    assert (found["attempts"], found["delivered"], found["is_complete"]) == (10_000, 1, False)
    assert found["success_rate"] == 0.0001
    latency = found["latency_milliseconds"]
    assert (latency["p50"], latency["p95"], latency["p99"]) == pytest.approx((49, 94, 98), abs=1)


@pytest.mark.parametrize("hours", ["0", "721", "-1", "many", "1.5"])
async def test_hours_that_cannot_be_are_refused(notify: ServedNotify, hours: str) -> None:
    """422 each."""
    webhook = await notify.register("https://partner.example.org/hooks")
    await notify.get(f"/webhooks/{webhook['id']}/stats?hours={hours}", status=422)


async def test_ops_see_every_queue(notify: ServedNotify, receiver: Receiver) -> None:
    """Deliveries, replays under way, dead events, webhooks and lag are among the metrics."""
    webhook = await notify.register(receiver.url)
    await pause(notify, webhook)
    await notify.directory.create("Waits and is to be replayed")
    await notify.settled(webhook, "pending")
    answer = await notify.client.post(
        f"/webhooks/{webhook['id']}/replay",
        json={"after": 0},
        headers=await notify.directory.signed_in(),
    )
    assert answer.status_code == 202, answer.text
    wanted = [
        "webhook_replays_under_way 1.0",
        "notify_dead_events 0.0",
        'webhook_purged_rows_total{table="delivery"}',
        "log_lag ",
        "webhook_oldest_unfinished_seconds ",
    ]

    async def all_there() -> bool:
        text = (await notify.client.get("/metrics")).text
        counts = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return (
            all(want in text for want in wanted)
            and float(counts['webhook_deliveries{state="pending"}']) >= 1
            and float(counts['webhooks{state="paused"}']) >= 1
        )

    await wait_until(all_there, "every queue is measured")
