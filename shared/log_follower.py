"""Following the directory's event log: every event once and in order, whatever happens to Redis.

The log is the directory's outbox; the Redis stream is only its fast path. A consumer keeps its own
position and commits it together with the effect of the events. So the follower needs no groups and
no acknowledgements: it reads from the position on, and wherever the stream has a hole, a foreign
log, an unreadable entry or nothing at all to say, it asks `GET /changes`, which has everything.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import orjson
import structlog
from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from shared.records import JsonObject
from shared.service_client import DirectoryClient

STREAM = "events:directory"
BATCH = 200
# Also how long a service may take to stop because of it.
_BLOCK_MILLISECONDS = 300
_SILENCE_SECONDS = 3.0
_TRIES = 3
_RETRY_SECONDS = (0.05, 0.5)
POSITION = Gauge("log_position", "Sequence up to which events took effect.")
LAG = Gauge("log_lag", "Events on the log that did not yet take effect, as last seen.")
SET_ASIDE = Counter("log_events_set_aside_total", "Events that could not be handled.")
_log = structlog.get_logger()


def _is_outage(error: Exception) -> bool:
    """Whether something we stand on is away, which is waited out, rather than the event bad."""
    if isinstance(error, IntegrityError | DataError):
        return False
    if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
        return False
    return isinstance(error, OSError | RedisError | httpx.HTTPError | SQLAlchemyError)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a consumer has come, and on which log: a restored directory may begin another."""

    log_id: str
    sequence: int


class Consumer(Protocol):
    """What the follower drives."""

    async def load_position(self) -> Position | None:
        """Where the consumer stands; None if it never began."""

    async def begin(self, reason: str) -> Position:
        """Begin from a snapshot or from now on, for `reason`, and say where that is."""

    async def apply(self, events: Sequence[JsonObject], position: Position) -> None:
        """Let `events` take effect and move to `position`, both or neither."""

    async def set_aside(self, event: JsonObject, error: str, position: Position) -> None:
        """Keep `event` with its error for a later replay, and move on to `position`."""


class LogFollower:
    """Feeds one consumer from the log."""

    def __init__(
        self,
        redis: Redis,
        directory: DirectoryClient,
        consumer: Consumer,
        *,
        position: Gauge = POSITION,
        lag: Gauge = LAG,
    ) -> None:
        """`position` and `lag` tell how far it is; a second follower of a process has its own."""
        self._redis = redis
        self._directory = directory
        self._consumer = consumer
        self._gauges = (position, lag)
        self._position: Position | None = None
        self._asked_at = float("-inf")
        self.head = 0

    @property
    def position(self) -> Position | None:
        """Where the consumer stands, as far as this process knows."""
        return self._position

    @property
    def lag(self) -> int:
        """How many events are known to be on the log and have not taken effect."""
        return max(0, self.head - (self._position.sequence if self._position else 0))

    async def step(self) -> int:
        """Let the next batch take effect; how many events it had."""
        if self._position is None:
            self._position = await self._consumer.load_position()
        if self._position is None:
            self._position = await self._consumer.begin("no position yet")
        position = self._position
        entries = await self._read_stream(position)
        silent = time.monotonic() > self._asked_at + _SILENCE_SECONDS
        if entries is None or (not entries and silent):
            entries = await self._ask_changes(position)
        if not entries:
            return 0
        await self._take_effect(position.log_id, entries)
        return len(entries)

    async def _read_stream(self, position: Position) -> list[JsonObject] | None:
        """The events that follow on `position`, or None where the stream cannot be relied on."""
        try:
            answer: Any = await self._redis.xread(
                {STREAM: f"{position.sequence}-0"}, count=BATCH, block=_BLOCK_MILLISECONDS
            )
        except RedisError as error:
            # Also 'UNBLOCKED the stream key no longer exists', when Redis is emptied under us.
            _log.warning("log.stream_unreadable", error=repr(error))
            await asyncio.sleep(0.05)
            return None
        entries = answer[0][1] if answer else []
        events: list[JsonObject] = []
        for entry_id, fields in entries:
            sequence = int(bytes(entry_id).split(b"-")[0])
            if fields.get(b"log_id", b"").decode() != position.log_id:
                return None
            if sequence != position.sequence + len(events) + 1:
                # What comes before the hole is good; the next step asks for the rest.
                return events or None
            try:
                events.append(orjson.loads(fields[b"event"]))
            except (KeyError, orjson.JSONDecodeError):
                return events or None
        if events:
            self._asked_at = time.monotonic()
            self.head = max(self.head, position.sequence + len(events))
        return events

    async def _ask_changes(self, position: Position) -> list[JsonObject]:
        answer = await self._directory.get("/changes", after=position.sequence, limit=BATCH)
        self._asked_at = time.monotonic()
        page = answer.json()
        if page["log_id"] != position.log_id or page["head"] < position.sequence:
            self._position = await self._consumer.begin(
                f"the directory's log is {page['log_id']} up to {page['head']}, we stood at "
                f"{position.sequence} of {position.log_id}"
            )
            return []
        self.head = page["head"]
        events: list[JsonObject] = page["items"]
        return events

    async def _take_effect(self, log_id: str, events: list[JsonObject]) -> None:
        last = Position(log_id, int(events[-1]["sequence"]))
        try:
            await self._consumer.apply(events, last)
            self._moved(last)
            return
        except Exception as error:
            if _is_outage(error):
                raise
            _log.warning("log.batch_failed", events=len(events), error=repr(error))
        for event in events:
            await self._take_effect_alone(event, Position(log_id, int(event["sequence"])))

    async def _take_effect_alone(self, event: JsonObject, position: Position) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                await self._consumer.apply([event], position)
                break
            except Exception as error:
                if _is_outage(error):
                    raise
                if attempt < _TRIES:
                    await asyncio.sleep(_RETRY_SECONDS[attempt - 1])
                    continue
                SET_ASIDE.inc()
                _log.error("log.event_set_aside", event_id=event.get("id"), error=repr(error))
                await self._consumer.set_aside(event, repr(error), position)
        self._moved(position)

    def _moved(self, position: Position) -> None:
        self._position = position
        self.head = max(self.head, position.sequence)
        position_gauge, lag_gauge = self._gauges
        position_gauge.set(position.sequence)
        lag_gauge.set(self.lag)
