"""Leases of deliveries: one worker at a time, taken over when it dies, and never overwritten."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from uuid_utils.compat import uuid7

from services.notify.fan_out import fan_out
from services.notify.migrate import FOLDER
from services.notify.models import AccountRow, DeliveryRow, WebhookRow
from services.notify.retries import Answer, Delivered, TryAgain
from services.notify.sending.attempted import Attempted
from services.notify.sending.attempts import record_attempts
from services.notify.sending.leasing import LeasedDelivery, hand_back, lease_due
from services.notify.sending.messages import MessageBook
from services.notify.sending.room import Room
from services.notify.webhooks.endpoints import EndpointBook
from shared.databases import Database
from shared.leases import database_time
from shared.migrating import migrate
from shared.records import JsonObject
from shared.sealing import Seal

ACCOUNT = uuid4()
SEAL = Seal(Fernet.generate_key().decode())
ROOM = Room(
    total=10, per_webhook=10, per_quick_webhook=10, for_slow=10, quick=frozenset(), in_hand={}
)


def a_webhook(url: str, event_types: list[str], account_id: UUID) -> WebhookRow:
    """A webhook that is sent everything in order."""
    return WebhookRow(
        id=uuid7(),
        account_id=account_id,
        url=url,
        event_types=event_types,
        filters={},
        description="",
        ordering="ordered",
        header_names=[],
        state="active",
        created_at=datetime.now(UTC),
    )


@pytest.fixture
async def owing(notify_database_url: str) -> AsyncIterator[Database]:
    """A database with one webhook of the secretariat, and nothing else in it."""
    database = Database(notify_database_url)
    await migrate(database, FOLDER)
    async with database.transaction() as session:
        session.add(AccountRow(id=ACCOUNT, name="", role="secretariat"))
        webhook = a_webhook("https://partner.example.org/hook", ["*"], ACCOUNT)
        session.add(webhook)
    yield database
    async with database.transaction() as session:
        await session.delete(webhook)
        await session.delete(await session.get_one(AccountRow, ACCOUNT))
    await database.dispose()


@asynccontextmanager
async def beside(database: Database, *others: WebhookRow) -> AsyncIterator[None]:
    """Other webhooks beside the first one, while the block runs."""
    async with database.transaction() as session:
        session.add_all(others)
    try:
        yield
    finally:
        async with database.transaction() as session:
            for other in others:
                await session.delete(await session.get_one(WebhookRow, other.id))


def a_topic_event(subject: UUID) -> JsonObject:
    """An event that everybody may see."""
    return {
        "specversion": "1.0",
        "id": str(uuid7()),
        "source": "/directory",
        "type": "topic.updated",
        "subject": str(subject),
        "time": "2026-11-22T10:00:00Z",
        "sequence": 1,
        "data": {
            "record": {"id": str(subject), "notation": str(subject), "broader": []},
            "changed": [],
            "actor": None,
        },
    }


async def owe(database: Database, *subjects: UUID) -> None:
    """Owe one event about each of `subjects`, in that order."""
    async with database.transaction() as session:
        now = await database_time(session)
        await fan_out(session, [a_topic_event(subject) for subject in subjects], 0, now)


async def lease(
    database: Database, seconds: float = 60, later: float = 0, room: Room = ROOM
) -> list[LeasedDelivery]:
    """What a worker takes that asks `later` seconds from now."""
    async with database.transaction() as session:
        now = await database_time(session) + timedelta(seconds=later)
        return await lease_due(session, room, seconds, now, EndpointBook(SEAL), MessageBook())


async def record(
    database: Database, *came_back: tuple[LeasedDelivery, Delivered | TryAgain]
) -> None:
    """A worker comes back with what its attempts came to."""
    attempted = [
        Attempted(delivery, datetime.now(UTC), 1.0, Answer(status_code=204), outcome)
        for delivery, outcome in came_back
    ]
    async with database.transaction() as session:
        now = await database_time(session)
        await record_attempts(session, attempted, now, "http://notify.test")


async def state_of(database: Database, delivery: LeasedDelivery) -> tuple[str, int]:
    """The delivery's state and the number of its last attempt."""
    async with database.reading() as session:
        row = await session.get_one(DeliveryRow, delivery.id)
        return row.state, row.attempts


async def test_a_worker_that_died_is_replaced(owing: Database) -> None:
    """Nobody else has the delivery while its lease lasts; after it, it is due again."""
    await owe(owing, uuid4())
    [first] = await lease(owing)
    assert await lease(owing, later=59) == []
    [second] = await lease(owing, later=61)
    assert (second.id, first.number, second.number) == (first.id, 1, 2)


async def test_a_late_worker_does_not_overwrite_its_successor(owing: Database) -> None:
    """Its attempt goes on record; the delivery is its successor's to finish."""
    await owe(owing, uuid4())
    [late] = await lease(owing)
    [successor] = await lease(owing, later=61)
    await record(owing, (late, TryAgain("too late", 3_600)))
    assert await state_of(owing, late) == ("pending", 2)
    await record(owing, (successor, Delivered()))
    await record(owing, (late, TryAgain("far too late", 3_600)))
    assert await state_of(owing, late) == ("delivered", 2)


