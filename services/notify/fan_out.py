"""Fanning out: an event becomes one delivery for each webhook that wants it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Table, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.notify.matching import EventViews, Interest, wants
from services.notify.models import DELIVERIES, EVENTS, WEBHOOKS, DeliveryState, WebhookState
from shared.events import EVENT_TYPES
from shared.records import JsonObject

# What a session's `info` has after new deliveries: the sender is woken right after the commit.
OWED = "deliveries_owed"


class UnknownEventType(Exception):
    """The event is of a type that this version does not know; it is set aside, not dropped."""


async def fan_out(
    session: AsyncSession, events: Sequence[JsonObject], last_place: int, now: datetime
) -> int:
    """Keep `events` and owe them to every active webhook that wants them; how many deliveries.

    The places after `last_place` become theirs, so the caller must hold the lock on the position.

    Raises:
        UnknownEventType: one is of an unknown type.
    """
    interests = await _active_interests(session)
    event_rows, delivery_rows = [], []
    for place, event in enumerate(events, last_place + 1):
        if event["type"] not in EVENT_TYPES:
            raise UnknownEventType(event["type"])
        views = EventViews(event)
        row = event_row(event)
        event_rows.append(row)
        delivery_rows += [
            _delivery_row(interest.webhook_id, row, place, now)
            for interest in interests
            if wants(interest, views)
        ]
    await insert_new(session, EVENTS, event_rows)
    if delivery_rows:
        await _wait_for_earlier(session, delivery_rows)
        await insert_new(session, DELIVERIES, delivery_rows)
        session.info[OWED] = True
    return len(delivery_rows)


async def owe_one(
    session: AsyncSession, webhook_id: UUID, event: JsonObject, now: datetime
) -> UUID:
    """Owe `event`, which is not on the log, to one webhook; the delivery's id."""
    row = event_row(event)
    delivery = _delivery_row(webhook_id, row, 0, now)
    await insert_new(session, EVENTS, [row])
    await insert_new(session, DELIVERIES, [delivery])
    session.info[OWED] = True
    delivery_id: UUID = delivery["id"]
    return delivery_id


def event_row(event: JsonObject) -> dict[str, Any]:
    """What is kept of an event."""
    return {
        "id": UUID(event["id"]),
        "sequence": event.get("sequence"),
        "type": event["type"],
        "subject": event["subject"],
        "time": datetime.fromisoformat(event["time"]),
        "envelope": orjson.dumps(event).decode(),
    }


def _delivery_row(
    webhook_id: UUID, event: dict[str, Any], place: int, now: datetime
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "webhook_id": webhook_id,
        "event_id": event["id"],
        "sequence": event["sequence"],
        "place": place,
        "subject": event["subject"],
        "state": DeliveryState.pending.value,
        "attempts": 0,
        "created_at": now,
        "next_attempt_at": now,
    }


async def _active_interests(session: AsyncSession) -> list[Interest]:
    columns = WEBHOOKS.c
    rows = await session.execute(
        select(columns.id, columns.audience, columns.event_types, columns.filters)
        .where(columns.state == WebhookState.active.value)
        .order_by(columns.id)
    )
    return [Interest(*row) for row in rows]


async def _wait_for_earlier(session: AsyncSession, delivery_rows: list[dict[str, Any]]) -> None:
    """Let a delivery behind one that waits for its retry wait as long.

    This only spares the search for due deliveries those that cannot be; `lease_due` keeps order.
    """
    columns = DELIVERIES.c
    subjects = {row["subject"] for row in delivery_rows}
    earlier = await session.execute(
        select(columns.webhook_id, columns.subject, func.max(columns.next_attempt_at))
        .where(columns.finished_at.is_(None), columns.subject.in_(subjects), columns.place > 0)
        .where(columns.webhook_id.in_({row["webhook_id"] for row in delivery_rows}))
        .group_by(columns.webhook_id, columns.subject)
    )
    waits = {(webhook_id, subject): at for webhook_id, subject, at in earlier if at is not None}
    for row in delivery_rows:
        at = waits.get((row["webhook_id"], row["subject"]))
        if at is not None:
            row["next_attempt_at"] = max(at, row["next_attempt_at"])


async def insert_new(session: AsyncSession, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert `rows`; those that are there already stay as they are, so repeats are harmless."""
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    await session.execute(insert(table).on_conflict_do_nothing(), rows)
