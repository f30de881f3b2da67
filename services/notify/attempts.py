"""Attempts: writing down what came of them, each once and only by who still holds the lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.deliveries import LeasedDelivery
from services.notify.fan_out import insert_new
from services.notify.models import ATTEMPTS, DELIVERIES, DeliveryState
from services.notify.retries import Answer, Delivered, GaveUp, Outcome, TryAgain
from services.notify.webhooks import disable_webhook

_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Attempted:
    """One attempt that was made, and what it came to."""

    delivery: LeasedDelivery
    at: datetime
    milliseconds: float
    answer: Answer
    outcome: Outcome


_mine = DELIVERIES.c


async def record_attempts(
    session: AsyncSession, attempted: Sequence[Attempted], now: datetime
) -> None:
    """Write down what the attempts came to, those whose lease has been lost included.

    A lost lease leaves its attempt on record, and the delivery to whoever holds it now.
    """
    ids = [one.delivery.id for one in attempted]
    rows = await session.execute(
        select(_mine.id, _mine.attempts, _mine.finished_at)
        .where(_mine.id.in_(ids))
        .order_by(_mine.id)
        .with_for_update()
    )
    current = {row.id: row for row in rows}
    there = [one for one in attempted if one.delivery.id in current]
    held = [
        one
        for one in there
        if current[one.delivery.id].attempts == one.delivery.number
        and current[one.delivery.id].finished_at is None
    ]
    if there:
        await insert_new(session, ATTEMPTS, [_attempt_row(one) for one in there])
    if held:
        await session.execute(_KEEP_OUTCOME, [_delivery_values(one, now) for one in held])
    for one in held:
        await _let_followers_know(session, one, now)
        if isinstance(one.outcome, GaveUp) and one.outcome.endpoint_gone:
            await disable_webhook(session, one.delivery.webhook_id, one.outcome.reason, now)


_KEEP_OUTCOME = (
    update(DELIVERIES)
    .where(_mine.id == bindparam("delivery"))
    .values(
        state=bindparam("to_state"),
        next_attempt_at=bindparam("next_at"),
        finished_at=bindparam("finished"),
        last_status_code=bindparam("status"),
        last_error=bindparam("error"),
        lease_until=None,
    )
)


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
        "delivery": one.delivery.id,
        "to_state": state.value,
        "next_at": next_at,
        "finished": None if state is DeliveryState.failed else now,
        "status": one.answer.status_code,
        "error": None if error is None else error[:_LONGEST_ERROR],
    }


def _attempt_row(one: Attempted) -> dict[str, Any]:
    error = None if isinstance(one.outcome, Delivered) else one.outcome.reason[:_LONGEST_ERROR]
    return {
        "delivery_id": one.delivery.id,
        "number": one.delivery.number,
        "at": one.at,
        "milliseconds": one.milliseconds,
        "outcome": outcome_name(one.outcome),
        "status_code": one.answer.status_code,
        "error": error,
        "response_body": one.answer.body,
    }


def outcome_name(outcome: Outcome) -> str:
    """The outcome as it is stored, logged and counted."""
    match outcome:
        case Delivered():
            return "delivered"
        case TryAgain():
            return "try_again"
        case GaveUp():
            return "gave_up"


async def _let_followers_know(session: AsyncSession, one: Attempted, now: datetime) -> None:
    """Keep what stands behind a failing delivery out of the search until it can be due.

    It spares the search for due deliveries a look at each of them; order does not depend on it.
    """
    if isinstance(one.outcome, TryAgain):
        at = now + timedelta(seconds=one.outcome.after_seconds)
        outdated = _mine.next_attempt_at < at
    elif one.delivery.number > 1:
        at, outdated = now, _mine.next_attempt_at > now
    else:
        return
    await session.execute(
        update(DELIVERIES)
        .where(
            _mine.webhook_id == one.delivery.webhook_id,
            _mine.subject == one.delivery.subject,
            _mine.id != one.delivery.id,
            _mine.attempts == 0,
            _mine.finished_at.is_(None),
            outdated,
        )
        .values(next_attempt_at=at)
    )
