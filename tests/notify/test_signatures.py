"""Signatures of Standard Webhooks: ours against published vectors and the reference library."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.notify.models import KeyKind
from services.notify.webhooks.signing import (
    make_key,
    open_key,
    signatures,
    signed_headers,
)

VECTORS: dict[str, Any] = orjson.loads(
    (Path(__file__).parent / "vectors/standardwebhooks.json").read_bytes()
)
SYMMETRIC = [vector for vector in VECTORS["vectors"] if vector["scheme"] == "v1"]
EVENT_ID = UUID("0190f5c2-0000-7000-8000-000000000001")
BODY = b'{"specversion":"1.0"}'


def key_of(secret: str) -> bytes:
    """The key that `secret` is written for."""
    return base64.b64decode(secret.removeprefix("whsec_"))


@pytest.mark.parametrize("vector", SYMMETRIC, ids=lambda vector: vector["name"])
def test_signatures_are_those_of_the_vectors(vector: dict[str, Any]) -> None:
    """Same key, id, time and bytes: same signature."""
    key = open_key(KeyKind.v1, key_of(vector["secret"]), None)
    at = datetime.fromtimestamp(vector["timestamp"], UTC)
    assert signatures([key], vector["id"], at, vector["body"].encode()) == vector["signature"]


def a_request(skew: int = 0) -> tuple[str, dict[str, str]]:
    """A secret and the headers signed with it, `skew` seconds from now."""
    made = make_key(KeyKind.v1)
    key = open_key(KeyKind.v1, made.private, None)
    at = datetime.now(UTC) + timedelta(seconds=skew)
    assert made.secret is not None
    return made.secret, signed_headers([key], EVENT_ID, at, BODY)


def accepts(secret: str, headers: dict[str, str], body: bytes = BODY) -> bool:
    """Whether the reference library takes the request."""
    try:
        Webhook(secret).verify(body, headers)
    except (WebhookVerificationError, ValueError):
        # The library raises ValueError where a header is malformed.
        return False
    return True


def test_the_secret_is_written_as_the_standard_says() -> None:
    """`whsec_` and the base64 of 32 bytes."""
    secret, headers = a_request()
    assert len(key_of(secret)) == 32
    assert accepts(secret, headers)
    assert accepts(secret.rstrip("="), headers)


@pytest.mark.parametrize(("skew", "ok"), [(-301, False), (302, False), (-298, True), (298, True)])
def test_old_and_future_requests_are_refused(skew: int, ok: bool) -> None:
    """Five minutes either way is what receivers allow."""
    assert accepts(*a_request(skew)) is ok


def test_what_was_tampered_with_is_refused() -> None:
    """Body, id, time and signature hang together."""
    secret, headers = a_request()
    good = headers["webhook-signature"]
    assert not accepts(secret, headers, BODY + b" ")
    assert not accepts(secret, {**headers, "webhook-id": "another"})
    assert not accepts(secret, {**headers, "webhook-timestamp": "soon"})
    assert not accepts(secret, {**headers, "webhook-signature": good.replace("v1,", "v1a,")})
    assert not accepts("v1," + secret, headers)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert not accepts(secret, {key: v for key, v in headers.items() if key != name})


def test_one_good_signature_of_several_is_enough() -> None:
    """So secrets can be rotated."""
    secret, headers = a_request()
    good = headers["webhook-signature"]
    assert accepts(secret, {**headers, "webhook-signature": f"v1,AAAA {good}"})
    assert accepts(secret, {**headers, "webhook-signature": f"v2,zzz {good}"})
