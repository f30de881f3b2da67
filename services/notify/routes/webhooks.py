"""Webhooks over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.notify.delivery_list import DeliveryParameters, list_deliveries, read_delivery
from services.notify.pages import PageParameters, link_next, page_of
from services.notify.parts import Begun, PartsOf
from services.notify.readings import (
    DeliveryPage,
    DeliveryRead,
    WebhookCreated,
    WebhookPage,
    WebhookRead,
    WebhookWrite,
)
from services.notify.webhook_url import UnacceptableUrl
from services.notify.webhooks import (
    TooManyWebhooks,
    UnknownEventPattern,
    WebhookDisabled,
    WebhookNotFound,
    delete_webhook,
    find_webhook,
    list_webhooks,
    register_webhook,
    send_test_event,
)
from shared.databases import Reading, Transaction
from shared.paging import BadCursor
from shared.problems import NotSignedIn, Unavailable, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import SignedIn

router = strict_router("webhooks")


@router.post(
    "/webhooks",
    status_code=201,
    summary="Register a webhook",
    responses=answers(
        NotSignedIn, UnacceptableUrl, UnknownEventPattern, TooManyWebhooks, Unavailable
    ),
)
async def create_a_webhook(
    write: WebhookWrite,
    response: Response,
    caller: SignedIn,
    parts: PartsOf,
    _: Begun,
    session: Transaction,
) -> WebhookCreated:
    """It is told of what happens from now on. The secret in the answer is shown this once."""
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
    return WebhookPage(items=[WebhookRead.model_validate(row) for row in rows], next=following)


@router.get(
    "/webhooks/{webhook_id}",
    summary="Show a webhook",
    responses=answers(NotSignedIn, WebhookNotFound),
)
async def read_a_webhook(webhook_id: UUID, session: Reading, caller: SignedIn) -> WebhookRead:
    return WebhookRead.model_validate(await find_webhook(session, webhook_id, caller))


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
    responses=answers(NotSignedIn, WebhookNotFound, WebhookDisabled),
)
async def test_a_webhook(
    webhook_id: UUID, response: Response, parts: PartsOf, session: Transaction, caller: SignedIn
) -> DeliveryRead:
    """It goes the way of every other event; the delivery in the answer tells what comes of it."""
    delivery_id = await send_test_event(session, webhook_id, caller, parts.settings.notify_url)
    response.headers["Location"] = f"/deliveries/{delivery_id}"
    return await read_delivery(session, delivery_id, caller)


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    summary="List what a webhook was and is owed",
    responses=answers(NotSignedIn, WebhookNotFound, BadCursor, UnknownParameter),
)
async def list_some_deliveries(
    webhook_id: UUID,
    request: Request,
    response: Response,
    session: Reading,
    caller: SignedIn,
    asked: Annotated[DeliveryParameters, Query()],
) -> DeliveryPage:
    """The newest first."""
    rows, following = page_of(await list_deliveries(session, webhook_id, caller, asked), asked)
    link_next(request, response, following)
    return DeliveryPage(items=rows, next=following)
