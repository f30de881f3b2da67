"""The search for deliveries that are due: first for webhooks that are owed some, then for those.

Its statements are built once: building one takes several times as long as asking it, and a sender
asks them at every step.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Integer, Select, and_, bindparam, func, or_, select, text, true
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

_mine = DELIVERIES.c
_earlier = DELIVERIES.alias("earlier")
_FOUND = (
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
_NOW = bindparam("now", type_=_mine.next_attempt_at.type)
_MOST = bindparam("most", type_=Integer)


def _is_due(table: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        table.finished_at.is_(None),
        table.next_attempt_at <= _NOW,
        or_(table.lease_until.is_(None), table.lease_until <= _NOW),
    )


async def find_due_webhooks(session: AsyncSession, most: int, now: datetime) -> Sequence[Any]:
    """At most so many webhooks to which something is due, those first that have waited longest.

    Those of a closed account are none, whatever they are owed and however they came to be on.
    """
    found: Sequence[Any] = (await session.execute(_DUE_WEBHOOKS, {"now": now, "most": most})).all()
    return found


def _due_webhooks() -> Select[Any]:
    waiting = DELIVERIES.alias("waiting")
    first = (
        select(waiting.c.next_attempt_at)
        .where(waiting.c.webhook_id == WEBHOOKS.c.id, *_is_due(waiting.c))
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
    return select(found).where(found.c.first.is_not(None)).order_by(found.c.first).limit(_MOST)


_DUE_WEBHOOKS = _due_webhooks()


async def find_due(
    session: AsyncSession, shares: Mapping[UUID, int], now: datetime
) -> Sequence[Any]:
    """What is due to webhooks, of each at most its share, and held by nobody else."""
    sizes = sorted(set(shares.values()) - {0})
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    if sizes and not is_sqlite:
        await session.execute(_IN_ORDER_OF_INDEXES)
    found: list[Any] = []
    for size in sizes:
        alike = [webhook_id for webhook_id, share in shares.items() if share == size]
        found += await _find_share(session, alike, size, now, is_sqlite=is_sqlite)
    return found


async def _find_share(
    session: AsyncSession, webhook_ids: Sequence[UUID], most: int, now: datetime, *, is_sqlite: bool
) -> Sequence[Any]:
    question = {"webhook_ids": webhook_ids, "most": most, "now": now}
    if is_sqlite:
        found = orjson.loads((await session.execute(_DUE_ON_SQLITE, question)).scalar_one())
        known = {one.hex: one for one in webhook_ids}
        return [
            _DueDelivery(UUID(hex=row[2]), known[row[3]], UUID(hex=row[4]), *row[5:])
            for row in sorted(found)
        ]
    rows: Sequence[Any] = (await session.execute(_DUE_ON_POSTGRESQL, question)).all()
    return rows


class _DueDelivery(NamedTuple):
    """What `_FOUND` names, of one delivery."""

    id: UUID
    webhook_id: UUID
    event_id: UUID
    sequence: int | None
    subject: str
    attempts: int
    attempts_before: int


_ASKED = WEBHOOKS.c.id.in_(bindparam("webhook_ids", expanding=True))


def _first_due(*columns: ColumnElement[Any]) -> Select[Any]:
    """What is due first to a webhook, at most so much."""
    return (
        select(*columns)
        .where(_mine.webhook_id == WEBHOOKS.c.id, *_is_due(_mine), _MAY_BE_SENT)
        .where(or_(WEBHOOKS.c.ordering == Ordering.fast.value, _IS_FIRST_IN_LINE))
        .order_by(_mine.next_attempt_at, _mine.place)
        .limit(_MOST)
        .correlate(WEBHOOKS)
    )


def _due_on_sqlite() -> Select[Any]:
    chosen = DELIVERIES.alias("chosen")
    order = [chosen.c.next_attempt_at, chosen.c.place]
    columns = [*order, *(chosen.c[column.name] for column in _FOUND)]
    # All in one row: with each row the driver gives the interpreter away, and waits for it.
    return (
        select(func.json_group_array(func.json_array(*columns)))
        .select_from(WEBHOOKS.join(chosen, chosen.c.id.in_(_first_due(_mine.id))))
        .where(_ASKED)
    )


def _due_on_postgresql() -> Select[Any]:
    # Searched and locked in one walk, webhook by webhook. To join what was found with the table
    # again costs seconds where the statistics are from when little was owed.
    each = (
        _first_due(*_FOUND, _mine.next_attempt_at, _mine.place)
        .with_for_update(of=DELIVERIES, skip_locked=True)
        .lateral("each")
    )
    return (
        select(*(each.c[column.name] for column in _FOUND))
        .select_from(WEBHOOKS.join(each, true()))
        .where(_ASKED)
        .order_by(each.c.next_attempt_at, each.c.place)
    )


_DUE_ON_SQLITE, _DUE_ON_POSTGRESQL = _due_on_sqlite(), _due_on_postgresql()
