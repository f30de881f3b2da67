"""Deliveries: which are due, and who has them in hand.

Invariants. Within one webhook and subject only the earliest unfinished delivery can be leased, if
the webhook wants order, so it never sees a record's older state after a newer one. A lease is worth
its attempt number: a worker that comes back late finds the number changed and cannot overwrite its
successor. Only the database's clock is asked, so workers' clocks may differ.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Select, and_, bindparam, func, or_, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from services.notify.models import (
    ACCOUNTS,
    DELIVERIES,
    POSITIONS,
    WEBHOOKS,
    Ordering,
    WebhookState,
)
from services.notify.sending.messages import Message, MessageBook
from services.notify.sending.pace import give_back_allowance, take_allowance
from services.notify.sending.room import Room
from services.notify.webhooks.endpoints import Endpoint, EndpointBook
from shared.databases import is_one_of


class LeasedDelivery(NamedTuple):
    """A delivery in the hands of this worker, with all that its attempt needs."""

    id: UUID
    number: int
    number_on_schedule: int
    """The same, counted from when it was last begun anew."""
    endpoint: Endpoint
    is_failing: bool
    """Whether the endpoint has failed and not succeeded since, when this was leased."""
    message: Message
    event_id: UUID
    sequence: int | None
    subject: str


_mine = DELIVERIES.c
_earlier = DELIVERIES.alias("earlier")
_LEASED = (
    _mine.id,
    _mine.webhook_id,
    _mine.event_id,
    _mine.sequence,
    _mine.subject,
    _mine.attempts,
    _mine.attempts_before,
)
_IS_FIRST_IN_LINE: ColumnElement[bool] = (
    _mine.place
    == select(_earlier.c.place)
    .where(
        _earlier.c.webhook_id == _mine.webhook_id,
        _earlier.c.subject == _mine.subject,
        _earlier.c.finished_at.is_(None),
    )
    .order_by(_earlier.c.place)
    .limit(1)
    .correlate(DELIVERIES)
    .scalar_subquery()
)
# Both searches for what comes first have an index in their very order. PostgreSQL, where its
# statistics are from when little was owed, would rather find all that a webhook is owed and sort
# it, for each delivery anew: minutes for a long backlog. It holds for the transaction.
_IN_ORDER_OF_INDEXES = text("SET LOCAL enable_sort = off")
_MAY_BE_SENT: ColumnElement[bool] = or_(
    WEBHOOKS.c.state == WebhookState.active.value,
    # What is not on the log is asked for by the owner: a challenge, a test.
    and_(_mine.place == 0, WEBHOOKS.c.state != WebhookState.disabled.value),
)


async def lease_due(
    session: AsyncSession,
    room: Room,
    lease_seconds: float,
    now: datetime,
    endpoints: EndpointBook,
    messages: MessageBook,
) -> list[LeasedDelivery]:
    """Take the deliveries that are due, as far as there is `room`; each gets its next number.

    Skips what other workers hold. Each webhook is searched by itself, so a backlog, however long,
    neither hides what is due to others nor has to be walked through to find it.
    """
    if room.total <= 0:
        return []
    due = {row.id: row for row in await _find_due_webhooks(session, room, now)}
    allowance = await take_allowance(session, list(due.values()), now)
    shares = {
        webhook_id: min(share, allowance.get(webhook_id, share))
        for webhook_id, share in room.shares(list(due.values())).items()
    }
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(_IN_ORDER_OF_INDEXES)
    taken: list[Any] = []
    for size in sorted(set(shares.values()) - {0}):
        alike = [webhook_id for webhook_id, share in shares.items() if share == size]
        taken += await _find_due(session, alike, size, now)
    if allowance:
        used = Counter(row.webhook_id for row in taken)
        left = {webhook_id: most - used[webhook_id] for webhook_id, most in allowance.items()}
        await give_back_allowance(session, left)
    if not taken:
        return []
    await session.execute(
        update(DELIVERIES)
        .where(is_one_of(session, _mine.id, [row.id for row in taken]))
        .values(attempts=_mine.attempts + 1, lease_until=now + timedelta(seconds=lease_seconds))
    )
    return await _with_messages(session, taken, due, endpoints, messages)


def _is_due(table: Any, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        table.finished_at.is_(None),
        table.next_attempt_at <= now,
        or_(table.lease_until.is_(None), table.lease_until <= now),
    )


async def _find_due_webhooks(session: AsyncSession, room: Room, now: datetime) -> Sequence[Any]:
    """Webhooks to which something is due, those first that have waited longest.

    Those of a closed account are none, whatever they are owed and however they came to be on.
    """
    waiting = DELIVERIES.alias("waiting")
    first = (
        select(waiting.c.next_attempt_at)
        .where(waiting.c.webhook_id == WEBHOOKS.c.id, *_is_due(waiting.c, now))
        .order_by(waiting.c.next_attempt_at)
        .limit(1)
        .scalar_subquery()
    )
    found = (
        select(
            WEBHOOKS.c.id,
            WEBHOOKS.c.revision,
            WEBHOOKS.c.requests_at_once,
            WEBHOOKS.c.requests_per_second,
            WEBHOOKS.c.failing_since,
            first.label("first"),
            select(POSITIONS.c.erasures).scalar_subquery().label("erasures"),
        )
        .join(ACCOUNTS, ACCOUNTS.c.id == WEBHOOKS.c.account_id)
        .where(WEBHOOKS.c.state != WebhookState.disabled.value, ACCOUNTS.c.closed_at.is_(None))
        .subquery()
    )
    # Those whose share is used up may all stand first; behind them come those that have room.
    most = room.total + len(room.in_hand) + len(room.slowed)
    statement = select(found).where(found.c.first.is_not(None)).order_by(found.c.first).limit(most)
    return (await session.execute(statement)).all()


async def _find_due(
    session: AsyncSession, webhook_ids: Sequence[UUID], most: int, now: datetime
) -> Sequence[Any]:
    """What is due to these webhooks, at most so much of each, and held by nobody else."""
    if session.get_bind().dialect.name == "sqlite":
        return await _find_due_on_sqlite(session, webhook_ids, most, now)
    found: Sequence[Any] = (await session.execute(_due_on_postgresql(webhook_ids, most, now))).all()
    return found


class _Due(NamedTuple):
    """What `_LEASED` names, of one delivery."""

    id: UUID
    webhook_id: UUID
    event_id: UUID
    sequence: int | None
    subject: str
    attempts: int
    attempts_before: int


async def _find_due_on_sqlite(
    session: AsyncSession, webhook_ids: Sequence[UUID], most: int, now: datetime
) -> Sequence[_Due]:
    chosen = DELIVERIES.alias("chosen")
    first = _first_due(most, now, _mine.id)
    order = [chosen.c.next_attempt_at, chosen.c.place]
    columns = [*order, *(chosen.c[column.name] for column in _LEASED)]
    # All in one row: with each row the driver gives the interpreter away, and waits for it.
    statement = (
        select(func.json_group_array(func.json_array(*columns)))
        .select_from(WEBHOOKS.join(chosen, chosen.c.id.in_(first)))
        .where(WEBHOOKS.c.id.in_(webhook_ids))
    )
    found = orjson.loads((await session.execute(statement)).scalar_one())
    known = {one.hex: one for one in webhook_ids}
    return [
        _Due(UUID(hex=row[2]), known[row[3]], UUID(hex=row[4]), *row[5:]) for row in sorted(found)
    ]


def _due_on_postgresql(webhook_ids: Sequence[UUID], most: int, now: datetime) -> Select[Any]:
    # Searched and locked in one walk, webhook by webhook. To join what was found with the table
    # again costs seconds where the statistics are from when little was owed.
    each = (
        _first_due(most, now, *_LEASED, _mine.next_attempt_at, _mine.place)
        .with_for_update(of=DELIVERIES, skip_locked=True)
        .lateral("each")
    )
    return (
        select(*(each.c[column.name] for column in _LEASED))
        .select_from(WEBHOOKS.join(each, true()))
        .where(WEBHOOKS.c.id.in_(webhook_ids))
        .order_by(each.c.next_attempt_at, each.c.place)
    )


def _first_due(most: int, now: datetime, *columns: ColumnElement[Any]) -> Select[Any]:
    """What is due first to a webhook, at most so much."""
    return (
        select(*columns)
        .where(_mine.webhook_id == WEBHOOKS.c.id, *_is_due(_mine, now), _MAY_BE_SENT)
        .where(or_(WEBHOOKS.c.ordering == Ordering.fast.value, _IS_FIRST_IN_LINE))
        .order_by(_mine.next_attempt_at, _mine.place)
        .limit(most)
        .correlate(WEBHOOKS)
    )


async def _with_messages(
    session: AsyncSession,
    rows: Sequence[Any],
    webhooks: Mapping[UUID, Any],
    endpoints: EndpointBook,
    messages: MessageBook,
) -> list[LeasedDelivery]:
    revisions = {row.webhook_id: webhooks[row.webhook_id].revision for row in rows}
    books = await endpoints.read(session, revisions)
    wanted = {(row.event_id, books[row.webhook_id].audience) for row in rows}
    erasures = max(row.erasures or 0 for row in webhooks.values())
    made = await messages.read(session, wanted, erasures)
    return [
        LeasedDelivery(
            id=row.id,
            number=row.attempts + 1,
            number_on_schedule=row.attempts + 1 - row.attempts_before,
            endpoint=books[row.webhook_id],
            is_failing=webhooks[row.webhook_id].failing_since is not None,
            message=made[row.event_id, books[row.webhook_id].audience],
            event_id=row.event_id,
            sequence=row.sequence,
            subject=row.subject,
        )
        for row in rows
    ]


async def hand_back(session: AsyncSession, deliveries: Sequence[LeasedDelivery]) -> None:
    """Give up the leases of deliveries whose attempts were not made; their numbers are free."""
    if deliveries:
        await session.execute(
            _HAND_BACK, [{"delivery": one.id, "number": one.number} for one in deliveries]
        )


_HAND_BACK = (
    update(DELIVERIES)
    .where(_mine.id == bindparam("delivery"), _mine.attempts == bindparam("number"))
    .values(attempts=_mine.attempts - 1, lease_until=None)
)
