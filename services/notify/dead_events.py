"""Events that could not be fanned out: kept with their error, listed, and replayed by hand."""

from collections.abc import Sequence
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.consumer import lock_position
from services.notify.fan_out import fan_out
from services.notify.models import DEAD_EVENTS, DeadEventRow
from shared.leases import database_time
from shared.paging import PageParameters
from shared.problems import NotFound, Problem


class DeadEventNotFound(NotFound):
    """No event of this id was set aside."""

    title, kind = "No such event", "dead-event-not-found"


class StillFails(Problem):
    """The event cannot be fanned out by this version either."""

    status, title, kind = 409, "The event still cannot be handled", "event-still-fails"


async def list_dead_events(session: AsyncSession, asked: PageParameters) -> Sequence[DeadEventRow]:
    """The events set aside, in that order, one more than a page."""
    statement = select(DeadEventRow).order_by(DEAD_EVENTS.c.id).limit(asked.limit + 1)
    if asked.after is not None:
        statement = statement.where(DEAD_EVENTS.c.id > asked.after)
    return (await session.execute(statement)).scalars().all()


async def replay_dead_event(session: AsyncSession, dead_event_id: UUID) -> DeadEventRow:
    """Fan the event out after all, behind everything that was fanned out since.

    Raises:
        DeadEventNotFound: there is none of this id.
        StillFails: it raises again.
    """
    # Every writer takes the position first, so that two of them never wait for each other.
    position = await lock_position(session)
    dead_event = await session.get(DeadEventRow, dead_event_id, with_for_update=True)
    if dead_event is None or position is None:
        raise DeadEventNotFound("GET /notify/dead-events lists the events that were set aside.")
    if dead_event.replayed_at is not None:
        return dead_event
    now = await database_time(session)
    try:
        await fan_out(session, [orjson.loads(dead_event.envelope)], position.last_place, now)
    except Exception as error:
        # Whatever it is about the event: the same error that the log's follower set it aside for.
        raise StillFails(
            f"It was tried again and failed: {error!r}. It stays set aside; upgrade notify first."
        ) from error
    position.last_place += 1
    dead_event.replayed_at = now
    return dead_event
