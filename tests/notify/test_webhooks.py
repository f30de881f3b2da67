"""Webhooks over HTTP: registering, owning, listing, trying out, deleting."""

from typing import Any

import pytest

from shared.events import EVENT_TYPES
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver

URL = "https://partner.example.org/hooks"


async def test_the_secret_is_shown_once(notify: ServedNotify) -> None:
    """In the answer to the registration, and nowhere after it."""
    made = await notify.register(URL, description="our copy", filters={"level": ["local"]})
    assert made["secret"].startswith("whsec_")
    assert made["state"] == "active"
    shown = await notify.get(f"/webhooks/{made['id']}")
    assert shown == {
        name: value for name, value in made.items() if name not in {"secret", "public_key"}
    }
    listed = await notify.client.get("/webhooks", headers=await notify.directory.signed_in())
    assert made["secret"].removeprefix("whsec_") not in listed.text


async def test_somebody_elses_webhook_is_not_there(notify: ServedNotify) -> None:
    """Every address of it answers 404 to another account; the secretariat sees it."""
    owner = await notify.directory.account("member")
    partner = await notify.directory.create("Somebody else")
    other = await notify.directory.account("editor", partner["id"])
    made = await notify.register(URL, owner)
    path = f"/webhooks/{made['id']}"
    test = await notify.client.post(f"{path}/test", headers=owner)
    delivery = f"/deliveries/{test.json()['id']}"
    assert test.headers["Location"] == delivery
    begun = await notify.client.post(f"{path}/replay", json={"after": 0}, headers=owner)
    replay = begun.headers["Location"]
    for method, address in (
        ("GET", path),
        ("DELETE", path),
        ("PATCH", path),
        ("POST", f"{path}/test"),
        ("POST", f"{path}/verify"),
        ("POST", f"{path}/secret/rotate"),
        ("GET", f"{path}/keys"),
        ("GET", f"{path}/deliveries"),
        ("GET", delivery),
        ("POST", f"{delivery}/resend"),
        ("POST", f"{path}/recover"),
        ("POST", f"{path}/replay"),
        ("GET", f"{path}/replays"),
        ("GET", f"{path}/stats"),
        ("GET", replay),
        ("DELETE", replay),
    ):
        since = {"since": "2026-01-01T00:00:00Z"}
        sent = since if address.endswith(("/recover", "/replay")) else {}
        body: dict[str, Any] = {"json": sent} if method in {"PATCH", "POST"} else {}
        answer = await notify.client.request(method, address, headers=other, **body)
        assert answer.status_code == 404, (method, address)
        assert (await notify.client.request(method, address, **body)).status_code == 401
    assert [item["id"] for item in (await notify.get("/webhooks", owner))["items"]] == [made["id"]]
    assert (await notify.get("/webhooks", other))["items"] == []
    assert (await notify.get(path))["account_id"] == made["account_id"]
    assert (await notify.get(delivery))["event_type"] == "webhook.test"
    assert (await notify.client.delete(path, headers=owner)).status_code == 204
    await notify.get(path, owner, status=404)
    await notify.get(delivery, status=404)


async def test_lists_come_in_pages(notify: ServedNotify) -> None:
    """`next` and the Link header lead through all of them, each once."""
    owner = await notify.directory.account("member")
    made = [(await notify.register(URL, owner))["id"] for _ in range(5)]
    seen, path = [], "/webhooks?limit=2"
    while path:
        answer = await notify.client.get(path, headers=owner)
        seen += [item["id"] for item in answer.json()["items"]]
        path = answer.links["next"]["url"] if "next" in answer.links else ""
        assert bool(path) == (answer.json()["next"] is not None)
    assert seen == made
    answer = await notify.client.get("/webhooks?cursor=nonsense", headers=owner)
    assert answer.status_code == 400
    assert (await notify.client.get("/webhooks?page=2", headers=owner)).status_code == 400


@pytest.mark.parametrize("pattern", ["partners.*", "partner.renamed", "partner.", "**", "part*"])
async def test_a_pattern_that_matches_nothing_is_refused(
    notify: ServedNotify, pattern: str
) -> None:
    """The problem lists what there is to choose from."""
    answer = await notify.client.post(
        "/webhooks",
        json={"url": URL, "event_types": ["partner.*", pattern]},
        headers=await notify.directory.signed_in(),
    )
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["errors"] == [{"pointer": "/event_types/1", "detail": "unknown"}]
    assert all(event_type in problem["detail"] for event_type in EVENT_TYPES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_types": []},
        {"event_types": ["*"] * 51},
        {"filters": {"level": ["galactic"]}},
        {"filters": {"colour": ["red"]}},
        {"filters": {"country": ["gb"]}},
        {"description": "x" * 501},
        {"description": "\x00"},
        {"secret": "whsec_mine"},
    ],
)
async def test_wrong_values_are_refused(notify: ServedNotify, wrong: dict[str, object]) -> None:
    """422 each; never a 500."""
    answer = await notify.client.post(
        "/webhooks",
        json={"url": URL, "event_types": ["*"], **wrong},
        headers=await notify.directory.signed_in(),
    )
    assert answer.status_code == 422, answer.text


async def test_an_account_has_a_limit_of_webhooks(notify: ServedNotify) -> None:
    """The hundred and first is refused with what to do about it."""
    owner = await notify.directory.account("member")
    for _ in range(100):
        await notify.register(URL, owner)
    answer = await notify.client.post(
        "/webhooks", json={"url": URL, "event_types": ["*"]}, headers=owner
    )
    assert answer.status_code == 409
    assert "Delete one" in answer.json()["detail"]


async def test_a_test_event_goes_to_one_webhook_only(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """By the way of every other event, whatever the webhook's patterns are."""
    webhook = await notify.register(receiver.url, event_types=["topic.created"])
    await notify.register(receiver.url, event_types=["*"])
    answer = await notify.client.post(
        f"/webhooks/{webhook['id']}/test", headers=await notify.directory.signed_in()
    )
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    [delivery] = await notify.settled(webhook, "delivered")
    assert delivery["id"] == answer.json()["id"]
    [request] = receiver.requests
    assert request.event["type"] == "webhook.test"
    assert request.event["data"]["webhook_id"] == webhook["id"]
    schema = request.event["dataschema"].removeprefix("http://notify.test")
    assert (await notify.get(schema))["title"] == "WebhookTest"


async def test_event_types_are_listed_with_what_they_say(notify: ServedNotify) -> None:
    """Everybody may read them; nothing of the inner log is in the schemas."""
    answer = await notify.client.get("/event-types")
    items = answer.json()["items"]
    assert [item["type"] for item in items] == list(EVENT_TYPES)
    assert all(item["description"] and item["schema"]["properties"] for item in items)
    assert "audiences" not in answer.text


async def test_notify_says_what_it_stands_on(notify: ServedNotify) -> None:
    """Ready, with its database required and the rest not."""
    ready = await notify.get("/readyz")
    assert {item["name"]: item["required"] for item in ready["dependencies"]} == {
        "database": True,
        "broker": False,
        "directory": False,
    }
    metrics = await notify.client.get("/metrics")
    assert "webhook_oldest_unfinished_seconds" in metrics.text
