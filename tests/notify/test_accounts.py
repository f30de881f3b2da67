"""Webhooks and their accounts: what an account is by now decides what its webhooks are sent."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, Reply, serve_receiver
from tests.waiting import wait_until

CLOSED = "its account was closed"
# Many more than are sent to one endpoint at a time, and fewer than a worker takes in hand of it.
IN_HAND = 120


def _desk(street: str) -> dict[str, Any]:
    """A contact point for members only."""
    return {
        "kind": "role",
        "purposes": ["press"],
        "channels": [{"kind": "post", "value": street}],
        "visibility": "member",
    }


@pytest.fixture
async def other() -> AsyncIterator[Receiver]:
    """Another endpoint."""
    async with serve_receiver() as served:
        yield served


async def _is(notify: ServedNotify, webhook: dict[str, Any], **values: Any) -> None:
    """Wait until the webhook shows these values."""

    async def shows() -> bool:
        shown = await notify.get(f"/webhooks/{webhook['id']}")
        return {name: shown[name] for name in values} == values

    await wait_until(shows, f"the webhook shows {values}")


async def _switch_on(notify: ServedNotify, webhook: dict[str, Any]) -> int:
    answer = await notify.client.patch(
        f"/webhooks/{webhook['id']}",
        json={"state": "active"},
        headers=await notify.directory.signed_in(),
    )
    return answer.status_code


async def test_a_member_who_leaves_is_told_nothing_more(
    notify: ServedNotify, receiver: Receiver, other: Receiver
) -> None:
    """Its webhooks are disabled and say why; another account's go on as they were."""
    account_id, member = await notify.directory.account_with_id("member")
    webhook = await notify.register(receiver.url, member)
    paused = await notify.register(receiver.url, member)
    pause = await notify.client.patch(
        f"/webhooks/{paused['id']}", json={"state": "paused"}, headers=member
    )
    assert pause.status_code == 200
    kept = await notify.register(other.url, await notify.directory.account("member"))
    record = await notify.directory.create("Kent Police", contact_points=[_desk("first street")])
    await receiver.got(1)
    assert "first street" in receiver.requests[0].body.decode()
    await notify.directory.change_account(account_id, disabled=True)
    for one in (webhook, paused):
        await _is(notify, one, state="disabled", state_reason=CLOSED)
    points = [_desk("second street")]
    assert (await notify.directory.patch(record, {"contact_points": points})).status_code == 200
    await other.got(2)
    assert "second street" in other.requests[1].body.decode()
    await notify.settled(kept, "delivered", 2)
    assert len(receiver.requests) == 1
    assert len(await notify.deliveries(webhook)) == 1
    assert (await notify.get(f"/webhooks/{kept['id']}"))["state"] == "active"


