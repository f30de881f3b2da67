"""Forgetting contact points that the directory has erased, wherever notify has kept them."""

from collections.abc import Sequence
from uuid import UUID

import orjson
from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import ATTEMPTS, DEAD_EVENTS, DELIVERIES, EVENTS, MAIL, POSITIONS
from shared.databases import Database
from shared.erasing import CONTACT_ERASED, with_contact_points_forgotten
from shared.records import JsonObject

_ERROR = "what was wrong is not kept, because contact points were erased from the event"


async def heed_erasures(session: AsyncSession, events: Sequence[JsonObject]) -> None:
    """Forget what those of `events` say that are erasures, in earlier events and what came of them.

    What is still owed is sent without it. `events` themselves have been kept already.
    """
    for event in events:
        if event["type"] == CONTACT_ERASED and event["data"]["contact_point_ids"]:
            await _forget(session, event["subject"], event["data"]["contact_point_ids"])
            await session.execute(update(POSITIONS).values(erasures=POSITIONS.c.erasures + 1))


class PastFiles:
    """Sees to it that no file of the database keeps what an erasure has overwritten."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Where nothing was ever erased there is no past to drop, at the start either.
        self._seen = 0

    async def step(self) -> int:
        """Drop the past, where there was an erasure since; again and again until that is done."""
        async with self._database.reading() as session:
            erasures = await session.scalar(select(POSITIONS.c.erasures)) or 0
        if erasures != self._seen and await self._database.drop_past():
            self._seen = erasures
        return 0


async def _forget(session: AsyncSession, subject: str, ids: Sequence[str]) -> None:
    events, has_one = EVENTS.c, or_(*(EVENTS.c.envelope.contains(one) for one in ids))
    found = select(events.id, events.envelope).where(events.subject == subject, has_one)
    for event_id, envelope in (await session.execute(found)).all():
        left = with_contact_points_forgotten(orjson.loads(envelope), ids)
        await session.execute(
            update(EVENTS).where(events.id == event_id).values(envelope=orjson.dumps(left).decode())
        )
        # Some endpoints answer with what they were sent.
        deliveries = select(DELIVERIES.c.id).where(DELIVERIES.c.event_id == event_id)
        await session.execute(
            update(ATTEMPTS)
            .where(ATTEMPTS.c.delivery_id.in_(deliveries))
            .values(response_body=None, error=None)
        )
    mine = MAIL.c.contact_point_id.in_([UUID(one) for one in ids])
    await session.execute(delete(MAIL).where(mine))
    dead = DEAD_EVENTS.c
    set_aside = select(dead.id, dead.envelope).where(
        or_(*(dead.envelope.contains(one) for one in ids))
    )
    for dead_id, envelope in (await session.execute(set_aside)).all():
        left = with_contact_points_forgotten(orjson.loads(envelope), ids)
        await session.execute(
            update(DEAD_EVENTS)
            .where(dead.id == dead_id)
            .values(envelope=orjson.dumps(left).decode(), error=_ERROR)
        )
