"""Inner events: for our own services, never for an endpoint, and offered to nobody."""

from typing import Any

import pytest

from shared.events import INNER_EVENT_TYPES
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver


async def test_no_endpoint_is_told_of_accounts(notify: ServedNotify, receiver: Receiver) -> None:
    """Whoever registered it, with `*`; what comes after them arrives, and nothing is set aside."""
    headers = await notify.directory.signed_in()
    member = await notify.directory.account("member")
    for owner in (headers, member):
        await notify.register(receiver.url, owner, event_types=["*"])
    made = await notify.directory.client.post(
        "/accounts", json={"name": "n", "role": "member"}, headers=headers
    )
    account = f"/accounts/{made.json()['id']}"
    await notify.directory.client.patch(
        account, json={"name": "m"}, headers={**headers, "If-Match": '"1"'}
    )
    await notify.directory.client.delete(account, headers=headers)
    partner = await notify.directory.create("After them")
    await receiver.got(2)
    told = {(request.event["type"], request.event["subject"]) for request in receiver.requests}
    assert told == {("partner.created", partner["id"])}
    assert (await notify.get("/notify/dead-events"))["items"] == []


@pytest.mark.parametrize("pattern", [*INNER_EVENT_TYPES, "account.*", "contact_point.*"])
async def test_a_pattern_for_inner_events_is_refused(notify: ServedNotify, pattern: str) -> None:
    """As one that matches nothing, and not offered among the others."""
    answer = await notify.client.post(
        "/webhooks",
        json={"url": "https://partner.example.org/hooks", "event_types": [pattern]},
        headers=await notify.directory.signed_in(),
    )
    assert (answer.status_code, answer.json()["title"]) == (422, "There is no such type of event")
    assert "account" not in answer.json()["detail"].partition("Choose from")[2]


@pytest.mark.parametrize("path", ["/event-types", "/asyncapi.json"])
async def test_inner_events_are_not_offered(notify: ServedNotify, path: str) -> None:
    """Neither as types, nor as messages, nor as webhooks of the OpenAPI document."""
    text = (await notify.client.get(path)).text
    assert not [event_type for event_type in INNER_EVENT_TYPES if event_type in text]
    document: dict[str, Any] = (await notify.client.get("/openapi.json")).json()
    assert document["webhooks"]
    assert not document["webhooks"].keys() & {*INNER_EVENT_TYPES}
    for event_type in INNER_EVENT_TYPES:
        await notify.get(f"/event-types/{event_type}/schema", status=404)
