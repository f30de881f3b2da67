"""Deliveries over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.notify.deliveries.listing import (
    DeliveryNotFound,
    list_all_deliveries,
    list_deliveries,
    read_delivery_with_attempts,
)
from services.notify.deliveries.parameters import DeliveryParameters
from services.notify.deliveries.resending import (
    DeliveryUnderWay,
    Recovered,
    Recovery,
    recover_deliveries,
    resend_delivery,
)
from services.notify.parts import PartsOf
from services.notify.patterns import UnknownEventPattern
from services.notify.readings import DeliveryPage, DeliveryRead, DeliveryWithAttempts
from services.notify.webhooks.registering import WebhookDisabled, WebhookNotFound, WebhookUnverified
from shared.databases import Database, Reading, Transaction
from shared.paging import BadCursor, link_next, page_of
from shared.problems import NotSignedIn, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import SignedIn

router = strict_router("webhooks")


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    summary="List what a webhook was and is owed",
    responses=answers(
        NotSignedIn, WebhookNotFound, BadCursor, UnknownParameter, UnknownEventPattern
    ),
)
async def list_some_deliveries(
    webhook_id: UUID,
    request: Request,
    response: Response,
    session: Reading,
    caller: SignedIn,
    asked: Annotated[DeliveryParameters, Query()],
) -> DeliveryPage:
    """The newest first, unless asked otherwise."""
    rows, following = page_of(await list_deliveries(session, webhook_id, caller, asked), asked)
    link_next(request, response, following)
    return DeliveryPage(items=rows, next=following)


@router.get(
    "/deliveries",
    summary="List what all your webhooks were and are owed",
    responses=answers(NotSignedIn, BadCursor, UnknownParameter, UnknownEventPattern),
)
async def list_deliveries_of_all(
    request: Request,
    response: Response,
    session: Reading,
    caller: SignedIn,
    asked: Annotated[DeliveryParameters, Query()],
) -> DeliveryPage:
    """The secretariat sees everybody's. `state=dead` lists what was given up."""
    rows, following = page_of(await list_all_deliveries(session, caller, asked), asked)
    link_next(request, response, following)
    return DeliveryPage(items=rows, next=following)


@router.get(
    "/deliveries/{delivery_id}",
    summary="Show a delivery and every attempt at it",
    responses=answers(NotSignedIn, DeliveryNotFound),
)
async def read_a_delivery(
    delivery_id: UUID, session: Reading, caller: SignedIn
) -> DeliveryWithAttempts:
    return await read_delivery_with_attempts(session, delivery_id, caller)


@router.post(
    "/deliveries/{delivery_id}/resend",
    status_code=202,
    summary="Send a delivery again",
    responses=answers(
        NotSignedIn, DeliveryNotFound, DeliveryUnderWay, WebhookDisabled, WebhookUnverified
    ),
)
async def resend_a_delivery(
    delivery_id: UUID, session: Transaction, caller: SignedIn
) -> DeliveryRead:
    """Whatever came of it before: it is due now, with all attempts before it.

    It keeps its place, so what you are owed later about its record waits for it. What you were sent
    later already is not sent again: compare the `sequence` of events.
    """
    return await resend_delivery(session, delivery_id, caller)


@router.post(
    "/webhooks/{webhook_id}/recover",
    summary="Send again what was given up",
    responses=answers(NotSignedIn, WebhookNotFound, WebhookDisabled, WebhookUnverified),
)
async def recover_some_deliveries(
    webhook_id: UUID, asked: Recovery, parts: PartsOf, request: Request, caller: SignedIn
) -> Recovered:
    """All that came to be `dead` in the time asked for, in its order; it is due now.

    While `more` is true, ask the same again: it goes on with the rest.
    """
    at_most = parts.settings.recover_at_once
    database: Database = request.app.state.database
    return await recover_deliveries(database, webhook_id, asked, caller, at_most)
