"""The keys of webhooks over HTTP."""

from uuid import UUID

from fastapi import Response

from services.notify.models import KeyKind
from services.notify.parts import PartsOf
from services.notify.webhooks.keys import (
    TooManyKeys,
    UnacceptableSecret,
    list_keys,
    rotate_key,
)
from services.notify.webhooks.readings import (
    KeyList,
    KeyRead,
    KeyRotated,
    KeyRotation,
    PublicKey,
    PublicKeyList,
)
from services.notify.webhooks.registering import WebhookNotFound, find_webhook
from shared.databases import Reading, Transaction
from shared.leases import database_time
from shared.problems import NotSignedIn, answers
from shared.serving import strict_router
from shared.tokens import SignedIn

router = strict_router("webhooks")


@router.post(
    "/webhooks/{webhook_id}/secret/rotate",
    status_code=201,
    summary="Replace the key that a webhook's messages are signed with",
    responses=answers(NotSignedIn, WebhookNotFound, UnacceptableSecret, TooManyKeys),
)
async def rotate_a_secret(
    webhook_id: UUID,
    asked: KeyRotation,
    response: Response,
    caller: SignedIn,
    parts: PartsOf,
    session: Transaction,
) -> KeyRotated:
    """For a time of grace messages carry the signatures of the old key and the new one.

    So receivers may be told of the new key one by one. The secret is shown this once.
    """
    await find_webhook(session, webhook_id, caller)
    now = await database_time(session)
    grace = parts.settings.secret_grace_seconds
    response.headers["Cache-Control"] = "no-store"
    return await rotate_key(session, webhook_id, asked, parts.seal, now, grace)


@router.get(
    "/webhooks/{webhook_id}/keys",
    summary="List the keys that a webhook's messages are signed with",
    responses=answers(NotSignedIn, WebhookNotFound),
)
async def list_the_keys(webhook_id: UUID, session: Reading, caller: SignedIn) -> KeyList:
    """How old each is and until when it signs, not what it is."""
    await find_webhook(session, webhook_id, caller)
    rows = await list_keys(session, webhook_id, await database_time(session))
    return KeyList(items=[KeyRead.model_validate(row) for row in rows])


@router.get("/webhooks/{webhook_id}/public-keys", summary="Read the keys to verify v1a with")
async def list_the_public_keys(webhook_id: UUID, session: Reading) -> PublicKeyList:
    """For anybody: they verify, and tell nothing else. Empty where messages have no v1a."""
    now = await database_time(session)
    rows = await list_keys(session, webhook_id, now, KeyKind.v1a)
    return PublicKeyList(items=[PublicKey.model_validate(row) for row in rows])
