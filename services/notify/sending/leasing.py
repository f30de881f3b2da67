"""Deliveries: who has which of those that are due in hand.

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

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import DELIVERIES
from services.notify.sending.due import find_due, find_due_webhooks
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
    # Those whose share is used up may all stand first; behind them come those that have room.
    most = room.total + len(room.in_hand) + len(room.slowed)
    due = {row.id: row for row in await find_due_webhooks(session, most, now)}
    allowance = await take_allowance(session, list(due.values()), now)
    shares = {
        webhook_id: min(share, allowance.get(webhook_id, share))
        for webhook_id, share in room.shares(list(due.values())).items()
    }
    taken = await find_due(session, shares, now)
    if allowance:
        used = Counter(row.webhook_id for row in taken)
        left = {webhook_id: most - used[webhook_id] for webhook_id, most in allowance.items()}
        await give_back_allowance(session, left)
    if not taken:
        return []
    await session.execute(
        update(DELIVERIES)
        .where(is_one_of(session, DELIVERIES.c.id, [row.id for row in taken]))
        .values(
            attempts=DELIVERIES.c.attempts + 1, lease_until=now + timedelta(seconds=lease_seconds)
        )
    )
    return await _with_messages(session, taken, due, endpoints, messages)


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
    .where(DELIVERIES.c.id == bindparam("delivery"), DELIVERIES.c.attempts == bindparam("number"))
    .values(attempts=DELIVERIES.c.attempts - 1, lease_until=None)
)
