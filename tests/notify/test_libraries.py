"""What we send, as its readers' libraries take it: Standard Webhooks, Svix and CloudEvents."""

import base64
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
import standardwebhooks
import svix.webhooks
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jsonschema import Draft202012Validator
from sqlalchemy import text

from services.directory.assurance import render_due
from services.notify.models import KeyKind
from services.notify.webhooks.signing import make_key, open_key, signatures, signed_headers
from shared.events import EVENT_TYPES
from tests.notify.served_notify import ServedNotify, notify_settings, serve_notify
from tests.notify.verifying import LIBRARIES, Verifies, signed_by_javascript
from tests.receiver import Received, Receiver, Reply, serve_receiver
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

VECTORS: dict[str, Any] = orjson.loads(
    (Path(__file__).parent / "vectors/standardwebhooks.json").read_bytes()
)
SYMMETRIC = [vector for vector in VECTORS["vectors"] if vector["scheme"] == "v1"]
ASYMMETRIC = [vector for vector in VECTORS["vectors"] if vector["scheme"] == "v1a"]
EVENT_ID = UUID("0190f5c2-0000-7000-8000-000000000001")
BODY = '{"specversion":"1.0","n":"Université – 日本"}'.encode()


def at_of(vector: dict[str, Any]) -> datetime:
    """When it was signed."""
    return datetime.fromtimestamp(vector["timestamp"], UTC)


@pytest.mark.parametrize("vector", SYMMETRIC, ids=lambda vector: vector["name"])
def test_the_libraries_sign_as_we_do(vector: dict[str, Any]) -> None:
    """Each of them makes the vector's signature, which is ours."""
    secret, message_id, at, body = vector["secret"], vector["id"], at_of(vector), vector["body"]
    key = open_key(KeyKind.v1, base64.b64decode(secret.removeprefix("whsec_")), None)
    made = {
        signatures([key], message_id, at, body.encode()),
        standardwebhooks.Webhook(secret).sign(message_id, at, body),
        svix.webhooks.Webhook(secret).sign(message_id, at, body),
        signed_by_javascript(secret, message_id, at, body),
    }
    assert made == {vector["signature"]}


@pytest.mark.parametrize("vector", ASYMMETRIC, ids=lambda vector: vector["name"])
def test_v1a_signs_as_the_vectors_do(vector: dict[str, Any]) -> None:
    """Same key, id, time and bytes: same signature, and the public key takes it."""
    # Their private key has the public one behind it; the first half is what signs.
    private = base64.b64decode(vector["secret"].removeprefix("whsk_"))[:32]
    key = open_key(KeyKind.v1a, private, None)
    made = signatures([key], vector["id"], at_of(vector), vector["body"].encode())
    assert made == vector["signature"]
    public = base64.b64decode(vector["public_key"].removeprefix("whpk_"))
    signed = f"{vector['id']}.{vector['timestamp']}.{vector['body']}".encode()
    Ed25519PublicKey.from_public_bytes(public).verify(
        base64.b64decode(made.removeprefix("v1a,")), signed
    )


Request = tuple[str, dict[str, str], bytes]
"""A secret, and headers and body that are to be verified with it."""


def request_of(case: Mapping[str, Any], seconds: int = 0) -> Request:
    """What we send, as `case` of the vectors has changed it."""
    made = make_key(KeyKind.v1)
    at = datetime.now(UTC) + timedelta(seconds=case.get("skew", seconds))
    headers = signed_headers([open_key(KeyKind.v1, made.private, None)], EVENT_ID, at, BODY)
    if "header" in case:
        good = headers["webhook-signature"].removeprefix("v1,")
        headers["webhook-signature"] = case["header"].replace("<good>", good).replace("<x>", good)
    assert made.secret is not None
    return made.secret, headers, BODY


def without(name: str) -> Callable[[Request], Request]:
    """A request without the header `name`."""
    return lambda request: (
        request[0],
        {key: value for key, value in request[1].items() if key != name},
        request[2],
    )


# What the vectors only say in words.
CHANGES: dict[str, list[Callable[[Request], Request]]] = {
    "tampered body": [lambda one: (one[0], one[1], one[2] + b" ")],
    "tampered id": [lambda one: (one[0], {**one[1], "webhook-id": "another"}, one[2])],
    "missing id / timestamp / signature header": [
        without("webhook-id"),
        without("webhook-timestamp"),
        without("webhook-signature"),
    ],
    "timestamp not a number": [
        lambda one: (one[0], {**one[1], "webhook-timestamp": "soon"}, one[2])
    ],
    "secret 'v1,whsec_…' mistake (issue 235)": [lambda one: ("v1," + one[0], one[1], one[2])],
    "secret without base64 padding accepted": [lambda one: (one[0].rstrip("="), one[1], one[2])],
}


@pytest.mark.parametrize("verifies", LIBRARIES.values(), ids=LIBRARIES)
@pytest.mark.parametrize("case", VECTORS["negative"], ids=lambda case: case["name"])
def test_the_libraries_refuse_what_they_should(case: dict[str, Any], verifies: Verifies) -> None:
    """Of the twelve ways to change a request each library takes those that the vectors say."""
    changes = CHANGES.get(case["name"], [lambda one: one])
    # Our clock and theirs are read one after the other; a second in between must not count.
    skew = {-301: -302, 301: 303, -299: -297}.get(case.get("skew", 0), 0)
    for change in changes:
        assert verifies(*change(request_of({**case, "skew": skew}))) is case.get("ok", False)
    assert verifies(*request_of({}))


