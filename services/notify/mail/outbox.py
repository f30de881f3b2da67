"""The mail outbox: what is to be mailed is a row, written in the transaction of its cause.

A mail is leased as a webhook's delivery is: its attempt's number is the token, the database's clock
decides. A worker that dies after handing it over leaves it to be sent again, with the same
Message-ID.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.notify.mail.message import Unmailable, read_sender, write_mail
from services.notify.mail.settings import MailSettings
from services.notify.mail.transport import MailNotSent, MailRefused, Transport
from services.notify.models import MAIL, MailRow, MailState
from services.notify.retries import Delivered, GaveUp, Outcome, TryAgain
from shared.databases import Database
from shared.leases import database_time

# What a session's `info` has after new mail: its loop is woken right after the commit.
MAILED = "mail_written"

ATTEMPTS = Counter("mail_attempts_total", "Attempts at mails by what they came to.", ["outcome"])
MAILS_BY_STATE = Gauge("mail_unsent", "Mails that are not sent, by state.", ["state"])
OLDEST_SECONDS = Gauge("mail_oldest_unfinished_seconds", "Age of the oldest mail not finished.")
_LONGEST_ERROR = 500
_LONGEST_SUBJECT = 200
_log = structlog.get_logger()
_mine = MAIL.c


@dataclass(frozen=True, slots=True)
class Refused(GaveUp):
    """The mail was refused for good: nothing will ever get through to its address."""


@dataclass(frozen=True, slots=True)
class LeasedMail:
    """A mail in the hands of this worker."""

    id: UUID
    number: int
    account_id: UUID | None
    recipient: str
    subject: str
    body: str
    created_at: datetime


def put_in_outbox(
    session: AsyncSession,
    account_id: UUID | None,
    recipient: str,
    subject: str,
    body: str,
    now: datetime,
) -> MailRow:
    """Mail this once the transaction is committed, to the account's owner if there is one."""
    row = MailRow(
        id=uuid7(),
        account_id=account_id,
        recipient=recipient,
        subject=subject
        if len(subject) <= _LONGEST_SUBJECT
        else subject[: _LONGEST_SUBJECT - 1] + "…",
        body=body,
        created_at=now,
        next_attempt_at=now,
        state=MailState.pending.value,
    )
    session.add(row)
    session.info[MAILED] = True
    return row


async def lease_due_mail(
    session: AsyncSession, count: int, lease_seconds: float, now: datetime
) -> list[LeasedMail]:
    """Take up to `count` mails that are due; each gets its next number."""
    rows = (
        await session.execute(
            select(*_mine)
            .where(
                _mine.finished_at.is_(None),
                _mine.next_attempt_at <= now,
                or_(_mine.lease_until.is_(None), _mine.lease_until <= now),
            )
            .order_by(_mine.next_attempt_at)
            .limit(count)
            .with_for_update(skip_locked=True)
        )
    ).all()
    if rows:
        await session.execute(
            update(MAIL)
            .where(_mine.id.in_([row.id for row in rows]))
            .values(attempts=_mine.attempts + 1, lease_until=now + timedelta(seconds=lease_seconds))
        )
    return [
        LeasedMail(
            id=row.id,
            number=row.attempts + 1,
            account_id=row.account_id,
            recipient=row.recipient,
            subject=row.subject,
            body=row.body,
            created_at=row.created_at,
        )
        for row in rows
    ]


async def record_mail(
    session: AsyncSession, mail: LeasedMail, outcome: Outcome, now: datetime
) -> None:
    """Write down what came of the attempt, unless its lease has been lost."""
    await session.execute(
        update(MAIL)
        .where(_mine.id == mail.id, _mine.attempts == mail.number, _mine.finished_at.is_(None))
        .values(**_values(outcome, now))
    )


def _values(outcome: Outcome, now: datetime) -> dict[str, Any]:
    match outcome:
        case Delivered():
            state, error, next_at = MailState.sent, None, None
        case TryAgain():
            state, error = MailState.failed, outcome.reason
            next_at = now + timedelta(seconds=outcome.after_seconds)
        case GaveUp():
            state, error, next_at = MailState.dead, outcome.reason, None
    return {
        "state": state.value,
        "next_attempt_at": next_at,
        "finished_at": None if state is MailState.failed else now,
        "last_error": None if error is None else error[:_LONGEST_ERROR],
        "lease_until": None,
        "refused_at": now if isinstance(outcome, Refused) else None,
    }


class Mailer:
    """One worker's sending of mail. Any number of them share the outbox."""

    def __init__(self, database: Database, transport: Transport, settings: MailSettings) -> None:
        self._database = database
        self._transport = transport
        self._settings = settings
        self._sender = read_sender(settings.mail_from)

    async def step(self) -> int:
        """Send what is due, some of it at a time; how many it was."""
        settings = self._settings
        async with self._database.transaction() as session:
            leased = await lease_due_mail(
                session,
                settings.mail_at_once,
                settings.mail_lease_seconds,
                await database_time(session),
            )
        if not leased:
            return 0
        outcomes = await asyncio.gather(*map(self._attempt, leased))
        async with self._database.transaction() as session:
            now = await database_time(session)
            for mail, outcome in zip(leased, outcomes, strict=True):
                await record_mail(session, mail, outcome, now)
        return len(leased)

    async def _attempt(self, mail: LeasedMail) -> Outcome:
        started = time.perf_counter()
        outcome = await self._outcome_of(mail)
        name, reason = _told(outcome)
        ATTEMPTS.labels(name).inc()
        _log.info(
            "mail.attempted",
            mail=str(mail.id),
            account=None if mail.account_id is None else str(mail.account_id),
            number=mail.number,
            outcome=name,
            reason=reason,
            milliseconds=round((time.perf_counter() - started) * 1000, 2),
        )
        return outcome

    async def _outcome_of(self, mail: LeasedMail) -> Outcome:
        try:
            written = write_mail(
                mail.id, self._sender, mail.recipient, mail.subject, mail.body, mail.created_at
            )
            await self._transport.send(written)
        except (Unmailable, MailRefused) as error:
            return Refused(str(error))
        except MailNotSent as error:
            waits = self._settings.mail_retry_seconds
            if mail.number >= len(waits):
                return GaveUp(f"{error}; no attempt is left")
            return TryAgain(str(error), waits[mail.number])
        return Delivered()


def _told(outcome: Outcome) -> tuple[str, str | None]:
    match outcome:
        case Delivered():
            return "sent", None
        case TryAgain():
            return "try_again", outcome.reason
        case GaveUp():
            return "gave_up", outcome.reason


async def measure_mail(database: Database) -> None:
    """Count the mails that are not sent."""
    async with database.reading() as session:
        now = await database_time(session)
        rows: Sequence[Any] = (
            await session.execute(
                select(_mine.state, func.count(), func.min(_mine.created_at))
                .where(text("finished_at IS NULL"))
                .group_by(_mine.state)
            )
        ).all()
    found = {state: (count, oldest) for state, count, oldest in rows}
    for state in (MailState.pending, MailState.failed):
        MAILS_BY_STATE.labels(state.value).set(found.get(state.value, (0, None))[0])
    ages = [oldest for _, oldest in found.values()]
    OLDEST_SECONDS.set((now - min(ages)).total_seconds() if ages else 0)
