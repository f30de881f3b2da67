"""The purge: what is finished is kept for some days and then deleted, a little at a time.

Every batch is a transaction of its own with a pause behind it, and finds its rows by id in the
order of time: it neither holds anybody up nor reads what is not old.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy import Table, delete, exists, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.deliveries.ids import last_id_before
from services.notify.models import (
    DEAD_EVENTS,
    DELIVERIES,
    EVENTS,
    MAIL,
    REPLAYS,
    WEBHOOK_KEYS,
    WEBHOOKS,
    DeliveryState,
    WebhookState,
)
from services.notify.worker_lease import WorkerLease
from shared.databases import Database
from shared.leases import database_time

LEASE = "purge"
_LEASE_SECONDS = 30.0
_BATCH = 200
_PAUSE_SECONDS = 0.02
_FIRST_ID = UUID(int=0)
PURGED = Counter("webhook_purged_rows_total", "Rows deleted because they are old.", ["table"])
OUTLASTED = Counter(
    "webhook_deliveries_outlasted_total", "Deliveries given up, the webhook being off for too long."
)

Batch = Callable[[AsyncSession, datetime], Awaitable[int]]
"""Handles some of what is older than a moment; how many rows it looked at, 0 at the end."""


class Purge:
    """One worker's purge; a lease lets one of them do it."""

    def __init__(self, database: Database, days: float, holder: str) -> None:
        self._database = database
        self._days = days
        self._lease = WorkerLease(database, LEASE, holder, _LEASE_SECONDS)
        self._cursors: dict[str, UUID] = {}

    async def step(self) -> int:
        """One batch of everything; 0 when nothing old is left."""
        if not await self._lease.is_ours():
            return 0
        batches: tuple[Batch, ...] = (
            self._give_up_waiting,
            self._delete_keys,
            self._delete_unneeded_events,
            *(self._finished(table) for table in (DELIVERIES, REPLAYS, MAIL)),
            self._delete_dead_events,
        )
        done = 0
        for batch in batches:
            async with self._database.transaction() as session:
                old = await database_time(session) - timedelta(days=self._days)
                found = await batch(session, old)
            done += found
            if found:
                await asyncio.sleep(_PAUSE_SECONDS)
        return done

    async def leave(self) -> None:
        """Give the lease up, so that another worker need not wait until it ends."""
        await self._lease.leave()

    async def _give_up_waiting(self, session: AsyncSession, old: datetime) -> int:
        """What has been owed for too long to webhooks that are off is owed no more."""
        columns, webhooks = DELIVERIES.c, WEBHOOKS.c
        off = select(webhooks.id).where(
            webhooks.state != WebhookState.active.value,
            or_(webhooks.disabled_at.is_(None), webhooks.disabled_at < old),
        )
        now = await database_time(session)
        waiting = (
            select(columns.id)
            .where(
                columns.webhook_id.in_(off),
                columns.state != literal_column("'delivered'"),
                columns.id <= last_id_before(old),
                columns.created_at < old,
                columns.finished_at.is_(None),
                or_(columns.lease_until.is_(None), columns.lease_until <= now),
            )
            .limit(_BATCH)
            .with_for_update(skip_locked=True)
        )
        ids = (await session.scalars(waiting)).all()
        if ids:
            await session.execute(
                update(DELIVERIES)
                .where(columns.id.in_(ids))
                .values(
                    state=DeliveryState.dead.value,
                    finished_at=now,
                    next_attempt_at=None,
                    last_error=f"it waited for more than {self._days:g} days while its webhook was "
                    "off",
                )
            )
            OUTLASTED.inc(len(ids))
        return len(ids)

    def _finished(self, table: Table) -> Batch:
        """Rows of `table` that were finished before the moment."""

        async def delete_some(session: AsyncSession, old: datetime) -> int:
            ids = await self._next_ids(session, table, old)
            finished = table.c.finished_at < old
            await _delete(session, table, table.c.id.in_(ids), finished)
            return len(ids)

        return delete_some

    async def _delete_unneeded_events(self, session: AsyncSession, old: datetime) -> int:
        """Events that no delivery needs any more."""
        ids = await self._next_ids(session, EVENTS, old)
        unneeded = ~exists().where(DELIVERIES.c.event_id == EVENTS.c.id)
        # Locked before they are looked at again: a delivery that somebody begins to owe right now
        # would go with its event.
        locked = await session.scalars(
            select(EVENTS.c.id)
            .where(EVENTS.c.id.in_(ids), unneeded)
            .with_for_update(skip_locked=True)
        )
        await _delete(session, EVENTS, EVENTS.c.id.in_(locked.all()), unneeded)
        return len(ids)

    async def _delete_keys(self, session: AsyncSession, _old: datetime) -> int:
        """Keys that sign no more, as soon as they do not."""
        expired = WEBHOOK_KEYS.c.expires_at < await database_time(session)
        return await _delete(session, WEBHOOK_KEYS, expired)

    async def _delete_dead_events(self, session: AsyncSession, old: datetime) -> int:
        """Dead events that were replayed; the others wait for somebody."""
        return await _delete(session, DEAD_EVENTS, DEAD_EVENTS.c.replayed_at < old)

    async def _next_ids(self, session: AsyncSession, table: Table, old: datetime) -> list[UUID]:
        """Ids of the next rows from before the moment; none once at the end of each round."""
        found = await session.scalars(
            select(table.c.id)
            .where(
                table.c.id > self._cursors.get(table.name, _FIRST_ID),
                table.c.id <= last_id_before(old),
            )
            .order_by(table.c.id)
            .limit(_BATCH)
        )
        ids = list(found)
        self._cursors[table.name] = ids[-1] if ids else _FIRST_ID
        return ids


async def _delete(session: AsyncSession, table: Table, *which: Any) -> int:
    deleted: Any = await session.execute(delete(table).where(*which))
    PURGED.labels(table.name).inc(deleted.rowcount)
    return int(deleted.rowcount)
