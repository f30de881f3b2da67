"""Keys: several sign during a rotation, what they are is shown once, and anybody can verify v1a."""

import base64
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.notify.served_notify import ServedNotify
from tests.receiver import Received, Receiver


def verifies(secret: str, request: Received) -> bool:
    """Whether the reference library takes the request."""
    try:
        Webhook(secret).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


def verifies_v1a(public_key: str, request: Received) -> bool:
    """Whether one of the request's v1a signatures is by the key."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    for one in headers["webhook-signature"].split(" "):
        scheme, _, signature = one.partition(",")
        if scheme != "v1a":
            continue
        try:
            key.verify(base64.b64decode(signature), signed)
        except InvalidSignature:
            continue
        return True
    return False


async def rotate(
    notify: ServedNotify, webhook: dict[str, Any], status: int = 201, **asked: Any
) -> dict[str, Any]:
    """The answer to a rotation."""
    answer = await notify.client.post(
        f"/webhooks/{webhook['id']}/secret/rotate",
        json=asked,
        headers=await notify.directory.signed_in(),
    )
    assert answer.status_code == status, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def next_request(notify: ServedNotify, receiver: Receiver) -> Received:
    """What arrives next."""
    count = len(receiver.requests)
    await notify.directory.create(f"Event number {count}")
    return (await receiver.got(count + 1))[count]


async def test_old_and_new_secret_verify_during_the_grace(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """Both do while the old one lasts; without a grace only the new one does, at once."""
    webhook = await notify.register(receiver.url)
    assert verifies(webhook["secret"], await next_request(notify, receiver))
    second = await rotate(notify, webhook)
    assert second["secret"] != webhook["secret"]
    request = await next_request(notify, receiver)
    assert verifies(webhook["secret"], request)
    assert verifies(second["secret"], request)
    third = await rotate(notify, webhook, grace_seconds=0)
    request = await next_request(notify, receiver)
    assert verifies(third["secret"], request)
    assert not verifies(second["secret"], request)
    assert not verifies(webhook["secret"], request)


async def test_keys_are_listed_without_what_they_are(notify: ServedNotify) -> None:
    """Ages and ends are shown, the newest first; secrets never again."""
    webhook = await notify.register("https://partner.example.org/hooks")
    second = await rotate(notify, webhook, grace_seconds=600)
    answer = await notify.client.get(
        f"/webhooks/{webhook['id']}/keys", headers=await notify.directory.signed_in()
    )
    newest, oldest = answer.json()["items"]
    assert newest["id"] == second["id"]
    assert (newest["expires_at"], oldest["expires_at"] is None) == (None, False)
    for secret in (webhook["secret"], second["secret"]):
        assert secret.removeprefix("whsec_") not in answer.text


async def test_v1a_is_verified_with_a_key_that_anybody_may_read(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """Beside v1 or alone; both keys during a rotation; the private half is nowhere."""
    webhook = await notify.register(receiver.url, signatures=["v1", "v1a"])
    request = await next_request(notify, receiver)
    assert verifies(webhook["secret"], request)
    assert verifies_v1a(webhook["public_key"], request)
    rotated = await rotate(notify, webhook, kind="v1a")
    assert rotated["secret"] is None
    request = await next_request(notify, receiver)
    assert verifies_v1a(rotated["public_key"], request)
    assert verifies_v1a(webhook["public_key"], request)
    answer = await notify.client.get(f"/webhooks/{webhook['id']}/public-keys")
    assert [key["public_key"] for key in answer.json()["items"]] == [
        rotated["public_key"],
        webhook["public_key"],
    ]
    alone = await notify.register(receiver.url, signatures=["v1a"])
    assert alone["secret"] is None


async def test_a_secret_of_ones_own(notify: ServedNotify, receiver: Receiver) -> None:
    """Signs as any other; one that is none is refused with a sentence."""
    webhook = await notify.register(receiver.url)
    secret = "whsec_" + base64.b64encode(bytes(range(24))).decode()
    await rotate(notify, webhook, secret=secret, grace_seconds=0)
    assert verifies(secret, await next_request(notify, receiver))


@pytest.mark.parametrize(
    "asked",
    [
        {"secret": "whsec_" + base64.b64encode(bytes(23)).decode()},
        {"secret": "whsec_" + base64.b64encode(bytes(65)).decode()},
        {"secret": base64.b64encode(bytes(32)).decode()},
        {"secret": "whsec_???"},
        {"secret": "whsec_" + base64.b64encode(bytes(32)).decode(), "kind": "v1a"},
        {"grace_seconds": 604_801},
        {"grace_seconds": -1},
    ],
)
async def test_rotations_that_cannot_be_are_refused(
    notify: ServedNotify, asked: dict[str, Any]
) -> None:
    """Nothing changes by them."""
    webhook = await notify.register("https://partner.example.org/hooks")
    await rotate(notify, webhook, 422, **asked)
    keys = await notify.get(f"/webhooks/{webhook['id']}/keys")
    assert [key["expires_at"] for key in keys["items"]] == [None]


async def test_keys_do_not_pile_up(notify: ServedNotify) -> None:
    """With ten that still sign, there is no other before one ends; without a grace there is."""
    webhook = await notify.register("https://partner.example.org/hooks")
    for _ in range(9):
        await rotate(notify, webhook)
    refused = await rotate(notify, webhook, 409)
    assert refused["type"].endswith("too-many-keys")
