"""Attempts: writing down what came of them, each once and only by who still holds the lease."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.fan_out import insert_new
from services.notify.models import (
    ATTEMPTS,
    DELIVERIES,
    WEBHOOKS,
    DeliveryState,
    Ordering,
    WebhookState,
)
from services.notify.retries import Delivered, GaveUp, TryAgain
from services.notify.sending.attempted import Attempted, outcome_name
from services.notify.webhooks.health import note_outcomes
from services.notify.webhooks.verification import note_verified

_LONGEST_ERROR = 500


_mine = DELIVERIES.c


async def record_attempts(
    session: AsyncSession, attempted: Sequence[Attempted], now: datetime, notify_url: str
) -> None:
    """Write down what the attempts came to, those whose lease has been lost included.

    A lost lease leaves its attempt on record, and the delivery to whoever holds it now. Owners who
    are to be told something are told by events whose schemas are found at `notify_url`.
    """
    held_ids: set[UUID] = set()
    for values, ids in _by_outcome(attempted, now):
        held_ids |= await _keep_outcome(session, values, ids)
    held = [one for one in attempted if one.delivery.id in held_ids]
    there = held
    if len(held) < len(attempted):
        gone = {one.delivery.id for one in attempted} - held_ids
        found = set((await session.scalars(select(_mine.id).where(_mine.id.in_(gone)))).all())
        there = [one for one in attempted if one.delivery.id in held_ids | found]
    if there:
        await insert_new(session, ATTEMPTS, [_attempt_row(one) for one in there])
    await _wait_while_off(session, held)
    for one in held:
        await _let_followers_know(session, one, now)
    await note_verified(session, held, now)
    await note_outcomes(session, held, now, notify_url)


Ids = list[tuple[UUID, int]]
"""Deliveries with the numbers that their leases were worth."""


def _by_outcome(attempted: Sequence[Attempted], now: datetime) -> list[tuple[dict[str, Any], Ids]]:
    """What the deliveries come to be, those that come to the same together: most are delivered."""
    values: dict[tuple[Any, ...], dict[str, Any]] = {}
    ids: defaultdict[tuple[Any, ...], Ids] = defaultdict(list)
    for one in attempted:
        found = _delivery_values(one, now)
        key = tuple(found.values())
        values[key] = found
        ids[key].append((one.delivery.id, one.delivery.number))
    return [(values[key], ids[key]) for key in values]


async def _keep_outcome(session: AsyncSession, values: dict[str, Any], ids: Ids) -> set[UUID]:
    """Which of them were still held, and therefore changed."""
    changed = await session.scalars(
        update(DELIVERIES)
        .where(tuple_(_mine.id, _mine.attempts).in_(ids), _mine.finished_at.is_(None))
        .values(**values)
        .returning(_mine.id)
    )
    return set(changed.all())


def _delivery_values(one: Attempted, now: datetime) -> dict[str, Any]:
    outcome = one.outcome
    match outcome:
        case Delivered():
            state, error, next_at = DeliveryState.delivered, None, None
        case TryAgain():
            state, error = DeliveryState.failed, outcome.reason
            next_at = now + timedelta(seconds=outcome.after_seconds)
        case GaveUp():
            state, error, next_at = DeliveryState.dead, outcome.reason, None
    return {
        "state": state.value,
        "next_attempt_at": next_at,
        "finished_at": None if state is DeliveryState.failed else now,
        "last_status_code": one.answer.status_code,
        "last_error": None if error is None else error[:_LONGEST_ERROR],
        "lease_until": None,
    }


def _attempt_row(one: Attempted) -> dict[str, Any]:
    error = None if isinstance(one.outcome, Delivered) else one.outcome.reason[:_LONGEST_ERROR]
    return {
        "delivery_id": one.delivery.id,
        "number": one.delivery.number,
        "webhook_id": one.delivery.endpoint.id,
        "at": one.at,
        "milliseconds": one.milliseconds,
        "outcome": outcome_name(one.outcome),
        "status_code": one.answer.status_code,
        "error": error,
        "response_body": one.answer.body,
    }


async def _wait_while_off(session: AsyncSession, held: Sequence[Attempted]) -> None:
    """Take the time for another attempt from what failed for a webhook switched off meanwhile."""
    failed = [one.delivery.id for one in held if isinstance(one.outcome, TryAgain)]
    if not failed:
        return
    off = select(WEBHOOKS.c.id).where(
        WEBHOOKS.c.id == _mine.webhook_id, WEBHOOKS.c.state != WebhookState.active.value
    )
    await session.execute(
        update(DELIVERIES)
        .where(_mine.id.in_(failed), _mine.place > 0, exists(off))
        .values(next_attempt_at=None)
    )


async def _let_followers_know(session: AsyncSession, one: Attempted, now: datetime) -> None:
    """Keep what stands behind a failing delivery out of the search until it can be due.

    It spares the search for due deliveries a look at each of them; order does not depend on it.
    """
    delivery = one.delivery
    if delivery.endpoint.ordering is Ordering.fast:
        return
    if isinstance(one.outcome, TryAgain):
        at = now + timedelta(seconds=one.outcome.after_seconds)
        outdated = _mine.next_attempt_at < at
    elif delivery.number_on_schedule > 1:
        at, outdated = now, _mine.next_attempt_at > now
    else:
        return
    await session.execute(
        update(DELIVERIES)
        .where(
            _mine.webhook_id == delivery.endpoint.id,
            _mine.subject == delivery.subject,
            _mine.id != delivery.id,
            _mine.attempts == 0,
            _mine.finished_at.is_(None),
            outdated,
        )
        .values(next_attempt_at=at)
    )
