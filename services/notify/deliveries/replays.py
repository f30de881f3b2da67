"""Replays: a period of the event log that a webhook is owed again, whatever it was sent before.

What is owed by a replay stands behind all that is pending. Without an end in time a replay goes on
to the end of the log as it is when it gets there: what happened meanwhile is told once more behind
the older events, so the last of each record is the newest.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.notify.deliveries.resending import lock_webhook
from services.notify.models import REPLAYS, WEBHOOKS, PositionRow, ReplayRow
from services.notify.moments import Instant
from services.notify.webhooks.registering import find_webhook
from shared.leases import database_time
from shared.paging import PageParameters
from shared.problems import FieldError, InvalidValues, NotFound, Problem, Unavailable
from shared.tokens import Caller
from shared.vocabulary import Role


class ReplayState(StrEnum):
    """`pending`: its beginning is looked for; `failed` says why in `error`."""

    pending = "pending"
    running = "running"
    done = "done"
    stopped = "stopped"
    failed = "failed"


UNDER_WAY = (ReplayState.pending.value, ReplayState.running.value)


class ReplayNotFound(NotFound):
    """No replay for your webhooks has this id."""

    title, kind = "No such replay", "replay-not-found"


class ReplayUnderWay(Problem):
    """Another replay for the webhook is under way."""

    status, title, kind = 409, "A replay is under way", "replay-under-way"


class BadPeriod(InvalidValues):
    """Nothing of the event log lies in this period."""

    title, kind = "There is nothing in this period", "bad-period"


class ReplayWrite(BaseModel):
    """Which part of the event log."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"since": "2026-11-24T00:00:00Z"}]}
    )

    since: Instant | None = Field(
        default=None, description="Events of this moment or later; or say `after`."
    )
    after: int | None = Field(
        default=None,
        ge=0,
        le=2**53,
        description="Events behind this place on the log; 0: from its beginning.",
    )
    until: Instant | None = Field(
        default=None, description="Only events before it; left out: all to the end of the log."
    )

    @model_validator(mode="after")
    def _a_period(self) -> "ReplayWrite":
        if (self.since is None) == (self.after is None):
            raise ValueError("say where to begin: either `since` or `after`")
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("`until` must be after `since`")
        return self


class ReplayRead(BaseModel):
    """A replay, and how far it has come."""

    id: UUID = Field(description="The replay's id.")
    webhook_id: UUID = Field(description="The webhook that is owed the events.")
    state: ReplayState = Field(
        description="`pending` (its beginning is looked for) and `running` are under way; they "
        "wait while the webhook is paused, or while many deliveries wait for its endpoint."
    )
    since: datetime | None = Field(description="Events of this moment or later.")
    until: datetime | None = Field(description="Events before it; null: to the end of the log.")
    after: int = Field(description="Place on the log behind which it begins.")
    through: int = Field(description="Place on the log at which it ends, as far as known by now.")
    next_after: int = Field(description="Place up to which it has come.")
    owed: int = Field(description="Deliveries that it has owed, or begun anew, so far.")
    error: str | None = Field(description="Why it failed, or which event was left out.")
    created_at: datetime = Field(description="When it was asked for.")
    finished_at: datetime | None = Field(description="When it ended.")


class ReplayPage(BaseModel):
    """Replays, a page at a time."""

    items: list[ReplayRead] = Field(description="The replays, the oldest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")


def show_replay(row: ReplayRow) -> ReplayRead:
    """The replay as its webhook's owner sees it."""
    named = {"until": row.before, "through": row.until}
    same = set(ReplayRead.model_fields) - named.keys()
    return ReplayRead(**named, **{name: getattr(row, name) for name in same})


