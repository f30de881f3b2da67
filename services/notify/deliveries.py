"""Deliveries: which are due, and who has them in hand.

Invariants. Within one webhook and subject only the earliest unfinished delivery can be leased, so
an endpoint never sees a record's older state after a newer one. A lease is worth its attempt
number: a worker that comes back late finds the number changed and cannot overwrite its successor.
Only the database's clock is asked, so workers' clocks may differ.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from services.notify.models import (
    DELIVERIES,
    EVENTS,
    WEBHOOKS,
    WebhookState,
)


@dataclass(frozen=True, slots=True)
class LeasedDelivery:
    """A delivery in the hands of this worker, with all that its attempt needs."""

    id: UUID
    number: int
    webhook_id: UUID
    url: str
    audience: str
    sealed_secret: str
    event_id: UUID
    event_type: str
    sequence: int | None
    subject: str
    envelope: str


@dataclass(frozen=True, slots=True)
class Room:
    """How many deliveries a worker can take: in all, and of each webhook (more of quick ones)."""

    total: int
    per_webhook: int
    per_quick_webhook: int
    quick: Set[UUID]
    in_hand: Mapping[UUID, int]

    def of(self, webhook_id: UUID) -> int:
        """How many of one webhook may be in hand."""
        return self.per_quick_webhook if webhook_id in self.quick else self.per_webhook


_mine = DELIVERIES.c
_earlier = DELIVERIES.alias("earlier")
_FIRST_IN_LINE: ColumnElement[bool] = ~exists(
    select(_earlier.c.id).where(
        _earlier.c.webhook_id == _mine.webhook_id,
        _earlier.c.subject == _mine.subject,
        _earlier.c.place < _mine.place,
        _earlier.c.finished_at.is_(None),
    )
)
_WEBHOOK_ACTIVE: ColumnElement[bool] = exists(
    select(WEBHOOKS.c.id).where(
        WEBHOOKS.c.id == _mine.webhook_id, WEBHOOKS.c.state == WebhookState.active.value
    )
)


async def lease_due(
    session: AsyncSession, room: Room, lease_seconds: float, now: datetime
) -> list[LeasedDelivery]:
    """Take the deliveries that are due, as far as there is `room`; each gets its next number.

    Skips what other workers hold. An endpoint whose share is used up is left out of the search, so
    its backlog, however long, does not hide what is due to others.
    """
    in_hand = dict(room.in_hand)
    taken: list[UUID] = []
    while len(taken) < room.total:
        full = {webhook for webhook, count in in_hand.items() if count >= room.of(webhook)}
        # Not many more at a time than one webhook may have: its backlog may be all that is found.
        limit = min(room.total - len(taken), 2 * room.per_quick_webhook)
        found = await _find_due(session, full, limit, now)
        chosen = []
        for delivery_id, webhook_id in found:
            if in_hand.get(webhook_id, 0) < room.of(webhook_id):
                in_hand[webhook_id] = in_hand.get(webhook_id, 0) + 1
                chosen.append(delivery_id)
        if chosen:
            await session.execute(
                update(DELIVERIES)
                .where(_mine.id.in_(chosen))
                .values(
                    attempts=_mine.attempts + 1, lease_until=now + timedelta(seconds=lease_seconds)
                )
            )
            taken += chosen
        if len(found) < limit:
            break
    return await _load_leased(session, taken) if taken else []


async def _find_due(
    session: AsyncSession, full: set[UUID], limit: int, now: datetime
) -> Sequence[tuple[UUID, UUID]]:
    statement = (
        select(_mine.id, _mine.webhook_id)
        .where(
            _mine.finished_at.is_(None),
            _mine.next_attempt_at <= now,
            or_(_mine.lease_until.is_(None), _mine.lease_until <= now),
            _WEBHOOK_ACTIVE,
            _FIRST_IN_LINE,
        )
        .order_by(_mine.next_attempt_at, _mine.place)
        .limit(limit)
        .with_for_update(of=DELIVERIES, skip_locked=True)
    )
    if full:
        statement = statement.where(_mine.webhook_id.not_in(full))
    return [(row[0], row[1]) for row in await session.execute(statement)]


async def _load_leased(session: AsyncSession, taken: list[UUID]) -> list[LeasedDelivery]:
    rows = await session.execute(
        select(
            _mine.id,
            _mine.attempts,
            _mine.webhook_id,
            WEBHOOKS.c.url,
            WEBHOOKS.c.audience,
            WEBHOOKS.c.sealed_secret,
            _mine.event_id,
            EVENTS.c.type,
            _mine.sequence,
            _mine.subject,
            EVENTS.c.envelope,
        )
        .join(WEBHOOKS, WEBHOOKS.c.id == _mine.webhook_id)
        .join(EVENTS, EVENTS.c.id == _mine.event_id)
        .where(_mine.id.in_(taken))
        .order_by(_mine.place)
    )
    return [LeasedDelivery(*row) for row in rows]


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
