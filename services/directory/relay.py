"""The relay: numbers the outbox and hands its events on to Redis.

Invariants. Sequences are contiguous and in the order of commits, because one relay at a time (a
lease in the same transaction) numbers committed rows. An append names its id and the id it follows
on, so a relay that died between append and bookkeeping, or one that lost its lease, can only repeat
what is there already. What Redis lost is appended again from the outbox.
"""

from typing import NamedTuple
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import BigInteger, bindparam, exists, func, select, update
from uuid_utils.compat import uuid7

from services.directory.models import EventLogRow, event_log_table, leases, outbox_table
from services.directory.outbox import with_sequence
from shared.databases import Database
from shared.leases import hold_lease, release_lease
from shared.log_follower import STREAM

LEASE_SECONDS = 5.0
BATCH = 500
# How much of the log an emptied stream is given back; consumers that stand before it ask /changes.
REFILL = 5_000

RELAYED = Counter("relay_events_total", "Events appended to the stream.")
HEAD = Gauge("log_head", "Last sequence of the log.")
BEHIND = Gauge("relay_behind", "Events on the log that the stream does not have yet.")
_log = structlog.get_logger()

_OUTBOX, _LOG = outbox_table.c, event_log_table.c
_WAITING = (
    select(_OUTBOX.id, func.row_number().over(order_by=_OUTBOX.id).label("place"))
    .where(_OUTBOX.sequence.is_(None))
    .order_by(_OUTBOX.id)
    .limit(BATCH)
    .subquery("waiting")
)
_NUMBER_WAITING = (
    update(outbox_table)
    .where(_OUTBOX.id == _WAITING.c.id)
    .values(sequence=bindparam("head", type_=BigInteger) + _WAITING.c.place)
)

# One statement, because it is asked many times a second.
_LOOK = select(_LOG.log_id, _LOG.head, exists().where(_OUTBOX.sequence.is_(None)))


class Log(NamedTuple):
    """Which log it is, and its last sequence."""

    log_id: UUID
    head: int


# KEYS: stream. ARGV: log id, length to keep, sequence to follow on (-1: only look),
# then pairs of sequence and event. Answers with the stream's last sequence afterwards. A
# stream of another log cannot be continued and is begun anew.
_COMPARE_AND_APPEND = """
local last = 0
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if newest[1] then
  last = tonumber(string.match(newest[1][1], '^%d+'))
  local fields, log_id = newest[1][2], ''
  for i = 1, #fields, 2 do
    if fields[i] == 'log_id' then log_id = fields[i + 1] end
  end
  if log_id ~= ARGV[1] then
    redis.call('DEL', KEYS[1])
    last = 0
  end
else
  redis.call('DEL', KEYS[1])
end
local follows = tonumber(ARGV[3])
if follows < 0 or (last ~= 0 and last ~= follows) then return last end
for i = 4, #ARGV, 2 do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], ARGV[i] .. '-0',
             'event', ARGV[i + 1], 'log_id', ARGV[1])
  last = tonumber(ARGV[i])
end
return last
"""


class Relay:
    """One process's relay; it works while it holds the lease."""

    def __init__(self, database: Database, redis: Redis, stream_length: int) -> None:
        self._database = database
        self._redis = redis
        self._append = redis.register_script(_COMPARE_AND_APPEND)
        self._stream_length = stream_length
        self._holder = str(uuid7())
        self._appended: int | None = None
        self._look_again = False
        self._redis_is_away = False

    async def step(self) -> int:
        """Number what is new and append it; how many events were appended."""
        if self._look_again:
            self._look_again, self._appended = False, None
        log = await self._number()
        if log is None:
            return 0
        HEAD.set(log.head)
        try:
            appended = await self._catch_up(log.log_id, log.head)
        except RedisError as error:
            # Consumers ask /changes meanwhile; the log itself is safe in the database.
            if not self._redis_is_away:
                _log.warning("relay.redis_away", error=repr(error), head=log.head)
            self._redis_is_away, self._appended = True, None
            return 0
        if self._redis_is_away:
            _log.info("relay.redis_back", head=log.head)
        self._redis_is_away = False
        BEHIND.set(log.head - (self._appended or 0))
        return appended

    async def look(self) -> int:
        """Forget what Redis was seen to have, so that the next step finds out if it was emptied."""
        # Noted only: a step may be under way, and it goes by what it has appended itself.
        self._look_again = True
        return 0

    async def end(self) -> None:
        """Let another process relay at once."""
        async with self._database.transaction() as session:
            await release_lease(session, leases, "relay", self._holder)

    async def _number(self) -> Log | None:
        """Number what is new. The log as it then is; None while another relay holds the lease."""
        async with self._database.reading() as session:
            log_id, head, is_waiting = (await session.execute(_LOOK)).one()
        if not is_waiting and self._appended == head:
            return Log(log_id, head)
        async with self._database.transaction() as session:
            if not await hold_lease(session, leases, "relay", self._holder, LEASE_SECONDS):
                return None
            found = await session.execute(select(EventLogRow).with_for_update())
            log = found.scalar_one()
            numbered = await session.execute(_NUMBER_WAITING, {"head": log.head})
            log.head += numbered.rowcount  # type: ignore[attr-defined]
        return Log(log.log_id, log.head)

    async def _catch_up(self, log_id: UUID, head: int) -> int:
        """Append what the stream lacks; how many events that were."""
        if self._appended is None:
            self._appended = await self._run(log_id, -1, [])
            if self._appended > head:
                # The database was restored from a backup: its log goes on from an earlier place.
                _log.warning("relay.stream_ahead", stream=self._appended, head=head)
                await self._redis.delete(STREAM)
                self._appended = 0
            if self._appended == 0:
                self._appended = max(0, head - REFILL)
        total = 0
        while self._appended < head:
            async with self._database.reading() as session:
                rows = (
                    await session.execute(
                        select(outbox_table.c.sequence, outbox_table.c.event)
                        .where(outbox_table.c.sequence > self._appended)
                        .order_by(outbox_table.c.sequence)
                        .limit(BATCH)
                    )
                ).all()
            entries = [(sequence, with_sequence(event, sequence)) for sequence, event in rows]
            last = await self._run(log_id, self._appended, entries)
            if last != entries[-1][0]:
                # Somebody else appended, or Redis was emptied in between: look and go on.
                self._appended = last if last else max(0, head - REFILL)
                continue
            self._appended = last
            total += len(entries)
            RELAYED.inc(len(entries))
        return total

    async def _run(self, log_id: UUID, follows: int, entries: list[tuple[int, bytes]]) -> int:
        arguments: list[str | int | bytes] = [str(log_id), self._stream_length, follows]
        for sequence, event in entries:
            arguments += [sequence, event]
        return int(await self._append(keys=[STREAM], args=arguments))