async def begin_replay(
    session: AsyncSession, webhook_id: UUID, asked: ReplayWrite, caller: Caller
) -> ReplayRow:
    """The new replay; a worker owes what it finds.

    Raises:
        WebhookNotFound: the webhook is not the caller's.
        WebhookDisabled: nothing is sent to it.
        WebhookUnverified: its endpoint has not answered the challenge.
        ReplayUnderWay: there is one for it already.
        BadPeriod: nothing of the log can lie in the period.
        Unavailable: the log was not reached even once.
    """
    await lock_webhook(session, webhook_id, caller)
    running = await session.scalar(
        select(REPLAYS.c.id).where(
            REPLAYS.c.webhook_id == webhook_id, REPLAYS.c.state.in_(UNDER_WAY)
        )
    )
    if running is not None:
        raise ReplayUnderWay(
            f"Replay {running} for this webhook is under way. Wait until it is done, or stop it "
            f"with DELETE /replays/{running}."
        )
    position = (await session.execute(select(PositionRow))).scalar_one_or_none()
    if position is None:
        raise Unavailable("The event log was not reached yet. Try again in a moment.")
    now = await database_time(session)
    _check_period(asked, position.sequence, now)
    by_time = asked.since is not None or asked.until is not None
    row = ReplayRow(
        id=uuid7(),
        webhook_id=webhook_id,
        log_id=position.log_id,
        after=asked.after or 0,
        until=position.sequence,
        since=asked.since,
        before=asked.until,
        next_after=asked.after or 0,
        state=(ReplayState.pending if by_time else ReplayState.running).value,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    return row


def _check_period(asked: ReplayWrite, head: int, now: datetime) -> None:
    if asked.since is not None and asked.since >= now:
        raise BadPeriod(
            f"`since` lies ahead of us: it is {now.isoformat()}. What happens from now on is sent "
            "to you anyhow.",
            errors=[FieldError(pointer="/since", detail="lies ahead")],
        )
    if asked.after is not None and asked.after >= head:
        raise BadPeriod(
            f"The log ends at {head}. Give an `after` below it, such as the `sequence` of the last "
            "event that you have.",
            errors=[FieldError(pointer="/after", detail=f"not below {head}")],
        )


async def find_replay(session: AsyncSession, replay_id: UUID, caller: Caller) -> ReplayRow:
    """The replay, if its webhook is the caller's or the caller is of the secretariat.

    Raises:
        ReplayNotFound: otherwise.
    """
    statement = select(ReplayRow).where(REPLAYS.c.id == replay_id)
    if caller.role is not Role.secretariat:
        statement = statement.join(WEBHOOKS, WEBHOOKS.c.id == REPLAYS.c.webhook_id).where(
            WEBHOOKS.c.account_id == caller.account_id
        )
    row: ReplayRow | None = (await session.execute(statement)).scalar_one_or_none()
    if row is None:
        raise ReplayNotFound("GET /webhooks/{webhook_id}/replays lists those of a webhook.")
    return row


async def list_replays(
    session: AsyncSession, webhook_id: UUID, caller: Caller, asked: PageParameters
) -> Sequence[ReplayRow]:
    """The webhook's replays, one more than a page.

    Raises:
        WebhookNotFound: it is not the caller's.
    """
    await find_webhook(session, webhook_id, caller)
    columns = REPLAYS.c
    statement = (
        select(ReplayRow)
        .where(columns.webhook_id == webhook_id)
        .order_by(columns.id)
        .limit(asked.limit + 1)
    )
    if asked.after is not None:
        statement = statement.where(columns.id > asked.after)
    return (await session.execute(statement)).scalars().all()


async def stop_replay(session: AsyncSession, replay_id: UUID, caller: Caller) -> ReplayRow:
    """Stop the replay, unless it has ended; what it has owed stays owed.

    Raises:
        ReplayNotFound: it is not for a webhook of the caller's.
    """
    row = await find_replay(session, replay_id, caller)
    await session.refresh(row, with_for_update=True)
    if row.state in UNDER_WAY:
        row.state = ReplayState.stopped.value
        row.finished_at = await database_time(session)
    return row
