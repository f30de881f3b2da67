"""Resending by hand: a delivery is begun anew, with all its attempts before it.

It keeps its place. What is owed later to its record waits for it, so what comes last stays last;
what was delivered meanwhile is not sent again, so the receiver may see an older state after a newer
one, and tells by the event's `sequence`.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from services.notify.deliveries.listing import DeliveryNotFound, read_delivery
from services.notify.fan_out import OWED
from services.notify.lines import hold_lines_alone
from services.notify.models import (
    DELIVERIES,
    DeliveryRow,
    DeliveryState,
    Ordering,
    WebhookRow,
    WebhookState,
)
from services.notify.moments import Instant
from services.notify.readings import DeliveryRead
from services.notify.webhooks.registering import WebhookDisabled, WebhookUnverified, find_webhook
from shared.databases import Database
from shared.leases import database_time
from shared.problems import Problem
from shared.tokens import Caller

_columns = DELIVERIES.c
_BATCH = 500


class DeliveryUnderWay(Problem):
    """An attempt at the delivery is under way."""

    status, title, kind = 409, "An attempt is under way", "delivery-under-way"


class Recovery(BaseModel):
    """Which deliveries are to be begun anew."""

    model_config = ConfigDict(extra="forbid")

    since: Instant = Field(description="Those that were given up at this moment or later.")
    until: Instant | None = Field(default=None, description="Those that were given up before it.")

    @model_validator(mode="after")
    def _in_order(self) -> "Recovery":
        if self.until is not None and self.until <= self.since:
            raise ValueError("`until` must be after `since`")
        return self


class Recovered(BaseModel):
    """What was begun anew."""

    recovered: int = Field(description="Deliveries that were begun anew.")
    more: bool = Field(description="Whether there are more of them: ask again.")


async def resend_delivery(session: AsyncSession, delivery_id: UUID, caller: Caller) -> DeliveryRead:
    """The delivery, begun anew whatever its state was.

    Raises:
        DeliveryNotFound: it belongs to somebody else's webhook, or never was.
        DeliveryUnderWay: it is just being sent.
        WebhookDisabled: nothing is sent to its webhook.
        WebhookUnverified: its webhook's endpoint has not answered the challenge.
    """
    await hold_lines_alone(session)
    delivery = await read_delivery(session, delivery_id, caller)
    webhook = await lock_webhook(session, delivery.webhook_id, caller)
    row = await session.get(DeliveryRow, delivery_id, with_for_update=True)
    if row is None:
        raise DeliveryNotFound("It was deleted just now, because it is old.")
    now = await database_time(session)
    if row.finished_at is None and row.lease_until is not None and row.lease_until > now:
        raise DeliveryUnderWay(
            "It is being sent at this moment. GET /deliveries/{delivery_id} tells in some seconds "
            "what came of it; resend it then, if it is still wanted."
        )
    await begin_anew(session, webhook, [delivery_id], now)
    return await read_delivery(session, delivery_id, caller)


async def recover_deliveries(
    database: Database, webhook_id: UUID, asked: Recovery, caller: Caller, at_most: int
) -> Recovered:
    """Begin anew what was given up in a time, by place; `at_most` so many.

    Some hundreds a transaction, since no lease is taken meanwhile. What was begun anew is not given
    up any more, so a repeat goes on where this one ended.

    Raises:
        WebhookNotFound: it is not the caller's.
        WebhookDisabled: nothing is sent to it.
        WebhookUnverified: its endpoint has not answered the challenge.
    """
    wanted = [
        _columns.webhook_id == webhook_id,
        _columns.state == DeliveryState.dead.value,
        # As the index has it that holds what is not delivered.
        _columns.state != literal_column("'delivered'"),
        _columns.finished_at >= asked.since,
    ]
    if asked.until is not None:
        wanted.append(_columns.finished_at < asked.until)
    by_place = select(_columns.id).where(*wanted).order_by(_columns.place, _columns.id)
    async with database.transaction() as session:
        await lock_webhook(session, webhook_id, caller)
    async with database.reading() as session:
        ids = (await session.scalars(by_place.limit(at_most + 1))).all()
    count = 0
    for begin in range(0, min(len(ids), at_most), _BATCH):
        async with database.transaction() as session:
            await hold_lines_alone(session)
            webhook = await lock_webhook(session, webhook_id, caller)
            now = await database_time(session)
            some = ids[begin : min(begin + _BATCH, at_most)]
            count += await begin_anew(
                session, webhook, some, now, _columns.finished_at.is_not(None)
            )
    return Recovered(recovered=count, more=len(ids) > at_most)


async def lock_webhook(session: AsyncSession, webhook_id: UUID, caller: Caller) -> WebhookRow:
    """The webhook, which is neither switched nor deleted until the transaction ends.

    Raises:
        WebhookNotFound: it is not the caller's.
        WebhookDisabled: nothing is sent to it.
        WebhookUnverified: its endpoint has not answered the challenge.
    """
    await session.get(WebhookRow, webhook_id, with_for_update={"key_share": True})
    webhook = await find_webhook(session, webhook_id, caller)
    if webhook.state == WebhookState.disabled:
        raise WebhookDisabled(
            f"Nothing is sent to it, because {webhook.state_reason}. Switch it on with PATCH "
            '/webhooks/{webhook_id} {"state": "active"} first.'
        )
    if webhook.state == WebhookState.unverified:
        raise WebhookUnverified(
            "Its endpoint has to answer the challenge first; POST /webhooks/{webhook_id}/verify "
            "sends another one."
        )
    return webhook


async def begin_anew(
    session: AsyncSession,
    webhook: WebhookRow,
    ids: Sequence[UUID],
    now: datetime,
    *which: ColumnElement[bool],
) -> int:
    """Begin those of the webhook's deliveries anew, at their places; how many they are.

    The caller holds the lines alone, and the webhook.
    """
    is_on = webhook.state == WebhookState.active
    changed = await session.scalars(
        update(DELIVERIES)
        .where(_columns.id.in_(ids), _columns.webhook_id == webhook.id, *which)
        .values(
            state=DeliveryState.pending.value,
            attempts_before=_columns.attempts,
            next_attempt_at=now if is_on else None,
            lease_until=None,
            finished_at=None,
        )
        .returning(_columns.subject)
    )
    subjects = changed.all()
    if is_on:
        session.info[OWED] = True
        if webhook.ordering == Ordering.ordered:
            await _wait_for_later(session, webhook.id, ids, set(subjects), now)
    return len(subjects)


async def _wait_for_later(
    session: AsyncSession, webhook_id: UUID, ids: Sequence[UUID], subjects: set[str], now: datetime
) -> None:
    """Where a later one of the line is under way, wait until its lease will have ended."""
    under_way = await session.execute(
        select(_columns.subject, _columns.place, _columns.lease_until).where(
            _columns.webhook_id == webhook_id,
            _columns.subject.in_(subjects),
            _columns.finished_at.is_(None),
            _columns.lease_until > now,
        )
    )
    for subject, place, lease_until in under_way.all():
        await session.execute(
            update(DELIVERIES)
            .where(_columns.id.in_(ids), _columns.subject == subject, _columns.place < place)
            .values(next_attempt_at=lease_until)
        )
