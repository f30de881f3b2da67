"""Switching webhooks on and off. What a webhook is owed while it is off waits until it is on."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from services.notify.fan_out import OWED
from services.notify.models import DELIVERIES, WEBHOOKS, WebhookState

_LONGEST_REASON = 500


async def switch_off(
    session: AsyncSession,
    webhook_id: UUID,
    state: WebhookState,
    reason: str,
    now: datetime,
    *only_if: ColumnElement[bool],
) -> bool:
    """Send no more to the webhook, `only_if` its row is so; whether this changed its state.

    What stands in line at a worker is given back, because its revision counts up. Its deliveries
    lose their time for an attempt: the search for due ones must not walk through what waits for a
    webhook that is off.
    """
    columns = WEBHOOKS.c
    changed = await session.scalars(
        update(WEBHOOKS)
        .where(columns.id == webhook_id, columns.state != state.value, *only_if)
        .values(
            state=state.value,
            state_reason=reason[:_LONGEST_REASON],
            disabled_at=now if state is WebhookState.disabled else None,
            revision=columns.revision + 1,
        )
        .returning(columns.id)
    )
    if changed.first() is None:
        return False
    await session.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.webhook_id == webhook_id, DELIVERIES.c.finished_at.is_(None))
        .values(next_attempt_at=None)
    )
    return True


async def switch_on(session: AsyncSession, webhook_ids: Collection[UUID], now: datetime) -> None:
    """Send to these webhooks from now on, first what waits for them."""
    await session.execute(
        update(WEBHOOKS)
        .where(WEBHOOKS.c.id.in_(webhook_ids))
        .values(
            state=WebhookState.active.value,
            state_reason=None,
            disabled_at=None,
            failing_since=None,
            told_failing_at=None,
        )
    )
    await session.execute(
        update(DELIVERIES)
        .where(
            DELIVERIES.c.webhook_id.in_(webhook_ids),
            DELIVERIES.c.finished_at.is_(None),
            DELIVERIES.c.next_attempt_at.is_(None),
        )
        .values(next_attempt_at=now)
    )
    session.info[OWED] = True