@pytest.fixture(scope="module")
async def strict_notify(
    notify_database_url: str, directory: ServedDirectory
) -> AsyncIterator[ServedNotify]:
    """Notify that sends a challenge first, and tells soon of what fails."""
    settings = notify_settings(
        notify_database_url,
        directory.redis_url,
        WEBHOOK_VERIFICATION="on",
        WEBHOOK_RETRY_SECONDS="0" + ",0.5" * 100,
        WEBHOOK_HEALTH_SECONDS="0.1",
        WEBHOOK_FAILING_HOURS="0.00001",
    )
    async with serve_notify(settings, directory) as served:
        yield served


async def every_type_of_event(
    notify: ServedNotify, webhook: dict[str, Any], receiver: Receiver
) -> None:
    """Do what makes one of each type; `webhook` is told of everything, at `receiver`."""
    point = {
        "kind": "role",
        "purposes": ["press"],
        "channels": [{"kind": "email", "value": "press@example.org"}],
    }
    name = "Université – 日本 😀 " + "x" * 150
    partner = await notify.directory.create(name, contact_points=[point])
    point_id = partner["contact_points"][0]["id"]
    topic = {"notation": "told", "scheme": "theme", "pref_label": {"en": "Told"}}
    made = await asked(notify.directory, "POST", "/topics", topic)
    for method, path, body in (
        ("PATCH", f"/partners/{partner['id']}", {"description": {"en": "y" * 4_000}}),
        ("POST", f"/partners/{partner['id']}/assurance", {"method": "visit"}),
        ("POST", f"/partners/{partner['id']}/contact-points/{point_id}/erasure", None),
        ("PATCH", f"/topics/{made['id']}", {"definition": {"en": "To be told."}}),
        ("PATCH", f"/topics/{made['id']}", {"status": "deprecated"}),
    ):
        await asked(notify.directory, method, path, body)
    await let_reviews_fall_due(notify.directory)
    twin = await notify.directory.create("Twin")
    merge = {"from": twin["id"], "into": partner["id"]}
    await asked(notify.directory, "POST", "/partners/merge", merge)
    await asked(notify.directory, "DELETE", f"/partners/{partner['id']}", None)
    await asked(notify, "POST", f"/webhooks/{webhook['id']}/test", {})
    async with serve_receiver() as failing:
        failing.usual = Reply(200, echoing="challenge")
        other = await notify.register(failing.url)
        await notify.settled(other, "delivered")
        failing.usual = Reply(500)
        await asked(notify, "POST", f"/webhooks/{other['id']}/test", {})

        async def is_told_of_failing() -> bool:
            return "webhook.failing" in {one.event["type"] for one in receiver.requests}

        await wait_until(is_told_of_failing, "the owner is told of the webhook that fails")
        failing.usual = Reply(410)

        async def is_disabled() -> bool:
            return bool((await notify.get(f"/webhooks/{other['id']}"))["state"] == "disabled")

        await wait_until(is_disabled, "the webhook that is gone is disabled")


async def let_reviews_fall_due(directory: ServedDirectory) -> None:
    """What is assured should have been checked again by now; then the loop looks."""
    async with directory.app.state.database.transaction() as session:
        await session.execute(
            text(
                "UPDATE partner SET changes_at = '2020-01-01 00:00:00', "
                "next_review_at = '2020-01-01 00:00:00' WHERE assured_at IS NOT NULL"
            )
        )
        await render_due(session)


async def asked(
    service: ServedDirectory | ServedNotify, method: str, path: str, body: dict[str, Any] | None
) -> dict[str, Any]:
    """The answer of a service to the secretariat, on the version of the record that is there."""
    directory = service.directory if isinstance(service, ServedNotify) else service
    headers = await directory.signed_in()
    there = await service.client.get("/".join(path.split("/")[:3]), headers=headers)
    answer = await service.client.request(
        method, path, json=body, headers={**headers, "If-Match": there.headers.get("ETag", "*")}
    )
    assert answer.is_success, answer.text
    said: dict[str, Any] = answer.json() if answer.content else {}
    return said


def parsed(request: Received) -> tuple[dict[str, Any], Any]:
    """The attributes and the data of the event, as the CloudEvents SDK reads them."""
    event = from_structured_event(HTTPMessage(headers=request.headers, body=request.body))
    return event.get_attributes(), event.get_data()


async def test_every_type_of_event_is_verified_and_parsed(
    strict_notify: ServedNotify, receiver: Receiver
) -> None:
    """By all libraries, and with `v1a` by its public key; the SDK finds in it what its JSON has."""
    receiver.usual = Reply(200, echoing="challenge")
    webhook = await strict_notify.register(
        receiver.url, event_types=["*"], signatures=["v1", "v1a"]
    )
    await strict_notify.settled(webhook, "delivered")
    await every_type_of_event(strict_notify, webhook, receiver)

    async def has_all() -> bool:
        return {request.event["type"] for request in receiver.requests} == set(EVENT_TYPES)

    await wait_until(has_all, "an event of each type has arrived")
    requests = receiver.requests
    public = base64.b64decode(webhook["public_key"].removeprefix("whpk_"))
    schemas = {
        item["type"]: Draft202012Validator(item["schema"])
        for item in (await strict_notify.get("/event-types"))["items"]
    }
    for request in requests:
        for name, verifies in LIBRARIES.items():
            assert verifies(webhook["secret"], request.headers, request.body), name
        headers = request.headers
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
        [v1a] = [
            one.removeprefix("v1a,")
            for one in headers["webhook-signature"].split(" ")
            if one.startswith("v1a,")
        ]
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(v1a), signed)
        attributes, data = parsed(request)
        event = request.event
        schemas[event["type"]].validate(event)
        assert data == event["data"]
        assert attributes["time"] == datetime.fromisoformat(event["time"])
        for name in set(event) - {"data", "time"}:
            assert attributes[name] == event[name]
