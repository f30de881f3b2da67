"""Fanning out: an event becomes one delivery for each webhook that wants it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from services.notify.accounts import heed_accounts
from services.notify.deliveries.ids import ids_from
from services.notify.erasing import heed_erasures
from services.notify.mail.confirmations import REQUESTED, ask_to_confirm
from services.notify.matching import EventViews, Interest, wants
from services.notify.models import (
    ACCOUNTS,
    DELIVERIES,
    EVENTS,
    WEBHOOKS,
    DeliveryState,
    Ordering,
    WebhookState,
)
from services.notify.topics import keep_topics, read_tree
from shared.audience import audience_of_role
from shared.event_data import ConfirmationData
from shared.events import ACCOUNT_EVENT_TYPES, EVENT_TYPES, INNER_EVENT_TYPES
from shared.many_rows import insert_new_rows
from shared.records import JsonObject
from shared.vocabulary import Role

# What a session's `info` has after new deliveries: the sender is woken right after the commit.
OWED = "deliveries_owed"


class UnknownEventType(Exception):
    """The event is of a type that this version does not know; it is set aside, not dropped."""


async def fan_out(
    session: AsyncSession, events: Sequence[JsonObject], last_place: int, now: datetime
) -> int:
    """Keep `events` and owe them to every webhook that wants them; how many deliveries.

    What a webhook is owed that is not active waits without a time for an attempt. Inner events are
    owed to nobody: those of accounts change to whom the ones behind them are owed.

    The places after `last_place` become theirs, so the caller must hold the lock on the position.

    Raises:
        UnknownEventType: one is of an unknown type.
    """
    count, ids = 0, ids_from(now)
    for is_inner, run in groupby(enumerate(events, last_place + 1), _is_inner):
        placed = list(run)
        if is_inner:
            await _heed(session, [event for _, event in placed], now)
        else:
            count += await _owe(session, placed, ids, now)
    return count


_Placed = tuple[int, JsonObject]


def _is_inner(placed: _Placed) -> bool:
    return placed[1]["type"] in INNER_EVENT_TYPES


async def _heed(session: AsyncSession, events: Sequence[JsonObject], now: datetime) -> None:
    if of_accounts := [event for event in events if event["type"] in ACCOUNT_EVENT_TYPES]:
        await heed_accounts(session, of_accounts, now)
    for event in events:
        if event["type"] == REQUESTED:
            ask_to_confirm(session, ConfirmationData.model_validate(event["data"]), now)


async def _owe(
    session: AsyncSession, placed: Sequence[_Placed], ids: Iterator[UUID], now: datetime
) -> int:
    events = [event for _, event in placed]
    topics = [event["data"]["record"] for event in events if event["type"].startswith("topic.")]
    await keep_topics(session, topics)
    interests = await read_interests(session)
    event_rows, delivery_rows = [], []
    for place, event in placed:
        if event["type"] not in EVENT_TYPES:
            raise UnknownEventType(event["type"])
        views = EventViews(event)
        row = event_row(event)
        event_rows.append(row)
        delivery_rows += [
            delivery_row(
                next(ids),
                interest.webhook_id,
                row,
                place,
                now,
                due=interest.state is WebhookState.active,
            )
            for interest in interests
            if wants(interest, views)
        ]
    await insert_new_rows(session, EVENTS, event_rows)
    await heed_erasures(session, events)
    if delivery_rows:
        await _wait_for_earlier(session, delivery_rows, interests)
        await insert_new_rows(session, DELIVERIES, delivery_rows)
        session.info[OWED] = True
    return len(delivery_rows)


async def owe_one(
    session: AsyncSession, webhook_id: UUID, event: JsonObject, now: datetime
) -> UUID:
    """Owe `event`, which is not on the log, to one webhook; the delivery's id."""
    row = event_row(event)
    delivery = delivery_row(next(ids_from(now)), webhook_id, row, 0, now, due=True)
    await insert_new_rows(session, EVENTS, [row])
    await insert_new_rows(session, DELIVERIES, [delivery])
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


def delivery_row(
    delivery_id: UUID,
    webhook_id: UUID,
    event: dict[str, Any],
    place: int,
    now: datetime,
    *,
    due: bool,
) -> dict[str, Any]:
    """What is owed to a webhook; `due` at once, or when it is switched on."""
    return {
        "id": delivery_id,
        "webhook_id": webhook_id,
        "event_id": event["id"],
        "sequence": event["sequence"],
        "place": place,
        "subject": event["subject"],
        "state": DeliveryState.pending.value,
        "attempts": 0,
        "attempts_before": 0,
        "created_at": now,
        "next_attempt_at": now if due else None,
    }


async def read_interests(session: AsyncSession, *of: ColumnElement[bool]) -> list[Interest]:
    """What every webhook of an open account asks for, or those alone that are `of` something."""
    columns = WEBHOOKS.c
    tree = await read_tree(session)
    rows = await session.execute(
        select(
            columns.id,
            ACCOUNTS.c.role,
            columns.event_types,
            columns.filters,
            columns.state,
            columns.ordering,
        )
        .join(ACCOUNTS, ACCOUNTS.c.id == columns.account_id)
        .where(ACCOUNTS.c.closed_at.is_(None), *of)
        .order_by(columns.id)
    )
    return [
        Interest(
            webhook_id=row.id,
            audience=audience_of_role(Role(row.role)),
            event_types=row.event_types,
            filters=tree.with_narrower(row.filters),
            state=WebhookState(row.state),
            ordering=Ordering(row.ordering),
        )
        for row in rows
    ]


async def _wait_for_earlier(
    session: AsyncSession, delivery_rows: list[dict[str, Any]], interests: Sequence[Interest]
) -> None:
    """Let a delivery behind one that waits for its retry wait as long, if the webhook wants order.

    This only spares the search for due deliveries those that cannot be; `lease_due` keeps order.
    """
    ordered = {one.webhook_id for one in interests if one.ordering is Ordering.ordered}
    waiting = [
        row
        for row in delivery_rows
        if row["webhook_id"] in ordered and row["next_attempt_at"] is not None
    ]
    if not waiting:
        return
    columns = DELIVERIES.c
    subjects = {row["subject"] for row in waiting}
    earlier = await session.execute(
        select(columns.webhook_id, columns.subject, func.max(columns.next_attempt_at))
        .where(columns.finished_at.is_(None), columns.subject.in_(subjects), columns.place > 0)
        .where(columns.webhook_id.in_({row["webhook_id"] for row in waiting}))
        .group_by(columns.webhook_id, columns.subject)
    )
    waits = {(webhook_id, subject): at for webhook_id, subject, at in earlier if at is not None}
    for row in waiting:
        at = waits.get((row["webhook_id"], row["subject"]))
        if at is not None:
            row["next_attempt_at"] = max(at, row["next_attempt_at"])
