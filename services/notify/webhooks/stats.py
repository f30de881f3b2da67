"""How a webhook fares in figures: what its attempts came to, how long they took, what waits.

The work is bounded: at most so many of the newest attempts and of the oldest deliveries are looked
at, and the answer says so where there are more.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import ATTEMPTS, DELIVERIES, DeliveryState, WebhookState
from services.notify.webhooks.registering import find_webhook
from shared.leases import database_time
from shared.tokens import Caller

MOST_ATTEMPTS = 10_000
MOST_DELIVERIES = 100_000


class Latency(BaseModel):
    """How long attempts took, in milliseconds."""

    p50: float = Field(description="Half of them took at most so long.")
    p95: float = Field(description="Nineteen of twenty took at most so long.")
    p99: float = Field(description="All but one of a hundred took at most so long.")


class Backlog(BaseModel):
    """What waits to be sent."""

    count: int = Field(
        description=f"Deliveries that wait; at most {MOST_DELIVERIES:,} are counted."
    )
    is_complete: bool = Field(description="Whether all of them were counted.")
    oldest_seconds: float | None = Field(
        description="Age of the oldest of them in seconds; null if none waits."
    )
    next_attempt_at: datetime | None = Field(
        description="When the next attempt is due; null if none is, as while the webhook is off."
    )


class WebhookStats(BaseModel):
    """A webhook in figures."""

    hours: int = Field(description="The hours up to now in which attempts are counted.")
    attempts: int = Field(
        description=f"Attempts in these hours; at most the newest {MOST_ATTEMPTS:,} are looked at."
    )
    is_complete: bool = Field(description="Whether all attempts of these hours were looked at.")
    delivered: int = Field(description="How many of them were taken.")
    success_rate: float | None = Field(description="That part of them, 0 to 1; null without any.")
    latency_milliseconds: Latency | None = Field(description="Of these attempts; null without any.")
    deliveries: dict[DeliveryState, int] = Field(
        description="Deliveries by state: those that wait and those given up, as far as they are "
        f"kept (at most {MOST_DELIVERIES:,} counted), and the attempts above that delivered."
    )
    backlog: Backlog = Field(description="What waits to be sent.")
    state: WebhookState = Field(description="The webhook's state.")
    failing_since: datetime | None = Field(
        description="Since when no attempt has succeeded; null if the last one did."
    )


async def read_stats(
    session: AsyncSession, webhook_id: UUID, caller: Caller, hours: int
) -> WebhookStats:
    """The webhook in figures.

    Raises:
        WebhookNotFound: it is not the caller's.
    """
    webhook = await find_webhook(session, webhook_id, caller)
    now = await database_time(session)
    columns = ATTEMPTS.c
    rows: Any = await session.execute(
        select(columns.milliseconds, columns.outcome)
        .where(columns.webhook_id == webhook_id, columns.at >= now - timedelta(hours=hours))
        .order_by(columns.at.desc())
        .limit(MOST_ATTEMPTS + 1)
    )
    found = rows.all()
    attempts = found[:MOST_ATTEMPTS]
    delivered = sum(attempt.outcome == "delivered" for attempt in attempts)
    states = await _count_states(session, webhook_id)
    return WebhookStats(
        hours=hours,
        attempts=len(attempts),
        is_complete=len(found) <= MOST_ATTEMPTS,
        delivered=delivered,
        success_rate=round(delivered / len(attempts), 4) if attempts else None,
        latency_milliseconds=_latency([attempt.milliseconds for attempt in attempts]),
        deliveries={**states, DeliveryState.delivered: delivered},
        backlog=await _read_backlog(session, webhook_id, now),
        state=WebhookState(webhook.state),
        failing_since=webhook.failing_since,
    )


def _latency(milliseconds: Sequence[float]) -> Latency | None:
    if not milliseconds:
        return None
    ordered = sorted(milliseconds)

    def at(part: float) -> float:
        return ordered[max(0, math.ceil(part * len(ordered)) - 1)]

    return Latency(p50=at(0.5), p95=at(0.95), p99=at(0.99))


async def _count_states(session: AsyncSession, webhook_id: UUID) -> dict[DeliveryState, int]:
    columns = DELIVERIES.c
    some = (
        select(columns.state)
        .where(columns.webhook_id == webhook_id, columns.state != literal_column("'delivered'"))
        .order_by(columns.id)
        .limit(MOST_DELIVERIES)
        .subquery()
    )
    rows = await session.execute(select(some.c.state, func.count()).group_by(some.c.state))
    counted = {DeliveryState(state): count for state, count in rows}
    return {state: counted.get(state, 0) for state in DeliveryState}


async def _read_backlog(session: AsyncSession, webhook_id: UUID, now: datetime) -> Backlog:
    columns = DELIVERIES.c
    waiting = (columns.webhook_id == webhook_id, columns.finished_at.is_(None))
    some = select(columns.id).where(*waiting).limit(MOST_DELIVERIES + 1).subquery()
    count = await session.scalar(select(func.count()).select_from(some)) or 0
    oldest = await session.scalar(
        select(columns.created_at)
        # Written out as the index has it that is in the order of time.
        .where(*waiting, columns.state != literal_column("'delivered'"))
        .order_by(columns.id)
        .limit(1)
    )
    soonest = await session.scalar(
        select(columns.next_attempt_at)
        .where(*waiting, columns.next_attempt_at.is_not(None))
        .order_by(columns.next_attempt_at)
        .limit(1)
    )
    return Backlog(
        count=min(count, MOST_DELIVERIES),
        is_complete=count <= MOST_DELIVERIES,
        oldest_seconds=None if oldest is None else max(0.0, (now - oldest).total_seconds()),
        next_attempt_at=soonest,
    )
