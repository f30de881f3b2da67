"""Deliveries over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.notify.delivery_list import (
    DeliveryNotFound,
    list_all_deliveries,
    list_deliveries,
    read_delivery_with_attempts,
)
from services.notify.delivery_parameters import DeliveryParameters
from services.notify.pages import link_next, page_of
from services.notify.patterns import UnknownEventPattern
from services.notify.readings import DeliveryPage, DeliveryWithAttempts
from services.notify.webhooks import WebhookNotFound
from shared.databases import Reading
from shared.paging import BadCursor
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
