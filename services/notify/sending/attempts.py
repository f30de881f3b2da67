"""Attempts: writing down what came of them, each once and only by who still holds the lease."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

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
from shared.databases import is_one_of
from shared.many_rows import insert_new_rows

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
    for number, values, ids in _by_outcome(attempted, now):
        held_ids |= await _keep_outcome(session, number, values, ids)
    held = [one for one in attempted if one.delivery.id in held_ids]
    there = held
    if len(held) < len(attempted):
        gone = {one.delivery.id for one in attempted} - held_ids
        found = set((await session.scalars(select(_mine.id).where(_mine.id.in_(gone)))).all())
        there = [one for one in attempted if one.delivery.id in held_ids | found]
    if there:
        await insert_new_rows(session, ATTEMPTS, [_attempt_row(one) for one in there])
    await _wait_while_off(session, held)
    for one in held:
        await _let_followers_know(session, one, now)
    await note_verified(session, held, now)
    await note_outcomes(session, held, now, notify_url)


_Alike = tuple[int, dict[str, Any], set[UUID]]
"""Deliveries that come to be the same, and the number that their leases were worth."""


def _by_outcome(attempted: Sequence[Attempted], now: datetime) -> Iterable[_Alike]:
    """What the deliveries come to be, those that come to the same together: most are delivered."""
    alike: dict[tuple[Any, ...], _Alike] = {}
    for one in attempted:
        number, values = one.delivery.number, _delivery_values(one, now)
        found = alike.setdefault((number, *values.values()), (number, values, set()))
        found[2].add(one.delivery.id)
    return alike.values()


async def _keep_outcome(
    session: AsyncSession, number: int, values: dict[str, Any], ids: set[UUID]
) -> set[UUID]:
    """Which of them were still held, and therefore changed."""
    mine = (is_one_of(session, _mine.id, ids), _mine.attempts == number)
    changed: Any = await session.execute(
        update(DELIVERIES).where(*mine, _mine.finished_at.is_(None)).values(**values)
    )
    if changed.rowcount == len(ids):
        return ids
    # Nearly never. What was written has this very moment in it, so nobody else's looks like it.
    as_written = (_mine[name].is_not_distinct_from(value) for name, value in values.items())
    return set(await session.scalars(select(_mine.id).where(*mine, *as_written)))


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
