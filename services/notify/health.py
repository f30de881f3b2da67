"""How an endpoint fares: since when it has failed, and what follows from that."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.attempted import Attempted
from services.notify.models import WEBHOOKS, WebhookState
from services.notify.retries import Delivered, GaveUp
from services.notify.switching import switch_off


async def note_outcomes(session: AsyncSession, held: Sequence[Attempted], now: datetime) -> None:
    """Keep what the attempts say of their endpoints: since when each fails, or that it is gone."""
    succeeded = {one.delivery.endpoint.id for one in held if isinstance(one.outcome, Delivered)}
    failed = {one.delivery.endpoint.id for one in held} - succeeded
    was_failing = {one.delivery.endpoint.id for one in held if one.delivery.is_failing}
    if recovered := succeeded & was_failing:
        await session.execute(
            update(WEBHOOKS)
            .where(WEBHOOKS.c.id.in_(recovered))
            .values(failing_since=None, told_failing_at=None)
        )
    if newly := failed - was_failing:
        await session.execute(
            update(WEBHOOKS)
            .where(WEBHOOKS.c.id.in_(newly), WEBHOOKS.c.failing_since.is_(None))
            .values(failing_since=now)
        )
    for one in held:
        if isinstance(one.outcome, GaveUp) and one.outcome.endpoint_gone:
            await switch_off(
                session, one.delivery.endpoint.id, WebhookState.disabled, one.outcome.reason, now
            )
