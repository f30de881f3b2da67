"""Deliveries over HTTP."""

from uuid import UUID

from services.notify.delivery_list import DeliveryNotFound, read_delivery_with_attempts
from services.notify.readings import DeliveryWithAttempts
from shared.databases import Reading
from shared.problems import NotSignedIn, answers
from shared.serving import strict_router
from shared.tokens import SignedIn

router = strict_router("webhooks")


@router.get(
    "/deliveries/{delivery_id}",
    summary="Show a delivery and every attempt at it",
    responses=answers(NotSignedIn, DeliveryNotFound),
)
async def read_a_delivery(
    delivery_id: UUID, session: Reading, caller: SignedIn
) -> DeliveryWithAttempts:
    return await read_delivery_with_attempts(session, delivery_id, caller)
