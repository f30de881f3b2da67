"""Replaying: reads the log from the directory, page by page, and owes what a webhook wants of it.

Progress is committed together with what is owed, and a page counts only if nobody else has moved
the replay meanwhile: so it goes on after a crash, and each event is owed once. It never runs far
ahead of the endpoint, which keeps what is due to others near.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.consumer import lock_position
from services.notify.deliveries.ids import ids_from
from services.notify.deliveries.replays import UNDER_WAY, ReplayState
from services.notify.deliveries.resending import begin_anew
from services.notify.fan_out import OWED, delivery_row, event_row, read_interests
from services.notify.lines import hold_lines_alone
from services.notify.matching import EventViews, Interest, wants
from services.notify.models import (
    ACCOUNTS,
    DELIVERIES,
    EVENTS,
    REPLAYS,
    WEBHOOKS,
    PositionRow,
    ReplayRow,
    WebhookRow,
    WebhookState,
)
from services.notify.worker_lease import WorkerLease
from shared.databases import Database
from shared.events import EVENT_TYPES
from shared.leases import database_time
from shared.many_rows import insert_new_rows
from shared.records import JsonObject
from shared.service_client import DirectoryClient

LEASE = "replays"
_LEASE_SECONDS = 10.0
_PAGE = 100
# So many of a webhook's deliveries may wait before its replay waits too.
_AHEAD = 100
# Times on the log follow the directory's clock, which may have been put right by a little.
_SLACK = timedelta(hours=1)
_LONGEST_ERROR = 500
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Page:
    """What follows on a replay's place: the events of its period, and how far they reach."""

    events: Sequence[JsonObject]
    reaches: int


class ReplayFailed(Exception):
    """The replay cannot go on, for the reason in its text."""


_waiting = (
    select(DELIVERIES.c.id)
    .where(DELIVERIES.c.webhook_id == WEBHOOKS.c.id, DELIVERIES.c.finished_at.is_(None))
    .limit(_AHEAD)
    .correlate(WEBHOOKS)
    .subquery()
)
# Built once: it is asked several times a second, and building it takes twice as long as asking.
_WITH_ROOM = (
    select(ReplayRow)
    .join(WEBHOOKS, WEBHOOKS.c.id == REPLAYS.c.webhook_id)
    .join(ACCOUNTS, ACCOUNTS.c.id == WEBHOOKS.c.account_id)
    .where(
        REPLAYS.c.state.in_(UNDER_WAY),
        WEBHOOKS.c.state == WebhookState.active.value,
        ACCOUNTS.c.closed_at.is_(None),
        select(func.count()).select_from(_waiting).scalar_subquery() < _AHEAD,
    )
    .order_by(REPLAYS.c.id)
)


class Replayer:
    """One worker's replaying; a lease lets one of them do it, the rows' places make it once."""

    def __init__(self, database: Database, directory: DirectoryClient, holder: str) -> None:
        self._database = database
        self._directory = directory
        self._lease = WorkerLease(database, LEASE, holder, _LEASE_SECONDS)

    async def step(self) -> int:
        """A page of each replay that has room; how many replays moved."""
        replays = await self._find_replays()
        if not replays or not await self._lease.is_ours():
            return 0
        return sum([await self._advance(replay) for replay in replays])

    async def leave(self) -> None:
        """Give the lease up, so that another worker need not wait until it ends."""
        await self._lease.leave()

    async def _find_replays(self) -> Sequence[ReplayRow]:
        """Those under way whose webhook is sent to and has no long backlog."""
        async with self._database.reading() as session:
            return (await session.execute(_WITH_ROOM)).scalars().all()

    async def _advance(self, replay: ReplayRow) -> int:
        try:
            if replay.state == ReplayState.pending:
                after, until = await self._find_period(replay)
                return await self._begin(replay, after, until)
            page = await self._read_page(replay)
        except ReplayFailed as failed:
            async with self._database.transaction() as session:
                row = await _lock_replay(session, replay)
                if row is not None:
                    await _end(session, row, ReplayState.failed, str(failed))
            return 1
        async with self._database.transaction() as session:
            return await _owe_page(session, replay, page)

    async def _changes(self, replay: ReplayRow, after: int, limit: int) -> list[JsonObject]:
        page = (await self._directory.get("/changes", after=after, limit=limit)).json()
        if page["log_id"] != replay.log_id:
            raise ReplayFailed("the directory has begun another log; ask for a new replay")
        items: list[JsonObject] = page["items"]
        if not items:
            raise ReplayFailed(f"the log ends at {page['head']}; ask for a new replay")
        return items

    async def _read_page(self, replay: ReplayRow) -> _Page:
        if replay.next_after >= replay.until:
            return _Page((), replay.next_after)
        items = await self._changes(replay, replay.next_after, _PAGE)
        reaches = min(int(items[-1]["sequence"]), replay.until)
        events = [
            event
            for event in items
            if event["sequence"] <= reaches
            and event["type"] in EVENT_TYPES
            and _is_within(datetime.fromisoformat(event["time"]), replay)
        ]
        return _Page(events, reaches)

    async def _find_period(self, replay: ReplayRow) -> tuple[int, int]:
        """The places on the log that its times lie between, by bisection."""
        after, until = replay.after, replay.until
        if replay.since is not None:
            after = await self._last_before(replay, replay.since - _SLACK)
        if replay.before is not None:
            until = await self._last_before(replay, replay.before + _SLACK)
        return after, max(after, until)

    async def _last_before(self, replay: ReplayRow, moment: datetime) -> int:
        low, high = replay.after, replay.until
        while low < high:
            middle = (low + high + 1) // 2
            [event] = await self._changes(replay, middle - 1, 1)
            if datetime.fromisoformat(event["time"]) < moment:
                low = middle
            else:
                high = middle - 1
        return low

    async def _begin(self, replay: ReplayRow, after: int, until: int) -> int:
        async with self._database.transaction() as session:
            row = await _lock_replay(session, replay)
            if row is not None:
                row.after, row.next_after, row.until = after, after, until
                row.state = ReplayState.running.value
        return 1


