"""Verification: a new endpoint answers a challenge before it is sent its first event.

So nobody can have our events sent to somebody who never asked for them.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import WEBHOOKS, WebhookState
from services.notify.own_events import own_event
from services.notify.retries import Answer, Delivered
from services.notify.sending.attempted import Attempted
from services.notify.webhooks.switching import switch_on
from shared.records import JsonObject

VERIFICATION_EVENT = "webhook.verification"
_CHALLENGE_BYTES = 24


def challenge_event(webhook_id: UUID, notify_url: str) -> JsonObject:
    """An event with a new challenge."""
    return own_event(
        VERIFICATION_EVENT,
        webhook_id,
        {
            "webhook_id": str(webhook_id),
            "challenge": secrets.token_urlsafe(_CHALLENGE_BYTES),
            "message": "Answer with this challenge in the body to be sent events.",
        },
        notify_url,
    )


def judge_answer(body: bytes, answer: Answer) -> Answer:
    """`answer`, to the message `body`, as an error where the challenge is not in it."""
    challenge: str = orjson.loads(body)["data"]["challenge"]
    if answer.error is not None or not answer.is_success or challenge in (answer.body or ""):
        return answer
    return answer._replace(error="its answer does not have the challenge in its body")


async def note_verified(session: AsyncSession, held: Sequence[Attempted], now: datetime) -> None:
    """Let those webhooks be sent events whose endpoints have answered their challenge."""
    # The answer of an address that the webhook has no more verifies nothing.
    answered = {
        (one.delivery.endpoint.id, one.delivery.endpoint.url)
        for one in held
        if one.delivery.message.event_type == VERIFICATION_EVENT
        and isinstance(one.outcome, Delivered)
    }
    if not answered:
        return
    verified = await session.scalars(
        update(WEBHOOKS)
        .where(
            tuple_(WEBHOOKS.c.id, WEBHOOKS.c.url).in_(answered),
            WEBHOOKS.c.state == WebhookState.unverified.value,
        )
        .values(verified_at=now)
        .returning(WEBHOOKS.c.id)
    )
    if found := verified.all():
        await switch_on(session, found, now)
