"""Deliveries: which are due, and who has them in hand.

Invariants. Within one webhook and subject only the earliest unfinished delivery can be leased, if
the webhook wants order, so it never sees a record's older state after a newer one. A lease is worth
its attempt number: a worker that comes back late finds the number changed and cannot overwrite its
successor. Only the database's clock is asked, so workers' clocks may differ.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from services.notify.endpoints import Endpoint, EndpointBook
from services.notify.messages import Message, MessageBook
from services.notify.models import DELIVERIES, WEBHOOKS, Ordering, WebhookState
from services.notify.pace import give_back_allowance, take_allowance


@dataclass(frozen=True, slots=True)
class LeasedDelivery:
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


@dataclass(frozen=True, slots=True)
class Room:
    """How many deliveries a worker can take: in all, and of each webhook (more of quick ones)."""

    total: int
    per_webhook: int
    per_quick_webhook: int
    quick: Set[UUID]
    in_hand: Mapping[UUID, int]

    def of(self, webhook_id: UUID, most: int | None) -> int:
        """How many of one webhook may be in hand; `most`: as many at once as it wants."""
        if most is not None:
            return min(most, self.per_webhook)
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
_MAY_BE_SENT: ColumnElement[bool] = or_(
    WEBHOOKS.c.state == WebhookState.active.value,
    # What is not on the log is asked for by the owner: a challenge, a test.
    and_(
        _mine.place == 0,
        WEBHOOKS.c.state.in_([WebhookState.unverified.value, WebhookState.paused.value]),
    ),
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

    Skips what other workers hold. An endpoint whose share is used up is left out of the search, so
    its backlog, however long, does not hide what is due to others.
    """
    in_hand = dict(room.in_hand)
    full = {webhook for webhook, count in in_hand.items() if count >= room.of(webhook, None)}
    taken: dict[UUID, Any] = {}
    while len(taken) < room.total:
        # Not many more at a time than one webhook may have: its backlog may be all that is found.
        limit = min(room.total - len(taken), 2 * room.per_quick_webhook)
        found = await _find_due(session, full, limit, now)
        allowance = await take_allowance(session, found, now)
        chosen = {}
        for row in found:
            webhook_id = row.webhook_id
            count = in_hand.get(webhook_id, 0)
            allowed = allowance.get(webhook_id)
            if count >= room.of(webhook_id, row.requests_at_once) or allowed == 0:
                full.add(webhook_id)
                continue
            if allowed is not None:
                allowance[webhook_id] = allowed - 1
            in_hand[webhook_id] = count + 1
            chosen[row.id] = row
        await give_back_allowance(session, allowance)
        if chosen:
            await session.execute(
                update(DELIVERIES)
                .where(_mine.id.in_(chosen))
                .values(
                    attempts=_mine.attempts + 1, lease_until=now + timedelta(seconds=lease_seconds)
                )
            )
            taken |= chosen
        if len(found) < limit:
            break
    return await _with_messages(session, list(taken.values()), endpoints, messages)


async def _find_due(
    session: AsyncSession, full: set[UUID], limit: int, now: datetime
) -> Sequence[Any]:
    statement = (
        select(
            _mine.id,
            _mine.webhook_id,
            _mine.event_id,
            _mine.sequence,
            _mine.subject,
            _mine.attempts,
            _mine.attempts_before,
            WEBHOOKS.c.revision,
            WEBHOOKS.c.requests_at_once,
            WEBHOOKS.c.requests_per_second,
            WEBHOOKS.c.failing_since,
        )
        .join(WEBHOOKS, WEBHOOKS.c.id == _mine.webhook_id)
        .where(
            _mine.finished_at.is_(None),
            _mine.next_attempt_at <= now,
            or_(_mine.lease_until.is_(None), _mine.lease_until <= now),
            _MAY_BE_SENT,
            or_(WEBHOOKS.c.ordering == Ordering.fast.value, _FIRST_IN_LINE),
        )
        .order_by(_mine.next_attempt_at, _mine.place)
        .limit(limit)
        .with_for_update(of=DELIVERIES, skip_locked=True)
    )
    if full:
        statement = statement.where(_mine.webhook_id.not_in(full))
    return (await session.execute(statement)).all()


async def _with_messages(
    session: AsyncSession, rows: list[Any], endpoints: EndpointBook, messages: MessageBook
) -> list[LeasedDelivery]:
    if not rows:
        return []
    books = await endpoints.read(session, {row.webhook_id: row.revision for row in rows})
    wanted = {(row.event_id, books[row.webhook_id].audience) for row in rows}
    made = await messages.read(session, wanted)
    return [
        LeasedDelivery(
            id=row.id,
            number=row.attempts + 1,
            number_on_schedule=row.attempts + 1 - row.attempts_before,
            endpoint=books[row.webhook_id],
            is_failing=row.failing_since is not None,
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