def _is_within(moment: datetime, replay: ReplayRow) -> bool:
    return (replay.since is None or moment >= replay.since) and (
        replay.before is None or moment < replay.before
    )


async def _lock_replay(session: AsyncSession, seen: ReplayRow) -> ReplayRow | None:
    """The replay, unless it was moved or has ended since it was `seen`."""
    row = await session.get(ReplayRow, seen.id, with_for_update=True)
    if row is None or (row.state, row.next_after) != (seen.state, seen.next_after):
        return None
    return row


async def _end(
    session: AsyncSession, row: ReplayRow, state: ReplayState, error: str | None = None
) -> None:
    row.state, row.finished_at = state.value, await database_time(session)
    row.error = error or row.error
    _log.info(
        "replay.ended",
        replay=str(row.id),
        webhook=str(row.webhook_id),
        state=state.value,
        owed=row.owed,
        error=row.error,
    )


async def _owe_page(session: AsyncSession, seen: ReplayRow, page: _Page) -> int:
    """Owe what the webhook wants of the page, and move the replay; whether it did."""
    # First of all, as everybody does that gives places.
    position = await lock_position(session)
    row = await _lock_replay(session, seen)
    interests = await read_interests(session, WEBHOOKS.c.id == seen.webhook_id)
    if position is None or row is None or not interests:
        return 0
    wanted = _wanted(interests[0], page.events, row)
    if wanted and not await _owe(session, seen.webhook_id, wanted, position):
        return 0
    row.owed += len(wanted)
    row.next_after = page.reaches
    if row.next_after >= row.until:
        if row.before is None and position.sequence > row.until:
            row.until = position.sequence
        else:
            await _end(session, row, ReplayState.done)
    return 1


def _wanted(interest: Interest, events: Sequence[JsonObject], row: ReplayRow) -> list[JsonObject]:
    found = []
    for event in events:
        try:
            if wants(interest, EventViews(event)):
                found.append(event)
        except Exception as error:
            # It is among the dead events, unless it happened before there was a webhook.
            row.error = f"event {event['sequence']} was left out: {error!r}"[:_LONGEST_ERROR]
    return found


async def _owe(
    session: AsyncSession, webhook_id: UUID, events: list[JsonObject], position: PositionRow
) -> bool:
    """Owe `events` behind all that is owed; False, and nothing, while one of them is under way.

    One that is just being sent could not be put behind the older ones: a moment later it can.
    """
    columns = DELIVERIES.c
    ids = [UUID(event["id"]) for event in events]
    there = select(columns.id, columns.event_id, columns.lease_until, columns.finished_at).where(
        columns.event_id.in_(ids), columns.webhook_id == webhook_id
    )
    known: dict[UUID, Any] = {}
    if (await session.execute(there.limit(1))).first() is not None:
        await hold_lines_alone(session)
        known = {found.event_id: found for found in await session.execute(there.with_for_update())}
    now = await database_time(session)
    for found in known.values():
        if found.finished_at is None and found.lease_until is not None and found.lease_until > now:
            return False
    webhook = await session.get(WebhookRow, webhook_id, with_for_update={"key_share": True})
    if webhook is None:
        return False
    is_on = webhook.state == WebhookState.active
    event_rows, new, moved, new_ids = [], [], [], ids_from(now)
    for place, event in enumerate(events, position.last_place + 1):
        delivery = known.get(UUID(event["id"]))
        if delivery is not None:
            moved.append({"delivery": delivery.id, "to": place})
            continue
        kept = event_row(event)
        event_rows.append(kept)
        new.append(delivery_row(next(new_ids), webhook_id, kept, place, now, due=is_on))
    position.last_place += len(events)
    if moved:
        # Moved first: those that are under way stand before them then.
        await session.execute(_MOVE, moved)
        await begin_anew(session, webhook, [one["delivery"] for one in moved], now)
    await insert_new_rows(session, EVENTS, event_rows)
    await insert_new_rows(session, DELIVERIES, new)
    session.info[OWED] = True
    return True


_MOVE = (
    update(DELIVERIES).where(DELIVERIES.c.id == bindparam("delivery")).values(place=bindparam("to"))
)
