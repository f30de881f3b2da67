"""Events that could not be handled: set aside, listed, and replayed when the secretariat asks."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import cast

import orjson
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, delete, select, update
from uuid_utils.compat import uuid7

from services.search.models import DeadEvent, DeadEventList, DeadEventRead, DeadEventState
from shared.databases import insert_into
from shared.log_follower import Position
from shared.paging import decode_cursor, encode_cursor
from shared.problems import NotFound
from shared.records import JsonObject

_REPLAY_BATCH = 50


class NoSuchDeadEvent(NotFound):
    """There is no event with this id among those set aside."""


async def keep_dead_event(
    session: AsyncSession, event: JsonObject, error: str, position: Position
) -> None:
    """Keep `event` for a replay; a repeat for the same place on the log changes nothing."""
    await session.execute(
        insert_into(session, DeadEvent)
        .values(
            id=str(uuid7()),
            log_id=position.log_id,
            sequence=position.sequence,
            event_type=str(event.get("type", ""))[:100],
            subject=str(event.get("subject", ""))[:100],
            event=orjson.dumps(event).decode(),
            error=error,
            set_aside_at=datetime.now(UTC),
        )
        .on_conflict_do_nothing()
    )


async def find_dead_events(
    session: AsyncSession, *, limit: int, cursor: str | None
) -> DeadEventList:
    """A page of the events set aside, the newest first."""
    query = select(DeadEvent).order_by(col(DeadEvent.id).desc()).limit(limit + 1)
    if cursor is not None:
        (after,) = decode_cursor(cursor, str)
        query = query.where(col(DeadEvent.id) < after)
    rows = list((await session.execute(query)).scalars())
    following = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return DeadEventList(items=[read_dead_event(row) for row in rows[:limit]], next=following)


async def request_replay(session: AsyncSession, dead_event_id: str) -> DeadEventRead:
    """Note that the event is to be tried again; the worker does it at its next step.

    Raises:
        NoSuchDeadEvent: it is not among those set aside.
    """
    row = await session.get(DeadEvent, dead_event_id)
    if row is None:
        raise NoSuchDeadEvent(
            "No event with this id was set aside. GET /search/dead-events lists those that were."
        )
    row.replay_requested_at = datetime.now(UTC)
    row.replayed_at = None
    session.add(row)
    return read_dead_event(row)


async def find_replays(session: AsyncSession) -> list[DeadEvent]:
    """Events to be tried again now, in the order of the log."""
    query = (
        select(DeadEvent)
        .where(col(DeadEvent.replay_requested_at).is_not(None))
        .order_by(col(DeadEvent.sequence))
        .limit(_REPLAY_BATCH)
    )
    return list((await session.execute(query)).scalars())


async def find_replayed(
    session: AsyncSession, log_id: str, known: Collection[str]
) -> list[DeadEvent]:
    """Events of a log that were replayed, by whichever replica, without the `known` ids."""
    query = select(DeadEvent.id).where(
        col(DeadEvent.replayed_at).is_not(None), col(DeadEvent.log_id) == log_id
    )
    ids = [found for found in (await session.execute(query)).scalars() if found not in known]
    if not ids:
        return []
    wanted = col(DeadEvent.id).in_(ids[:_REPLAY_BATCH])
    events = select(DeadEvent).where(wanted).order_by(col(DeadEvent.sequence))
    return list((await session.execute(events)).scalars())


async def note_replay(session: AsyncSession, dead_event_id: str, error: str | None) -> None:
    """Write down how a replay went."""
    outcome = {"replayed_at": datetime.now(UTC)} if error is None else {"error": error}
    await session.execute(
        update(DeadEvent)
        .where(col(DeadEvent.id) == dead_event_id)
        .values(replay_requested_at=None, **outcome)
    )


async def forget_dead_events(session: AsyncSession, subject: str, sequence: int) -> int:
    """Forget those about a record from before `sequence`, whose event has all that it is since.

    Returns:
        How many there were.
    """
    gone = await session.execute(
        delete(DeadEvent)
        .where(col(DeadEvent.subject) == subject, col(DeadEvent.sequence) < sequence)
        .returning(col(DeadEvent.id))
    )
    return len(gone.all())


def read_dead_event(row: DeadEvent) -> DeadEventRead:
    """The row as it is answered."""
    state = "set_aside"
    if row.replay_requested_at is not None:
        state = "replay_requested"
    elif row.replayed_at is not None:
        state = "replayed"
    return DeadEventRead(
        id=row.id,
        state=cast(DeadEventState, state),
        log_id=row.log_id,
        sequence=row.sequence,
        event_type=row.event_type,
        subject=row.subject,
        error=row.error,
        set_aside_at=row.set_aside_at,
        event=orjson.loads(row.event),
    )
