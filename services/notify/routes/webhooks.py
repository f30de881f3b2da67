"""Webhooks over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.notify.accounts import AccountClosed
from services.notify.deliveries.listing import read_delivery
from services.notify.parts import Known, PartsOf
from services.notify.patterns import UnknownEventPattern
from services.notify.readings import DeliveryRead
from services.notify.webhooks.readings import (
    WebhookCreated,
    WebhookPage,
    WebhookPatch,
    WebhookRead,
    WebhookWrite,
)
from services.notify.webhooks.registering import (
    TooManyWebhooks,
    WebhookDisabled,
    WebhookNotFound,
    WebhookUnverified,
    WebhookVerified,
    change_webhook,
    delete_webhook,
    find_webhook,
    list_webhooks,
    register_webhook,
    send_challenge,
    send_test_event,
    show_webhook,
)
from services.notify.webhooks.urls import UnacceptableUrl
from shared.databases import Reading, Transaction
from shared.paging import BadCursor, PageParameters, link_next, page_of
from shared.problems import NotSignedIn, Unavailable, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import SignedIn

router = strict_router("webhooks")


@router.post(
    "/webhooks",
    status_code=201,
    summary="Register a webhook",
    responses=answers(
        NotSignedIn,
        UnacceptableUrl,
        UnknownEventPattern,
        TooManyWebhooks,
        AccountClosed,
        Unavailable,
    ),
)
async def create_a_webhook(
    write: WebhookWrite,
    response: Response,
    caller: SignedIn,
    parts: PartsOf,
    _: Known,
    session: Transaction,
) -> WebhookCreated:
    """It is told of what happens from now on, once its endpoint has answered the challenge.

    The challenge comes as an event `webhook.verification`; the answer must be 2xx and have
    `data.challenge` in its body. The secret in the answer here is shown this once.
    """
    made = await register_webhook(session, write, caller, parts)
    response.headers["Location"] = f"/webhooks/{made.id}"
    response.headers["Cache-Control"] = "no-store"
    return made


@router.get(
    "/webhooks",
    summary="List webhooks",
    responses=answers(NotSignedIn, BadCursor, UnknownParameter),
)
async def list_some_webhooks(
    request: Request,
    response: Response,
    session: Reading,
    caller: SignedIn,
    asked: Annotated[PageParameters, Query()],
) -> WebhookPage:
    """Your own; the secretariat sees everybody's."""
    rows, following = page_of(await list_webhooks(session, caller, asked), asked)
    link_next(request, response, following)
    return WebhookPage(items=[await show_webhook(session, row) for row in rows], next=following)


@router.get(
    "/webhooks/{webhook_id}",
    summary="Show a webhook",
    responses=answers(NotSignedIn, WebhookNotFound),
)
async def read_a_webhook(webhook_id: UUID, session: Reading, caller: SignedIn) -> WebhookRead:
    return await show_webhook(session, await find_webhook(session, webhook_id, caller))


@router.patch(
    "/webhooks/{webhook_id}",
    summary="Change, pause or switch on a webhook",
    responses=answers(
        NotSignedIn,
        WebhookNotFound,
        UnacceptableUrl,
        UnknownEventPattern,
        WebhookUnverified,
        AccountClosed,
    ),
)
async def change_a_webhook(
    webhook_id: UUID, patch: WebhookPatch, caller: SignedIn, parts: PartsOf, session: Transaction
) -> WebhookRead:
    """What is left out stays as it is; `filters` and `headers` are replaced as a whole.

    What is owed already is sent by the new settings. Another URL has to answer a challenge first.
    """
    return await change_webhook(session, webhook_id, patch, caller, parts)


@router.delete(
    "/webhooks/{webhook_id}",
    status_code=204,
    summary="Delete a webhook and what it is owed",
    responses=answers(NotSignedIn, WebhookNotFound),
)
async def delete_a_webhook(webhook_id: UUID, session: Transaction, caller: SignedIn) -> None:
    await delete_webhook(session, webhook_id, caller)


@router.post(
    "/webhooks/{webhook_id}/test",
    status_code=202,
    summary="Send a test event to a webhook",
    responses=answers(
        NotSignedIn, WebhookNotFound, WebhookDisabled, WebhookUnverified, AccountClosed
    ),
)
async def test_a_webhook(
    webhook_id: UUID, response: Response, parts: PartsOf, session: Transaction, caller: SignedIn
) -> DeliveryRead:
    """It goes the way of every other event; the delivery in the answer tells what comes of it."""
    delivery_id = await send_test_event(session, webhook_id, caller, parts.settings.notify_url)
    response.headers["Location"] = f"/deliveries/{delivery_id}"
    return await read_delivery(session, delivery_id, caller)


@router.post(
    "/webhooks/{webhook_id}/verify",
    status_code=202,
    summary="Send a webhook another challenge",
    responses=answers(NotSignedIn, WebhookNotFound, WebhookVerified, AccountClosed),
)
async def verify_a_webhook(
    webhook_id: UUID, response: Response, parts: PartsOf, session: Transaction, caller: SignedIn
) -> DeliveryRead:
    """The first one is sent at registration; the delivery in the answer tells what comes of it."""
    delivery_id = await send_challenge(session, webhook_id, caller, parts.settings.notify_url)
    response.headers["Location"] = f"/deliveries/{delivery_id}"
    return await read_delivery(session, delivery_id, caller)
