"""What an endpoint receives: the body and the headers that sign it (Standard Webhooks)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.notify.models import KeyKind
from shared.audience import cut_event
from shared.vocabulary import Visibility

CONTENT_TYPE = "application/cloudevents+json"
USER_AGENT = "partner-directory-notify/1 (+https://www.standardwebhooks.com)"
_SECRET_PREFIX = "whsec_"  # noqa: S105
_PUBLIC_PREFIX = "whpk_"
_SECRET_BYTES = (24, 64)
_NEW_SECRET_BYTES = 32


class Signs(Protocol):
    """A key that can sign a message."""

    def sign(self, message: bytes) -> bytes:
        """The signature of `message`."""


class _Hmac:
    def __init__(self, key: bytes) -> None:
        # Made once: to begin with a key takes as long as to sign a message.
        self._begun = hmac.new(key, digestmod=hashlib.sha256)

    def sign(self, message: bytes) -> bytes:
        signing = self._begun.copy()
        signing.update(message)
        return signing.digest()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One of a webhook's keys, opened; it signs until it expires."""

    kind: KeyKind
    signer: Signs
    expires_at: datetime | None

    def signs_at(self, moment: datetime) -> bool:
        """Whether it still signs."""
        return self.expires_at is None or self.expires_at > moment


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: what is kept sealed, what its owner is shown, and what anybody may see."""

    private: bytes
    secret: str | None
    """For v1: what its owner verifies with, shown once."""
    public: str | None
    """For v1a: what anybody verifies with."""


def make_key(kind: KeyKind) -> NewKey:
    """A new key."""
    match kind:
        case KeyKind.v1:
            return _hmac_key(secrets.token_bytes(_NEW_SECRET_BYTES))
        case KeyKind.v1a:
            private = Ed25519PrivateKey.generate()
            return NewKey(
                private=private.private_bytes_raw(),
                secret=None,
                public=_PUBLIC_PREFIX + _base64(private.public_key().public_bytes_raw()),
            )


def key_of_secret(secret: str) -> NewKey:
    """The v1 key that its owner brings along, as Standard Webhooks write one.

    Raises:
        ValueError: it is not `whsec_` and 24 to 64 bytes in base64.
    """
    if not secret.startswith(_SECRET_PREFIX):
        raise ValueError("it does not begin with whsec_")
    key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    if not _SECRET_BYTES[0] <= len(key) <= _SECRET_BYTES[1]:
        raise ValueError("it is not 24 to 64 bytes in base64")
    return _hmac_key(key)


def _hmac_key(key: bytes) -> NewKey:
    return NewKey(private=key, secret=_SECRET_PREFIX + _base64(key), public=None)


def open_key(kind: KeyKind, private: bytes, expires_at: datetime | None) -> SigningKey:
    """The key that was kept as `private`."""
    signer: Signs
    match kind:
        case KeyKind.v1:
            signer = _Hmac(private)
        case KeyKind.v1a:
            signer = Ed25519PrivateKey.from_private_bytes(private)
    return SigningKey(kind, signer, expires_at)


def signatures(keys: Sequence[SigningKey], message_id: str, at: datetime, body: bytes) -> str:
    """The signatures over exactly the bytes that are sent, one by each key that still signs."""
    signed = b"%s.%d.%s" % (message_id.encode(), int(at.timestamp()), body)
    return " ".join(
        f"{key.kind},{_base64(key.signer.sign(signed))}" for key in keys if key.signs_at(at)
    )


def signed_headers(
    keys: Sequence[SigningKey], event_id: UUID, at: datetime, body: bytes
) -> dict[str, str]:
    """The request's headers. The id is the event's, so it is the same at each repeat."""
    message_id = str(event_id)
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signatures(keys, message_id, at, body),
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def body_for(envelope: str, audience: Visibility | str) -> bytes | None:
    """The event as `audience` may see it, or None where it has nothing to tell it."""
    event = cut_event(orjson.loads(envelope), audience)
    return None if event is None else orjson.dumps(event)
