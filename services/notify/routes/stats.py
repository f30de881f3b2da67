"""How webhooks fare, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from services.notify.webhooks.registering import WebhookNotFound
from services.notify.webhooks.stats import WebhookStats, read_stats
from shared.databases import Reading
from shared.problems import NotSignedIn, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import SignedIn

router = strict_router("webhooks")


@router.get(
    "/webhooks/{webhook_id}/stats",
    summary="Show how a webhook fares",
    responses=answers(NotSignedIn, WebhookNotFound, UnknownParameter),
)
async def read_some_stats(
    webhook_id: UUID,
    session: Reading,
    caller: SignedIn,
    hours: Annotated[
        int, Query(ge=1, le=720, description="Count the attempts of so many hours up to now.")
    ] = 24,
) -> WebhookStats:
    """Of the newest 10,000 attempts at most, so that the answer is quick however many there are."""
    return await read_stats(session, webhook_id, caller, hours)
