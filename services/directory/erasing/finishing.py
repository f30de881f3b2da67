"""What an erasure leaves to be done behind it: on the stream, and in the database's files."""

from typing import Any

from redis.asyncio import Redis
from sqlalchemy import delete, select

from services.directory.models import erasure_table, outbox_table
from shared.databases import Database
from shared.log_follower import STREAM

_AT_ONCE = 1_000
_ERASURE = erasure_table.c


async def finish_erasures(database: Database, redis: Redis) -> int:
    """Delete from the stream what is older than an erasure that it has; how many erasures.

    Whoever reads the stream finds a hole there and asks for the events as the log has them now.
    The event of the erasure itself must have arrived first: from then on no older one can follow.
    An erasure is done when no file of the database has what it overwrote any more.

    Raises:
        redis.exceptions.RedisError: the broker is away; what is to be done stays written down.
    """
    async with database.reading() as session:
        waiting = (
            await session.execute(
                select(_ERASURE.outbox_id, _ERASURE.subject, outbox_table.c.sequence)
                .join(outbox_table, outbox_table.c.id == _ERASURE.outbox_id)
                .where(outbox_table.c.sequence.is_not(None))
                .order_by(_ERASURE.outbox_id)
            )
        ).all()
    if not waiting:
        return 0
    newest: Any = await redis.xrevrange(STREAM, count=1)
    last = int(newest[0][0].split(b"-")[0]) if newest else 0
    done = []
    for outbox_id, subject, sequence in waiting:
        if sequence > last:
            continue
        async with database.reading() as session:
            older = await session.scalars(
                select(outbox_table.c.sequence).where(
                    outbox_table.c.subject == subject, outbox_table.c.sequence < sequence
                )
            )
            ids = [f"{one}-0" for one in older]
        for first in range(0, len(ids), _AT_ONCE):
            await redis.xdel(STREAM, *ids[first : first + _AT_ONCE])
        done.append(outbox_id)
    if not done or not await database.drop_past():
        return 0
    async with database.transaction() as session:
        await session.execute(delete(erasure_table).where(_ERASURE.outbox_id.in_(done)))
    return len(done)
