"""Webhooks: registering, finding, changing and trying out. An owner sees its own only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.notify.accounts import lock_open_account
from services.notify.consumer import lock_position
from services.notify.fan_out import owe_one
from services.notify.lines import hold_lines_alone
from services.notify.models import (
    WEBHOOKS,
    AccountRow,
    KeyKind,
    WebhookRow,
    WebhookState,
)
from services.notify.own_events import own_event
from services.notify.parts import Parts
from services.notify.patterns import check_patterns
from services.notify.webhooks.keys import add_key
from services.notify.webhooks.readings import (
    WebhookCreated,
    WebhookPatch,
    WebhookRead,
    WebhookWrite,
)
from services.notify.webhooks.signing import make_key
from services.notify.webhooks.switching import switch_off, switch_on
from services.notify.webhooks.urls import check_url
from services.notify.webhooks.verification import challenge_event
from shared.audience import audience_of_role
from shared.leases import database_time
from shared.paging import PageParameters
from shared.problems import NotFound, Problem
from shared.tokens import Caller
from shared.vocabulary import Role

TEST_EVENT = "webhook.test"
_UNVERIFIED = "its endpoint has not answered the challenge yet"
_PAUSED = "its owner paused it"


class WebhookNotFound(NotFound):
    """No webhook of yours has this id."""

    title, kind = "No such webhook", "webhook-not-found"


class TooManyWebhooks(Problem):
    """The account has as many webhooks as it may have."""

    status, title, kind = 409, "You have as many webhooks as you may have", "too-many-webhooks"


class WebhookDisabled(Problem):
    """The webhook is disabled, so nothing is sent to it."""

    status, title, kind = 409, "The webhook is disabled", "webhook-disabled"


class WebhookUnverified(Problem):
    """The webhook's endpoint has not answered its challenge yet."""

    status, title, kind = 409, "The webhook is not verified", "webhook-unverified"


class WebhookVerified(Problem):
    """The webhook's endpoint has answered its challenge already."""

    status, title, kind = 409, "The webhook is verified already", "webhook-verified"


async def register_webhook(
    session: AsyncSession, write: WebhookWrite, caller: Caller, parts: Parts
) -> WebhookCreated:
    """The new webhook, with the secret that is shown this once.

    Raises:
        UnacceptableUrl: its URL may not be used.
        UnknownEventPattern: a pattern can match no event.
        TooManyWebhooks: the account has as many as it may have.
        AccountClosed: it has been closed since its token was issued.
    """
    settings = parts.settings
    check_url(write.url, settings.allowed_networks)
    check_patterns(write.event_types)
    account_id = await _with_room_for_one(session, caller, settings.webhooks_per_account)
    now = await database_time(session)
    must_verify = settings.verification == "on"
    row = WebhookRow(
        id=uuid7(),
        account_id=account_id,
        url=write.url,
        event_types=list(dict.fromkeys(write.event_types)),
        filters=write.filters.asked(),
        description=write.description,
        ordering=write.ordering.value,
        requests_per_second=write.requests_per_second,
        requests_at_once=write.requests_at_once,
        state=(WebhookState.unverified if must_verify else WebhookState.active).value,
        state_reason=_UNVERIFIED if must_verify else None,
        created_at=now,
        **_kept_headers(write.headers, parts),
    )
    session.add(row)
    await session.flush()
    made = {kind: make_key(kind) for kind in dict.fromkeys(write.signatures)}
    for kind, key in made.items():
        add_key(session, row.id, kind, key, parts.seal, now)
    if must_verify:
        await owe_one(session, row.id, challenge_event(row.id, settings.notify_url), now)
    read = await show_webhook(session, row)
    v1, v1a = made.get(KeyKind.v1), made.get(KeyKind.v1a)
    return WebhookCreated(
        **read.model_dump(),
        secret=v1.secret if v1 else None,
        public_key=v1a.public if v1a else None,
    )


def _kept_headers(headers: dict[str, str], parts: Parts) -> dict[str, Any]:
    return {
        "header_names": sorted(headers),
        "sealed_headers": parts.seal.close(orjson.dumps(headers)) if headers else None,
    }


async def _with_room_for_one(session: AsyncSession, caller: Caller, most: int) -> UUID:
    """The caller's account, which has less than `most` webhooks."""
    if caller.account_id is None:
        raise ValueError("a webhook belongs to an account")
    await lock_open_account(session, caller.account_id)
    count = await session.scalar(
        select(func.count()).where(WEBHOOKS.c.account_id == caller.account_id)
    )
    if (count or 0) >= most:
        raise TooManyWebhooks(
            f"An account may have {most} webhooks. Delete one, or use patterns and filters to let "
            "one webhook do the work of several."
        )
    return caller.account_id


async def show_webhook(session: AsyncSession, webhook: WebhookRow) -> WebhookRead:
    """The webhook as its owner sees it."""
    account = await session.get(AccountRow, webhook.account_id)
    if account is None:
        raise LookupError(f"account {webhook.account_id} has a webhook and no row")
    return WebhookRead(
        audience=audience_of_role(Role(account.role)),
        **{name: getattr(webhook, name) for name in WebhookRead.model_fields if name != "audience"},
    )


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