async def test_a_late_worker_holds_up_nothing(owing: Database) -> None:
    """What comes back too late, beside what is in time, does not let its followers wait."""
    subject = uuid4()
    await owe(owing, subject)
    [late] = await lease(owing)
    [successor] = await lease(owing, later=61)
    await record(owing, (successor, Delivered()))
    await owe(owing, uuid4())
    [in_time] = await lease(owing)
    await owe(owing, subject)
    await record(owing, (late, TryAgain("too late", 3_600)), (in_time, Delivered()))
    assert await state_of(owing, in_time) == ("delivered", 1)
    [follower] = await lease(owing)
    assert follower.subject == str(subject)


async def test_what_was_not_attempted_is_handed_back(owing: Database) -> None:
    """At once due again, with the same number."""
    await owe(owing, uuid4())
    [taken] = await lease(owing)
    async with owing.transaction() as session:
        await hand_back(session, [taken])
    [again] = await lease(owing)
    assert again == taken


async def test_only_the_first_of_a_subject_is_due(owing: Database) -> None:
    """Others of the subject wait for it, through its retries; other subjects do not."""
    one, other = uuid4(), uuid4()
    await owe(owing, one, one, other)
    taken = await lease(owing)
    assert [delivery.subject for delivery in taken] == [str(one), str(other)]
    await record(owing, (taken[0], TryAgain("later", 100)))
    await record(owing, (taken[1], Delivered()))
    assert await lease(owing, later=50) == []
    [retry] = await lease(owing, later=101)
    assert (retry.id, retry.number) == (taken[0].id, 2)
    await record(owing, (retry, Delivered()))
    [next_one] = await lease(owing)
    assert (next_one.subject, next_one.number) == (str(one), 1)


async def test_a_long_backlog_does_not_hide_what_is_due_to_others(owing: Database) -> None:
    """A webhook whose share is in hand is left out of the search; the rest is found behind it."""
    await owe(owing, *(uuid4() for _ in range(50)))
    other = a_webhook("https://other.example.org/hook", ["topic.updated"], ACCOUNT)
    room = Room(
        total=20, per_webhook=5, per_quick_webhook=5, for_slow=20, quick=frozenset(), in_hand={}
    )
    async with beside(owing, other):
        await owe(owing, uuid4())
        taken = await lease(owing, room=room)
    counts = Counter(delivery.endpoint.url for delivery in taken)
    assert counts == {"https://partner.example.org/hook": 5, "https://other.example.org/hook": 1}


async def test_what_is_kept_free_is_taken_from_all_alike(owing: Database) -> None:
    """Else one webhook would get half of what the others get, and fall behind them."""
    others = [a_webhook(f"https://{name}.example.org/hook", ["*"], ACCOUNT) for name in "abc"]
    async with beside(owing, *others):
        await owe(owing, *(uuid4() for _ in range(10)))
        taken = await lease(owing, room=replace(ROOM, total=24, for_slow=24, for_others=8))
    counts = Counter(delivery.endpoint.url for delivery in taken)
    assert list(counts.values()) == [4, 4, 4, 4]


async def test_what_one_has_no_room_for_is_the_others(owing: Database) -> None:
    """However many webhooks take little, those that take much are not held to as much as they."""
    others = [a_webhook(f"https://{name}.example.org/hook", ["*"], ACCOUNT) for name in "abcdefghi"]
    for other in others:
        other.requests_at_once = 1
    async with beside(owing, *others):
        await owe(owing, *(uuid4() for _ in range(30)))
        taken = await lease(owing, room=replace(ROOM, total=30, per_webhook=30, for_slow=30))
    counts = Counter(delivery.endpoint.url for delivery in taken)
    assert counts.pop("https://partner.example.org/hook") == 21
    assert list(counts.values()) == [1] * 9


async def test_a_sudden_backlog_is_found_at_once(owing: Database) -> None:
    """Also where the database's statistics are from when nothing was owed.

    Each delivery costs a few rows that are looked at, not all that its webhook is owed.
    """
    async with owing.transaction() as session:
        postgres = session.get_bind().dialect.name == "postgresql"
        if postgres:
            await session.execute(text("ALTER TABLE delivery SET (autovacuum_enabled = off)"))
            await session.execute(text("ANALYZE delivery"))
    await owe(owing, *(uuid4() for _ in range(3_000)))
    room = replace(ROOM, total=300, per_webhook=300, for_slow=300)
    async with owing.transaction() as session:
        now = await database_time(session)
        leased = await lease_due(session, room, 30, now, EndpointBook(SEAL), MessageBook())
        assert len(leased) == 300
        if postgres:
            looked_at = (
                "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname='delivery'"
            )
            assert await session.scalar(text(looked_at)) < 10 * 300
