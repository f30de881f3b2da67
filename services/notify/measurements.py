"""What ops watch of the queues: how much is in each, and how long the oldest has been waiting."""

from prometheus_client import Gauge
from sqlalchemy import func, select, text

from services.notify.deliveries.replays import UNDER_WAY
from services.notify.models import (
    DEAD_EVENTS,
    DELIVERIES,
    REPLAYS,
    WEBHOOKS,
    DeliveryState,
    WebhookState,
)
from shared.databases import Database
from shared.leases import database_time

DELIVERIES_BY_STATE = Gauge(
    "webhook_deliveries", "Deliveries that are not delivered, by state.", ["state"]
)
OLDEST_SECONDS = Gauge(
    "webhook_oldest_unfinished_seconds", "Age of the oldest delivery that is not finished."
)
REPLAYS_UNDER_WAY = Gauge("webhook_replays_under_way", "Replays that are not at their end.")
DEAD_EVENTS_WAITING = Gauge("notify_dead_events", "Events set aside that nobody has replayed.")
WEBHOOKS_BY_STATE = Gauge("webhooks", "Webhooks by state.", ["state"])
_OPEN = (DeliveryState.pending, DeliveryState.failed)


async def measure_deliveries(database: Database) -> int:
    """Count what is not delivered. Always 0, so that its loop pauses after each look."""
    columns = DELIVERIES.c
    async with database.reading() as session:
        now = await database_time(session)
        rows = await session.execute(
            # Written as the index has it; delivered ones are millions and are counted as attempts.
            select(columns.state, func.count(), func.min(columns.created_at))
            .where(text("state <> 'delivered'"))
            .group_by(columns.state)
        )
        found = {state: (count, oldest) for state, count, oldest in rows}
    for state in (*_OPEN, DeliveryState.dead):
        DELIVERIES_BY_STATE.labels(state.value).set(found.get(state.value, (0, None))[0])
    ages = [found[state.value][1] for state in _OPEN if state.value in found]
    OLDEST_SECONDS.set((now - min(ages)).total_seconds() if ages else 0)
    return 0


async def measure_others(database: Database) -> int:
    """Count replays, dead events and webhooks. Always 0."""
    async with database.reading() as session:
        replays = await session.scalar(
            select(func.count()).select_from(REPLAYS).where(REPLAYS.c.state.in_(UNDER_WAY))
        )
        dead_events = await session.scalar(
            select(func.count()).select_from(DEAD_EVENTS).where(DEAD_EVENTS.c.replayed_at.is_(None))
        )
        rows = await session.execute(
            select(WEBHOOKS.c.state, func.count()).group_by(WEBHOOKS.c.state)
        )
        webhooks = {row.state: row[1] for row in rows}
    REPLAYS_UNDER_WAY.set(replays or 0)
    DEAD_EVENTS_WAITING.set(dead_events or 0)
    for state in WebhookState:
        WEBHOOKS_BY_STATE.labels(state.value).set(webhooks.get(state.value, 0))
    return 0
