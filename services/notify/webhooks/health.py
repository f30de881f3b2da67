"""How an endpoint fares: since when it has failed, and what follows from that.

A webhook fails from the first attempt that fails until one succeeds. It is judged by time, not by
attempts, so a loop judges it, in whichever worker comes first; the row's own values let it happen
once. Only a webhook that waits for a retry is judged: one that nobody sends to does not fail, and
one whose retry is overdue, because no worker ran, is asked first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from services.notify.lines import hold_lines_alone
from services.notify.models import DELIVERIES, WEBHOOKS, DeliveryState, WebhookState
from services.notify.retries import Delivered, GaveUp
from services.notify.sending.attempted import Attempted
from services.notify.webhooks.switching import switch_off
from services.notify.webhooks.telling import Trouble, as_text, tell_disabled, tell_failing
from services.notify.webhooks.verification import VERIFICATION_EVENT
from shared.databases import Database
from shared.leases import database_time

_AT_ONCE = 50
_mine = WEBHOOKS.c
_owed = DELIVERIES.c
_IS_SENT_TO = [WebhookState.active.value, WebhookState.paused.value]


@dataclass(frozen=True, slots=True)
class HealthRule:
    """What follows from failing for how long."""

    failing_hours: float
    disable_hours: float

    def told_since(self, now: datetime) -> datetime:
        """Owners of webhooks that fail since then or longer are told."""
        return now - timedelta(hours=self.failing_hours)

    def disabled_since(self, now: datetime) -> datetime:
        """Webhooks that fail since then or longer are disabled."""
        return now - timedelta(hours=self.disable_hours)


async def note_outcomes(
    session: AsyncSession, held: Sequence[Attempted], now: datetime, notify_url: str
) -> None:
    """Keep what the attempts say of their endpoints: since when each fails, or that it is gone.

    Challenges say nothing: an endpoint that has not answered one is nobody's yet.
    """
    counted = [
        one
        for one in held
        if not one.answer.unsent and one.delivery.message.event_type != VERIFICATION_EVENT
    ]
    succeeded = {_address(one) for one in counted if isinstance(one.outcome, Delivered)}
    failed = {_address(one) for one in counted} - succeeded
    was_failing = {_address(one) for one in counted if one.delivery.is_failing}
    if recovered := succeeded & was_failing:
        await session.execute(
            update(WEBHOOKS)
            .where(_ADDRESS.in_(recovered))
            .values(failing_since=None, told_failing_at=None)
        )
    if newly := failed - was_failing:
        await session.execute(
            update(WEBHOOKS)
            .where(_ADDRESS.in_(newly), _mine.failing_since.is_(None))
            .values(failing_since=now)
        )
    for one in counted:
        if isinstance(one.outcome, GaveUp) and one.outcome.endpoint_gone:
            await _disable_gone(session, one, now, notify_url)


# What an address answers that the webhook has no more says nothing of the one it has.
_ADDRESS = tuple_(_mine.id, _mine.url)


def _address(one: Attempted) -> tuple[UUID, str]:
    return one.delivery.endpoint.id, one.delivery.endpoint.url


async def _disable_gone(
    session: AsyncSession, one: Attempted, now: datetime, notify_url: str
) -> None:
    endpoint, reason = one.delivery.endpoint, "the endpoint answered 410 Gone"
    changed = await switch_off(
        session,
        endpoint.id,
        WebhookState.disabled,
        reason,
        now,
        # Else it could be switched on by hand, past the challenge that another address waits for.
        _mine.url == endpoint.url,
        _mine.state.in_(_IS_SENT_TO),
    )
    if changed:
        since = await session.scalar(select(_mine.failing_since).where(_mine.id == endpoint.id))
        await tell_disabled(session, Trouble(endpoint.id, reason, since), now, notify_url)


async def judge_failing(database: Database, rule: HealthRule, notify_url: str) -> int:
    """Tell owners of webhooks that fail, and disable those that failed too long; how many."""
    async with database.reading() as session:
        now = await database_time(session)
        found = (
            await session.execute(
                select(_mine.id, _mine.failing_since)
                .where(or_(*_due(rule, now)))
                .order_by(_mine.failing_since)
                .limit(_AT_ONCE)
            )
        ).all()
        quiet = (await session.scalars(select(_mine.id).where(_is_quiet(rule, now)))).all()
    count = 0
    for webhook_id, failing_since in found:
        async with database.transaction() as session:
            # Who sends locks deliveries before webhooks, a switch the other way round.
            await hold_lines_alone(session)
            count += await _judge(session, webhook_id, failing_since, rule, notify_url)
    if quiet:
        async with database.transaction() as session:
            await _forgive(session, quiet, rule)
    return count


def _due(rule: HealthRule, now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Which webhooks are to be disabled, and the owners of which are to be told."""
    failing = and_(
        _mine.state == WebhookState.active.value,
        exists(
            select(_owed.id).where(
                _owed.webhook_id == _mine.id,
                _owed.finished_at.is_(None),
                _owed.state == DeliveryState.failed.value,
                _owed.next_attempt_at > now,
            )
        ),
    )
    return (
        and_(_mine.failing_since <= rule.disabled_since(now), failing),
        and_(_mine.failing_since <= rule.told_since(now), _mine.told_failing_at.is_(None), failing),
    )


async def _judge(
    session: AsyncSession, webhook_id: UUID, since: datetime, rule: HealthRule, notify_url: str
) -> int:
    now = await database_time(session)
    to_disable, to_tell = _due(rule, now)
    hours = rule.disable_hours if since <= rule.disabled_since(now) else rule.failing_hours
    trouble = Trouble(webhook_id, await _why(session, webhook_id, hours, since), since)
    if await switch_off(
        session, webhook_id, WebhookState.disabled, trouble.reason, now, to_disable
    ):
        await tell_disabled(session, trouble, now, notify_url)
        return 1
    told = await session.scalars(
        update(WEBHOOKS)
        .where(_mine.id == webhook_id, to_tell)
        .values(told_failing_at=now)
        .returning(_mine.id)
    )
    if told.first() is None:
        return 0
    await tell_failing(session, trouble, rule.disable_hours, now, notify_url)
    return 1


async def _why(session: AsyncSession, webhook_id: UUID, hours: float, since: datetime) -> str:
    error = await session.scalar(
        select(_owed.last_error)
        .where(
            _owed.webhook_id == webhook_id,
            _owed.finished_at.is_(None),
            _owed.state == DeliveryState.failed.value,
        )
        .order_by(_owed.next_attempt_at.desc())
        .limit(1)
    )
    reason = f"it has failed for {hours:g} hours, since {as_text(since)}, without one success"
    return reason if error is None else f"{reason}; at last: {error[:300]}"


def _is_quiet(rule: HealthRule, now: datetime) -> ColumnElement[bool]:
    """Whether a failing webhook is owed nothing, and was owed nothing new for a long time."""
    newest: Any = (
        select(_owed.created_at)
        .where(_owed.webhook_id == _mine.id)
        .order_by(_owed.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return and_(
        _mine.state == WebhookState.active.value,
        _mine.failing_since <= rule.disabled_since(now),
        ~exists(select(_owed.id).where(_owed.webhook_id == _mine.id, _owed.finished_at.is_(None))),
        or_(newest.is_(None), newest <= rule.disabled_since(now)),
    )


async def _forgive(session: AsyncSession, quiet: Sequence[UUID], rule: HealthRule) -> None:
    now = await database_time(session)
    await session.execute(
        update(WEBHOOKS)
        .where(_mine.id.in_(quiet), _is_quiet(rule, now))
        .values(failing_since=None, told_failing_at=None)
    )