async def test_what_was_owed_before_is_not_sent_after(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """An attempt that is under way at the closing is the last one; the delivery stays owed."""
    account_id, member = await notify.directory.account_with_id("member")
    webhook = await notify.register(receiver.url, member)
    closed = asyncio.Event()
    receiver.script = [Reply(500, held_until=closed)]
    first = await notify.directory.create("Owed", contact_points=[_desk("owed street")])
    second = await notify.directory.create("Owed too", contact_points=[_desk("owed street")])
    await receiver.got(2)
    await notify.directory.change_account(account_id, disabled=True)
    await _is(notify, webhook, state="disabled")
    closed.set()
    [failed] = await notify.settled(webhook, "failed")
    assert (failed["subject"], failed["next_attempt_at"]) == (first["id"], None)
    # More than what a retry would take here: another webhook is told of ten changes meanwhile.
    async with serve_receiver() as quick:
        await notify.register(quick.url)
        for number in range(10):
            await notify.directory.create(f"Meanwhile {number}")
        await quick.got(10)
    assert [request.event["subject"] for request in receiver.requests] == [
        first["id"],
        second["id"],
    ]


async def test_what_stands_in_line_is_not_sent_after_either(
    notify: ServedNotify, receiver: Receiver, other: Receiver
) -> None:
    """A quick endpoint has more in hand than is under way: that is given back, and stays owed."""
    account_id, member = await notify.directory.account_with_id("member")
    webhook = await notify.register(receiver.url, member)
    await notify.directory.create("Shows that it is quick")
    await notify.settled(webhook, "delivered")
    path = f"/webhooks/{webhook['id']}"
    await notify.client.patch(path, json={"state": "paused"}, headers=member)
    await notify.directory.create_many(f"In hand {number}" for number in range(IN_HAND))
    await notify.settled(webhook, "pending", IN_HAND)
    gates = [asyncio.Event() for _ in range(IN_HAND)]
    receiver.script = [Reply(held_until=gate) for gate in gates]
    closed = iter(gates)

    async def is_disabled() -> bool:
        # An endpoint that answers nothing at all has nothing in line for long.
        next(closed).set()
        return bool((await notify.get(path))["state"] == "disabled")

    assert await _switch_on(notify, webhook) == 200
    await receiver.got(2)
    await notify.directory.change_account(account_id, disabled=True)
    await wait_until(is_disabled, "the webhook is disabled")
    # What is sent to another one from now on was taken in hand after the closing.
    await notify.register(other.url)
    await notify.directory.create("After the closing")
    await other.got(1)
    sent = len(receiver.requests)
    for gate in closed:
        gate.set()
    await notify.settled(webhook, "delivered", sent)
    owed = await notify.settled(webhook, "pending", 1 + IN_HAND - sent)
    assert len(receiver.requests) == sent < 1 + IN_HAND
    assert {(one["attempts"], one["next_attempt_at"]) for one in owed} == {(0, None)}


async def test_webhooks_of_an_account_that_is_opened_again_wait_to_be_switched_on(
    notify: ServedNotify, receiver: Receiver, other: Receiver
) -> None:
    """Then they get what was owed before the closing, and nothing of what happened during it."""
    account_id, member = await notify.directory.account_with_id("member")
    webhook = await notify.register(receiver.url, member)
    await notify.register(other.url)
    held = asyncio.Event()
    receiver.script = [Reply(500, held_until=held)]
    before = await notify.directory.create("Before")
    await receiver.got(1)
    await notify.directory.change_account(account_id, disabled=True)
    await _is(notify, webhook, state="disabled")
    held.set()
    await notify.settled(webhook, "failed")
    assert await _switch_on(notify, webhook) == 409
    await notify.directory.create("During")
    await other.got(2)
    await notify.directory.change_account(account_id, disabled=False)
    opened = await notify.directory.create("Opened, and still off")
    await other.got(3)
    await _is(notify, webhook, state="disabled", state_reason=CLOSED)
    assert await _switch_on(notify, webhook) == 200
    after = await notify.directory.create("After")
    await receiver.got(4)
    subjects = [request.event["subject"] for request in receiver.requests]
    assert subjects == [before["id"], before["id"], opened["id"], after["id"]]


async def test_a_new_role_holds_for_what_is_sent_next(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """The audience of the account's webhooks is the new one, for what is owed already too."""
    account_id, headers = await notify.directory.account_with_id("secretariat")
    webhook = await notify.register(receiver.url, headers)
    assert webhook["audience"] == "secretariat"
    record = await notify.directory.create("Told to both", contact_points=[_desk("a street")])
    await receiver.got(1)
    await notify.directory.change_account(account_id, role="member", name="Only a member now")
    await _is(notify, webhook, audience="member", state="active")
    member = await notify.directory.account("member")
    patched = await notify.directory.patch(record, {"established": 1999})
    assert patched.status_code == 200
    await receiver.got(2)
    seen = await notify.directory.read(record["id"], member)
    assert receiver.requests[1].event["data"]["record"] == seen
    await notify.directory.change_account(account_id, role="secretariat")
    await _is(notify, webhook, audience="secretariat")


async def test_nothing_lets_a_closed_account_be_sent_to(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """No change, test or challenge, by itself with an old token or by the secretariat."""
    account_id, member = await notify.directory.account_with_id("member")
    webhook = await notify.register(receiver.url, member)
    await notify.directory.change_account(account_id, disabled=True)
    await _is(notify, webhook, state="disabled")
    path = f"/webhooks/{webhook['id']}"
    for headers in (member, await notify.directory.signed_in()):
        for answer in (
            await notify.client.patch(path, json={"state": "active"}, headers=headers),
            await notify.client.patch(path, json={"url": receiver.url + "2"}, headers=headers),
            await notify.client.post(f"{path}/test", headers=headers),
            await notify.client.post(f"{path}/verify", headers=headers),
        ):
            assert (answer.status_code, answer.json()["title"]) == (409, "The account is closed")
            assert "PATCH /accounts" in answer.json()["detail"]
    register = await notify.client.post(
        "/webhooks", json={"url": receiver.url, "event_types": ["*"]}, headers=member
    )
    assert (register.status_code, register.json()["title"]) == (409, "The account is closed")
    assert receiver.requests == []
    assert (await notify.client.delete(path, headers=member)).status_code == 204