async def change_webhook(
    session: AsyncSession, webhook_id: UUID, patch: WebhookPatch, caller: Caller, parts: Parts
) -> WebhookRead:
    """The webhook with what `patch` says; another URL has to be verified anew.

    Raises:
        WebhookNotFound: it is not the caller's.
        UnacceptableUrl: the new URL may not be used.
        UnknownEventPattern: a pattern can match no event.
        WebhookUnverified: it was to be switched on, and has not answered its challenge.
        AccountClosed: nothing is sent to it anyhow.
    """
    # Who sends locks deliveries before webhooks, a switch the other way round: not both at once.
    await hold_lines_alone(session)
    webhook = await find_webhook(session, webhook_id, caller)
    await lock_open_account(session, webhook.account_id)
    said = patch.model_fields_set
    now = await database_time(session)
    if "event_types" in said:
        check_patterns(patch.event_types)
        webhook.event_types = list(dict.fromkeys(patch.event_types))
    if "filters" in said:
        webhook.filters = patch.filters.asked()
    if "headers" in said:
        for name, value in _kept_headers(patch.headers, parts).items():
            setattr(webhook, name, value)
    for name in ("description", "requests_per_second", "requests_at_once"):
        if name in said:
            setattr(webhook, name, getattr(patch, name))
    if "ordering" in said:
        webhook.ordering = patch.ordering.value
    is_moved = "url" in said and patch.url != webhook.url
    if is_moved:
        check_url(patch.url, parts.settings.allowed_networks)
        webhook.url = patch.url
        # How the old address fared says nothing about the new one.
        webhook.failing_since = webhook.told_failing_at = None
    webhook.revision += 1
    await session.flush()
    if is_moved and parts.settings.verification == "on":
        await switch_off(session, webhook_id, WebhookState.unverified, _UNVERIFIED, now)
        await owe_one(session, webhook_id, challenge_event(webhook_id, _url_of(parts)), now)
    elif "state" in said:
        await _switch(session, webhook, patch.state, now)
    await session.refresh(webhook)
    return await show_webhook(session, webhook)


def _url_of(parts: Parts) -> str:
    return parts.settings.notify_url


async def _switch(session: AsyncSession, webhook: WebhookRow, to: str, now: datetime) -> None:
    if webhook.state == WebhookState.unverified:
        raise WebhookUnverified(
            "Its endpoint has to answer the challenge first; POST /webhooks/{webhook_id}/verify "
            "sends another one."
        )
    if to == WebhookState.paused:
        await switch_off(session, webhook.id, WebhookState.paused, _PAUSED, now)
    elif webhook.state != WebhookState.active:
        await switch_on(session, [webhook.id], now)


async def delete_webhook(session: AsyncSession, webhook_id: UUID, caller: Caller) -> None:
    """Delete the webhook and what it was owed.

    Raises:
        WebhookNotFound: it is not the caller's.
    """
    # Its deliveries and replays go with it, and are locked after it; who sends, or goes on with a
    # replay, locks them before it. So neither does while it is deleted.
    await lock_position(session)
    await hold_lines_alone(session)
    await session.delete(await find_webhook(session, webhook_id, caller))
    await session.flush()


async def send_challenge(
    session: AsyncSession, webhook_id: UUID, caller: Caller, notify_url: str
) -> UUID:
    """Owe another challenge to the webhook's endpoint; the delivery's id.

    Raises:
        WebhookNotFound: it is not the caller's.
        WebhookVerified: it has answered one already.
        AccountClosed: nothing is sent to it.
    """
    webhook = await find_webhook(session, webhook_id, caller)
    await lock_open_account(session, webhook.account_id)
    if webhook.state != WebhookState.unverified:
        raise WebhookVerified("Nothing needs to be done: it is sent events as its state says.")
    now = await database_time(session)
    return await owe_one(session, webhook_id, challenge_event(webhook_id, notify_url), now)


async def send_test_event(
    session: AsyncSession, webhook_id: UUID, caller: Caller, notify_url: str
) -> UUID:
    """Owe a test event to the webhook, by the way of every other event; the delivery's id.

    Raises:
        WebhookNotFound: it is not the caller's.
        WebhookDisabled: nothing is sent to it.
        WebhookUnverified: its endpoint has not answered the challenge.
        AccountClosed: as for one that is disabled.
    """
    webhook = await find_webhook(session, webhook_id, caller)
    await lock_open_account(session, webhook.account_id)
    if webhook.state == WebhookState.disabled:
        raise WebhookDisabled(
            f"Nothing is sent to it, because {webhook.state_reason}. Switch it on with PATCH "
            '/webhooks/{webhook_id} {"state": "active"}.'
        )
    if webhook.state == WebhookState.unverified:
        raise WebhookUnverified("Its endpoint has to answer the challenge first.")
    data = {
        "webhook_id": str(webhook_id),
        "message": "A test event. Nothing happened; your webhook works if you can read this.",
    }
    event = own_event(TEST_EVENT, webhook_id, data, notify_url)
    return await owe_one(session, webhook_id, event, await database_time(session))
