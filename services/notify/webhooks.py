"""Webhooks: registering, finding, disabling and trying out. An owner sees its own only."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.notify.fan_out import owe_one
from services.notify.models import DELIVERIES, WEBHOOKS, WebhookRow, WebhookState
from services.notify.pages import PageParameters
from services.notify.parts import Parts
from services.notify.readings import WebhookCreated, WebhookRead, WebhookWrite
from services.notify.webhook import make_secret, written_secret
from services.notify.webhook_url import check_url
from shared.events import EVENT_TYPES
from shared.leases import database_time
from shared.problems import FieldError, InvalidValues, NotFound, Problem
from shared.request_context import current_traceparent
from shared.tokens import Caller
from shared.vocabulary import Role

TEST_EVENT = "webhook.test"


class WebhookNotFound(NotFound):
    """No webhook of yours has this id."""

    title, kind = "No such webhook", "webhook-not-found"


class TooManyWebhooks(Problem):
    """The account has as many webhooks as it may have."""

    status, title, kind = 409, "You have as many webhooks as you may have", "too-many-webhooks"


class WebhookDisabled(Problem):
    """The webhook is disabled, so nothing is sent to it."""

    status, title, kind = 409, "The webhook is disabled", "webhook-disabled"


class UnknownEventPattern(InvalidValues):
    """A pattern names no type of event that there is."""

    title, kind = "There is no such type of event", "unknown-event-type"


async def register_webhook(
    session: AsyncSession, write: WebhookWrite, caller: Caller, parts: Parts
) -> WebhookCreated:
    """The new webhook, with the secret that is shown this once.

    Raises:
        UnacceptableUrl: its URL may not be used.
        UnknownEventPattern: a pattern can match no event.
        TooManyWebhooks: the account has as many as it may have.
    """
    check_url(write.url, parts.settings.allowed_networks)
    check_patterns(write.event_types)
    account_id = await _with_room_for_one(session, caller, parts.settings.webhooks_per_account)
    key = make_secret()
    row = WebhookRow(
        id=uuid7(),
        account_id=account_id,
        audience=caller.audience.value,
        url=write.url,
        event_types=list(dict.fromkeys(write.event_types)),
        filters=write.filters.asked(),
        description=write.description,
        state=WebhookState.active.value,
        sealed_secret=parts.seal.close(key),
        created_at=await database_time(session),
    )
    session.add(row)
    await session.flush()
    read = WebhookRead.model_validate(row)
    return WebhookCreated(**read.model_dump(), secret=written_secret(key))


async def _with_room_for_one(session: AsyncSession, caller: Caller, most: int) -> UUID:
    """The caller's account, which has less than `most` webhooks."""
    if caller.account_id is None:
        raise ValueError("a webhook belongs to an account")
    count = await session.scalar(
        select(func.count()).where(WEBHOOKS.c.account_id == caller.account_id)
    )
    if (count or 0) >= most:
        raise TooManyWebhooks(
            f"An account may have {most} webhooks. Delete one, or use patterns and filters to let "
            "one webhook do the work of several."
        )
    return caller.account_id


async def find_webhook(session: AsyncSession, webhook_id: UUID, caller: Caller) -> WebhookRow:
    """The webhook, if it is the caller's or the caller is of the secretariat.

    Raises:
        WebhookNotFound: otherwise; somebody else's cannot be told from one that never was.
    """
    webhook = await session.get(WebhookRow, webhook_id)
    if webhook is None or not _may_see(webhook.account_id, caller):
        raise WebhookNotFound("None of your webhooks has this id. GET /webhooks lists them.")
    return webhook


def _may_see(account_id: UUID, caller: Caller) -> bool:
    return caller.role is Role.secretariat or account_id == caller.account_id


async def list_webhooks(
    session: AsyncSession, caller: Caller, asked: PageParameters
) -> Sequence[WebhookRow]:
    """The caller's webhooks, everybody's for the secretariat; one beyond a page."""
    columns = WEBHOOKS.c
    statement = select(WebhookRow).order_by(columns.id).limit(asked.limit + 1)
    if caller.role is not Role.secretariat:
        statement = statement.where(columns.account_id == caller.account_id)
    if asked.after is not None:
        statement = statement.where(columns.id > asked.after)
    return (await session.execute(statement)).scalars().all()


async def delete_webhook(session: AsyncSession, webhook_id: UUID, caller: Caller) -> None:
    """Delete the webhook and what it was owed.

    Raises:
        WebhookNotFound: it is not the caller's.
    """
    await session.delete(await find_webhook(session, webhook_id, caller))


async def disable_webhook(
    session: AsyncSession, webhook_id: UUID, reason: str, now: datetime
) -> None:
    """Send no more to the webhook. What it is owed is kept, without a time for an attempt."""
    await session.execute(
        update(WEBHOOKS)
        .where(WEBHOOKS.c.id == webhook_id, WEBHOOKS.c.state == WebhookState.active.value)
        .values(state=WebhookState.disabled.value, state_reason=reason, disabled_at=now)
    )
    await session.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.webhook_id == webhook_id, DELIVERIES.c.finished_at.is_(None))
        .values(next_attempt_at=None)
    )


async def send_test_event(
    session: AsyncSession, webhook_id: UUID, caller: Caller, notify_url: str
) -> UUID:
    """Owe a test event to the webhook, by the way of every other event; the delivery's id.

    Raises:
        WebhookNotFound: it is not the caller's.
        WebhookDisabled: nothing is sent to it.
    """
    webhook = await find_webhook(session, webhook_id, caller)
    if webhook.state == WebhookState.disabled:
        raise WebhookDisabled(
            f"Nothing is sent to it, because {webhook.state_reason}. Register it anew."
        )
    event = {
        "specversion": "1.0",
        "id": str(uuid7()),
        "source": "/notify",
        "type": TEST_EVENT,
        "subject": str(webhook_id),
        "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"{notify_url}/event-types/{TEST_EVENT}/schema",
        "data": {
            "webhook_id": str(webhook_id),
            "message": "A test event. Nothing happened; your webhook works if you can read this.",
        },
    }
    if (traceparent := current_traceparent()) is not None:
        event["traceparent"] = traceparent
    now = await database_time(session)
    return await owe_one(session, webhook_id, event, now)


def check_patterns(patterns: Sequence[str]) -> None:
    """Let `patterns` pass if each of them can match an event.

    Raises:
        UnknownEventPattern: one of them never can.
    """
    nouns = {event_type.partition(".")[0] + ".*" for event_type in EVENT_TYPES}
    unknown = [
        (place, pattern)
        for place, pattern in enumerate(patterns)
        if pattern != "*" and pattern not in nouns and pattern not in EVENT_TYPES
    ]
    if unknown:
        choice = ", ".join(["*", *sorted(nouns), *EVENT_TYPES])
        raise UnknownEventPattern(
            f"{', '.join(repr(pattern) for _, pattern in unknown)}: no event has such a type. "
            f"Choose from: {choice}.",
            errors=[
                FieldError(pointer=f"/event_types/{place}", detail="unknown")
                for place, _ in unknown
            ],
        )
