"""Webhooks in the console: the list, one with its keys and deliveries, and what can be done."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Form, Query, Response
from fastapi.responses import RedirectResponse

from services.notify.console.errors import KeyReplaced
from services.notify.console.pages import HOME, page
from services.notify.console.route import console_router
from services.notify.console.sessions import ActingVisitor, VisitorOf
from services.notify.console.shown import name_account, show_webhooks
from services.notify.deliveries.listing import list_deliveries
from services.notify.deliveries.parameters import DeliveryParameters
from services.notify.models import DeliveryState, KeyKind
from services.notify.parts import Parts, PartsOf
from services.notify.webhooks.keys import list_keys, rotate_key
from services.notify.webhooks.readings import KeyRotation, WebhookPatch
from services.notify.webhooks.registering import (
    change_webhook,
    find_webhook,
    list_webhooks,
    send_challenge,
    send_test_event,
    show_webhook,
)
from services.notify.webhooks.stats import read_stats
from shared.databases import Reading, Transaction
from shared.leases import database_time
from shared.paging import PageParameters, page_of

router = console_router()
_DELIVERIES_A_PAGE = 25
_STATS_HOURS = 24
_WEBHOOK = f"{HOME}/webhooks/{{webhook_id}}"
_Cursor = Annotated[str | None, Query()]


def _go_to_webhook(webhook_id: UUID) -> Response:
    return RedirectResponse(f"{HOME}/webhooks/{webhook_id}", status_code=303)


def _go_to_delivery(delivery_id: UUID) -> Response:
    return RedirectResponse(f"{HOME}/deliveries/{delivery_id}", status_code=303)


@router.get(HOME)
async def show_the_webhooks(
    visitor: VisitorOf, session: Reading, cursor: _Cursor = None
) -> Response:
    asked = PageParameters(cursor=cursor)
    rows, following = page_of(await list_webhooks(session, visitor.caller, asked), asked)
    return page(
        "webhooks.html",
        visitor=visitor,
        webhooks=await show_webhooks(session, rows),
        is_first_page=cursor is None,
        following=following,
        now=await database_time(session),
    )


@router.get(_WEBHOOK)
async def show_a_webhook(
    webhook_id: UUID,
    visitor: VisitorOf,
    parts: PartsOf,
    session: Reading,
    state: DeliveryState | None = None,
    cursor: _Cursor = None,
) -> Response:
    caller = visitor.caller
    row = await find_webhook(session, webhook_id, caller)
    asked = DeliveryParameters(limit=_DELIVERIES_A_PAGE, state=state, cursor=cursor)
    deliveries = await list_deliveries(session, webhook_id, caller, asked)
    items, following = page_of(deliveries, asked)
    now = await database_time(session)
    return page(
        "webhook.html",
        visitor=visitor,
        webhook=await show_webhook(session, row),
        account=await name_account(session, row.account_id),
        stats=await read_stats(session, webhook_id, caller, _STATS_HOURS),
        keys=await list_keys(session, webhook_id, now),
        grace_seconds=parts.settings.secret_grace_seconds,
        deliveries=items,
        states=list(DeliveryState),
        asked_state=state,
        is_first_page=cursor is None,
        following=following,
        now=now,
    )


@router.post(f"{_WEBHOOK}/test")
async def send_a_test_event(
    webhook_id: UUID, visitor: ActingVisitor, parts: PartsOf, session: Transaction
) -> Response:
    url = parts.settings.notify_url
    return _go_to_delivery(await send_test_event(session, webhook_id, visitor.caller, url))


@router.post(f"{_WEBHOOK}/verify")
async def send_another_challenge(
    webhook_id: UUID, visitor: ActingVisitor, parts: PartsOf, session: Transaction
) -> Response:
    url = parts.settings.notify_url
    return _go_to_delivery(await send_challenge(session, webhook_id, visitor.caller, url))


@router.post(f"{_WEBHOOK}/state")
async def pause_or_go_on(
    webhook_id: UUID,
    visitor: ActingVisitor,
    parts: PartsOf,
    session: Transaction,
    state: Annotated[Literal["active", "paused"], Form()],
) -> Response:
    patch = WebhookPatch(state=state)
    await change_webhook(session, webhook_id, patch, visitor.caller, parts)
    return _go_to_webhook(webhook_id)


@router.post(f"{_WEBHOOK}/rotate")
async def rotate_a_key(
    webhook_id: UUID,
    visitor: ActingVisitor,
    parts: PartsOf,
    session: Transaction,
    kind: Annotated[KeyKind, Form()],
    newest_key_id: Annotated[UUID, Form()],
    at_once: Annotated[Literal["yes"] | None, Form()] = None,
) -> Response:
    """The new secret stands on the page that answers, this once.

    A browser that loads that page again sends the form again, so the form names the key that it
    is to replace: what was meant once is done once.
    """
    webhook = await find_webhook(session, webhook_id, visitor.caller)
    now = await database_time(session)
    keys = await list_keys(session, webhook_id, now, kind)
    if not keys or keys[0].id != newest_key_id:
        raise KeyReplaced
    grace_seconds = 0 if at_once else _grace_of(parts)
    asked = KeyRotation(kind=kind)
    made = await rotate_key(session, webhook_id, asked, parts.seal, now, grace_seconds)
    return page(
        "rotated.html",
        status=201,
        visitor=visitor,
        webhook=webhook,
        made=made,
        grace_seconds=grace_seconds,
    )


def _grace_of(parts: Parts) -> int:
    return parts.settings.secret_grace_seconds
