"""What ops watch: deliveries that are not delivered, and how long the oldest has been waiting."""

from prometheus_client import Gauge
from sqlalchemy import func, select, text

from services.notify.models import DELIVERIES, DeliveryState
from shared.databases import Database
from shared.leases import database_time

DELIVERIES_BY_STATE = Gauge(
    "webhook_deliveries", "Deliveries that are not delivered, by state.", ["state"]
)
OLDEST_SECONDS = Gauge(
    "webhook_oldest_unfinished_seconds", "Age of the oldest delivery that is not finished."
)
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
