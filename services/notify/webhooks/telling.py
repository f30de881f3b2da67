"""Telling an owner that one of its webhooks is in trouble: by its other webhooks, and by mail.

The word never goes by the webhook that is in trouble. It is written in the transaction in which
the trouble is noticed, so it is owed once, whatever dies.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.fan_out import owe_one
from services.notify.mail.outbox import put_in_outbox
from services.notify.models import ACCOUNTS, WEBHOOKS, WebhookState
from services.notify.own_events import own_event
from shared.events import event_pattern_matches

FAILING_EVENT = "webhook.failing"
DISABLED_EVENT = "webhook.disabled"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a webhook."""

    webhook_id: UUID
    reason: str
    """What is wrong, as a clause: 'it answered 410 Gone'."""
    failing_since: datetime | None


async def tell_failing(
    session: AsyncSession, trouble: Trouble, disable_hours: float, now: datetime, notify_url: str
) -> None:
    """Tell the owner that the webhook fails, and when it will be disabled."""
    then = (
        f"It is still tried. If nothing succeeds for {disable_hours:g} hours, it is disabled; "
        "what it is owed is kept for it even then."
    )
    await _tell(session, trouble, FAILING_EVENT, "A webhook of yours fails", then, now, notify_url)


async def tell_disabled(
    session: AsyncSession, trouble: Trouble, now: datetime, notify_url: str
) -> None:
    """Tell the owner that the webhook was disabled, and how to go on."""
    then = (
        "Nothing more is sent to it. What it is owed is kept and comes when you switch it on "
        f'again: PATCH /webhooks/{trouble.webhook_id} with {{"state": "active"}}. What was given '
        "up before can be sent again as well."
    )
    await _tell(
        session, trouble, DISABLED_EVENT, "A webhook of yours was disabled", then, now, notify_url
    )


async def _tell(
    session: AsyncSession,
    trouble: Trouble,
    event_type: str,
    subject: str,
    then: str,
    now: datetime,
    notify_url: str,
) -> None:
    columns = WEBHOOKS.c
    found = (
        await session.execute(
            select(columns.url, columns.account_id, ACCOUNTS.c.email)
            .join(ACCOUNTS, ACCOUNTS.c.id == columns.account_id)
            .where(columns.id == trouble.webhook_id, ACCOUNTS.c.closed_at.is_(None))
        )
    ).first()
    if found is None:
        # Its account was closed, and is told nothing more.
        return
    url, account_id, email = found
    since = trouble.failing_since
    data = {
        "webhook_id": str(trouble.webhook_id),
        "url": url,
        "reason": trouble.reason,
        "failing_since": None if since is None else as_text(since),
    }
    event = own_event(event_type, trouble.webhook_id, data, notify_url)
    for other_id in await _others(session, account_id, trouble.webhook_id, event_type):
        await owe_one(session, other_id, event, now)
    if email is not None:
        text = _TEXT.format(
            subject=subject, id=trouble.webhook_id, url=url, reason=trouble.reason, then=then
        )
        put_in_outbox(session, account_id, email, subject, text, now)


async def _others(
    session: AsyncSession, account_id: UUID, webhook_id: UUID, event_type: str
) -> list[UUID]:
    """The account's other webhooks that are sent to and want to be told of such events."""
    columns = WEBHOOKS.c
    rows = await session.execute(
        select(columns.id, columns.event_types)
        .where(
            columns.account_id == account_id,
            columns.id != webhook_id,
            columns.state == WebhookState.active.value,
        )
        .order_by(columns.id)
    )
    return [
        other_id
        for other_id, patterns in rows
        if any(event_pattern_matches(pattern, event_type) for pattern in patterns)
    ]


def as_text(moment: datetime) -> str:
    """`moment` to the second, as events write times."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


_TEXT = """\
{subject}.

Webhook: {id}
It is sent to: {url}
What is wrong: {reason}.

What to do: see to it that this address answers POST requests with a 2xx status within seconds.
GET /webhooks/{id}/deliveries shows what was tried and what came back.
POST /webhooks/{id}/test tries it out. If you do not need it any more, DELETE /webhooks/{id}.

{then}
"""
