"""Notify as a consumer of the directory's log: effect and position in one transaction.

The lease makes one replica do the work; what makes the work happen once is the position's row,
which is locked, compared and moved in the same transaction.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import orjson
import structlog
from redis.asyncio import Redis
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.notify.accounts import confirm_accounts, doubt_accounts
from services.notify.fan_out import fan_out
from services.notify.models import POSITIONS, DeadEventRow, PositionRow, leases
from services.notify.topics import learn_topics
from services.notify.worker_lease import WorkerLease
from shared.databases import Database
from shared.leases import database_time, hold_lease
from shared.log_follower import LogFollower, Position
from shared.many_rows import insert_new_rows
from shared.problems import Unavailable
from shared.records import JsonObject
from shared.service_client import DirectoryClient

LEASE = "fan_out"
LEASE_SECONDS = 5.0
_WAIT_FOR_TURN_SECONDS = 0.25
_ONLY_ROW = 1
_log = structlog.get_logger()


class NotOurTurn(ConnectionError):
    """Another replica fans out now. A ConnectionError, so that no event is blamed for it."""


class FanOutConsumer:
    """What the log's follower drives."""

    def __init__(self, database: Database, directory: DirectoryClient, holder: str) -> None:
        self._database = database
        self._directory = directory
        self._holder = holder

    async def load_position(self) -> Position | None:
        """Where the fan-out stands; None if it never began."""
        await confirm_accounts(self._database, self._directory)
        async with self._database.reading() as session:
            row = await session.get(PositionRow, _ONLY_ROW)
            return None if row is None else Position(row.log_id, row.sequence)

    async def begin(self, reason: str) -> Position:
        """Begin with what happens from now on: nobody was promised anything before."""
        position = await begin_at_head(self._database, self._directory)
        await confirm_accounts(self._database, self._directory)
        _log.info("fan_out.began", reason=reason, log=position.log_id, sequence=position.sequence)
        return position

    async def apply(self, events: Sequence[JsonObject], position: Position) -> None:
        """Owe `events` to whoever wants them and move to `position`, both or neither."""
        async with self._database.transaction() as session:
            row = await self._our_position(session, position)
            fresh = [event for event in events if event["sequence"] > row.sequence]
            if fresh:
                now = await database_time(session)
                await fan_out(session, fresh, row.last_place, now)
                _move(row, position, len(fresh))

    async def set_aside(self, event: JsonObject, error: str, position: Position) -> None:
        """Keep `event` with its error for a later replay, and move on to `position`."""
        async with self._database.transaction() as session:
            row = await self._our_position(session, position)
            if position.sequence > row.sequence:
                session.add(
                    DeadEventRow(
                        id=uuid7(),
                        log_id=position.log_id,
                        sequence=position.sequence,
                        type=str(event.get("type"))[:100],
                        error=error,
                        envelope=orjson.dumps(event).decode(),
                        set_aside_at=await database_time(session),
                    )
                )
                _move(row, position, 0)

    async def _our_position(self, session: AsyncSession, position: Position) -> PositionRow:
        if not await hold_lease(session, leases, LEASE, self._holder, LEASE_SECONDS):
            raise NotOurTurn("another replica holds the fan-out")
        row = await lock_position(session)
        if row is None or row.log_id != position.log_id:
            raise NotOurTurn("another replica has begun another log")
        return row


def _move(row: PositionRow, position: Position, places: int) -> None:
    row.sequence = position.sequence
    row.last_place += places


async def lock_position(session: AsyncSession) -> PositionRow | None:
    """The position, locked until the transaction ends; None if the fan-out never began."""
    found: PositionRow | None = (
        await session.execute(select(PositionRow).with_for_update())
    ).scalar_one_or_none()
    return found


async def begin_at_head(database: Database, directory: DirectoryClient) -> Position:
    """Put the position at the end of the directory's log, unless it stands on that log already.

    Raises:
        httpx.HTTPError: the directory does not answer.
    """
    page: dict[str, Any] = (await directory.get("/changes", after=0, limit=1)).json()
    head = {"log_id": page["log_id"], "sequence": page["head"]}
    async with database.transaction() as session:
        first = {"id": _ONLY_ROW, "last_place": 0, "erasures": 0, **head}
        await insert_new_rows(session, POSITIONS, [first])
        row = await lock_position(session)
        if row is None:
            raise NotOurTurn("the position was taken away")
        if row.log_id != page["log_id"] or row.sequence > page["head"]:
            row.log_id, row.sequence = page["log_id"], page["head"]
            await doubt_accounts(session)
        return Position(row.log_id, row.sequence)


class FanOutTurn:
    """Follows the log while this process holds the lease, and only waits while it does not."""

    def __init__(
        self, database: Database, directory: DirectoryClient, redis: Redis, holder: str
    ) -> None:
        self._database = database
        self._directory = directory
        self._redis = redis
        self._holder = holder
        self._lease = WorkerLease(database, LEASE, holder, LEASE_SECONDS)
        self._follower: LogFollower | None = None

    async def step(self) -> int:
        """Fan out the next batch, if it is our turn; how many events it had."""
        if not await self._lease.is_ours():
            # Another replica moves the position now, so what ours remembers of it gets old.
            self._follower = None
            await asyncio.sleep(_WAIT_FOR_TURN_SECONDS)
            return 0
        if self._follower is None:
            await learn_topics(self._database, self._directory)
            consumer = FanOutConsumer(self._database, self._directory, self._holder)
            self._follower = LogFollower(self._redis, self._directory, consumer)
        try:
            return await self._follower.step()
        except NotOurTurn:
            self._lease.doubt()
            self._follower = None
            return 0

    async def leave(self) -> None:
        """Give the lease up, so that another replica need not wait until it ends."""
        await self._lease.leave()


class EnsureBegun:
    """Sees to it that the fan-out has begun before the first webhook is promised anything.

    Notify may be asked for a webhook before it has reached the directory even once; what happens
    after the answer must not count as having happened before the beginning.
    """

    def __init__(self, database: Database, directory: DirectoryClient) -> None:
        self._database = database
        self._directory = directory
        self._has_begun = False

    async def __call__(self) -> None:
        """Begin, unless it was done.

        Raises:
            Unavailable: the directory does not answer.
        """
        if self._has_begun:
            return
        async with self._database.reading() as session:
            found = await session.get(PositionRow, _ONLY_ROW) is not None
        if not found:
            try:
                await begin_at_head(self._database, self._directory)
            except httpx.HTTPError as error:
                raise Unavailable(
                    "The directory does not answer, so nobody can say from which event on to tell "
                    "you. Try again in a moment."
                ) from error
        self._has_begun = True
