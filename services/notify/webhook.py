"""What an endpoint receives: the body and the headers that sign it (Standard Webhooks, v1)."""

import base64
import hashlib
import hmac
import secrets
from uuid import UUID

import orjson

from shared.audience import cut_event
from shared.vocabulary import Visibility

CONTENT_TYPE = "application/cloudevents+json"
USER_AGENT = "partner-directory-notify/1 (+https://www.standardwebhooks.com)"
SECRET_PREFIX = "whsec_"  # noqa: S105
_SECRET_BYTES = 32


def make_secret() -> bytes:
    """A new key to sign with."""
    return secrets.token_bytes(_SECRET_BYTES)


def written_secret(key: bytes) -> str:
    """`key` as its owner is shown it."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The v1 signature over exactly the bytes that are sent."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def signed_headers(key: bytes, event_id: UUID, timestamp: int, body: bytes) -> dict[str, str]:
    """The request's headers. The id is the event's, so it is the same at each repeat."""
    message_id = str(event_id)
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(key, message_id, timestamp, body),
    }


def body_for(envelope: str, audience: Visibility | str) -> bytes | None:
    """The event as `audience` may see it, or None where it has nothing to tell it."""
    event = cut_event(orjson.loads(envelope), audience)
    return None if event is None else orjson.dumps(event)
