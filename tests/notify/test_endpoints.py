"""What an owner may want of an endpoint: verified, paused, limited, in order or fast."""

import asyncio
from typing import Any

import pytest

from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, Reply
from tests.waiting import wait_until

ECHO = Reply(200, echoing="challenge")


async def change(
    notify: ServedNotify, webhook: dict[str, Any], status: int = 200, **what: Any
) -> dict[str, Any]:
    """The webhook with `what` changed."""
    answer = await notify.client.patch(
        f"/webhooks/{webhook['id']}", json=what, headers=await notify.directory.signed_in()
    )
    assert answer.status_code == status, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def types_of(receiver: Receiver) -> list[str]:
    """Types of the events that arrived."""
    return [request.event["type"] for request in receiver.requests]


async def test_nothing_is_sent_before_the_challenge_is_answered(
    strict: ServedNotify, receiver: Receiver
) -> None:
    """A 2xx without the challenge does not do; what happened meanwhile comes after the answer."""
    webhook = await strict.register(receiver.url)
    assert webhook["state"] == "unverified"
    await receiver.got(3)
    partner = await strict.directory.create("Before the answer")

    async def owed() -> bool:
        waiting = await strict.deliveries(webhook)
        return any(delivery["subject"] == partner["id"] for delivery in waiting)

    await wait_until(owed, "the event is owed")
    headers = await strict.directory.signed_in()
    test = await strict.client.post(f"/webhooks/{webhook['id']}/test", headers=headers)
    assert test.status_code == 409
    assert test.json()["type"].endswith("webhook-unverified")
    await change(strict, webhook, 409, state="active")
    receiver.usual = ECHO
    # Where the machine is busy, all attempts at the first challenge may have been made by now.
    await strict.client.post(f"/webhooks/{webhook['id']}/verify", headers=headers)

    async def arrived() -> bool:
        return "partner.created" in types_of(receiver)

    await wait_until(arrived, "the partner's event arrived")
    types = types_of(receiver)
    assert set(types[: types.index("partner.created")]) == {"webhook.verification"}
    shown = await strict.get(f"/webhooks/{webhook['id']}")
    assert (shown["state"], shown["state_reason"]) == ("active", None)
    assert shown["verified_at"] is not None


async def test_a_challenge_can_be_sent_again(strict: ServedNotify, receiver: Receiver) -> None:
    """When all attempts at the first one failed; not when it was answered."""
    webhook = await strict.register(receiver.url)
    await strict.settled(webhook, "dead")
    receiver.usual = ECHO
    path, headers = f"/webhooks/{webhook['id']}/verify", await strict.directory.signed_in()
    sent = await strict.client.post(path, headers=headers)
    assert (sent.status_code, sent.json()["event_type"]) == (202, "webhook.verification")
    await strict.settled(webhook, "delivered")
    assert (await strict.client.post(path, headers=headers)).status_code == 409


async def test_another_url_is_verified_anew(strict: ServedNotify, receiver: Receiver) -> None:
    """Events wait until the new address has answered; another description changes nothing."""
    receiver.usual = ECHO
    webhook = await strict.register(receiver.url)
    await strict.settled(webhook, "delivered")
    assert (await change(strict, webhook, description="ours"))["state"] == "active"
    moved = await change(strict, webhook, url=f"{receiver.url}?moved=1")
    assert (moved["state"], moved["verified_at"] is None) == ("unverified", False)
    await strict.settled(webhook, "delivered", 2)
    assert (await strict.get(f"/webhooks/{webhook['id']}"))["state"] == "active"


async def test_what_is_owed_while_paused_is_kept(notify: ServedNotify, receiver: Receiver) -> None:
    """Nothing is sent while it is paused; all of it, in order, when it goes on."""
    webhook = await notify.register(receiver.url)
    paused = await change(notify, webhook, state="paused")
    assert (paused["state"], paused["state_reason"]) == ("paused", "its owner paused it")
    one = await notify.directory.create("Kept")
    changed = await notify.directory.patch(one, {"established": 1990})
    await notify.directory.patch(changed.json(), {"established": 1991})

    async def owed() -> bool:
        return len(await notify.deliveries(webhook)) == 3

    await wait_until(owed, "three events are owed")
    assert {d["next_attempt_at"] for d in await notify.deliveries(webhook)} == {None}
    assert receiver.requests == []
    assert (await change(notify, webhook, state="active"))["state"] == "active"
    arrived = [request.event for request in await receiver.got(3)]
    assert [event["sequence"] for event in arrived] == sorted(e["sequence"] for e in arrived)


async def test_what_fails_while_paused_waits_too(notify: ServedNotify, receiver: Receiver) -> None:
    """An attempt under way when it is paused counts; the next one is made when it goes on."""
    hold = asyncio.Event()
    receiver.script = [Reply(500, held_until=hold)]
    webhook = await notify.register(receiver.url)
    await notify.directory.create("Under way")
    await receiver.got(1)
    await change(notify, webhook, state="paused")
    hold.set()
    [failed] = await notify.settled(webhook, "failed")
    assert (failed["attempts"], failed["next_attempt_at"]) == (1, None)
    await change(notify, webhook, state="active")
    [delivered] = await notify.settled(webhook, "delivered")
    assert delivered["attempts"] == 2


async def test_own_headers_are_sent_and_never_shown(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """Their names are; they can be replaced, and none of the request's own can be set."""
    webhook = await notify.register(receiver.url, headers={"X-Api-Key": "k-12345"})
    assert webhook["header_names"] == ["X-Api-Key"]
    await notify.directory.create("With a header")
    [request] = await receiver.got(1)
    assert request.headers["X-Api-Key"] == "k-12345"
    shown = await notify.client.get(
        f"/webhooks/{webhook['id']}", headers=await notify.directory.signed_in()
    )
    assert "k-12345" not in shown.text
    changed = await change(notify, webhook, headers={"Authorization": "Bearer t"})
    assert changed["header_names"] == ["Authorization"]
    await notify.directory.create("With another header")
    [_, request] = await receiver.got(2)
    assert request.headers["Authorization"] == "Bearer t"
    assert "X-Api-Key" not in request.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": "v1,x"},
        {"Content-Length": "1"},
        {"Host": "internal"},
        {"X-A": "line\r\nX-B: break"},
        {"X A": "space"},
        {"X-A": ""},
        {"X-A": "1", "x-a": "2"},
        {f"X-{n}": "1" for n in range(21)},
    ],
)
async def test_headers_that_cannot_be_sent_are_refused(
    notify: ServedNotify, receiver: Receiver, headers: dict[str, str]
) -> None:
    """With a sentence; nothing is registered."""
    answer = await notify.client.post(
        "/webhooks",
        json={"url": receiver.url, "event_types": ["*"], "headers": headers},
        headers=await notify.directory.signed_in(),
    )
    assert answer.status_code == 422, answer.text


async def test_an_endpoint_may_want_few_requests_at_once(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """However many are due."""
    webhook = await notify.register(receiver.url, requests_at_once=2)
    hold = asyncio.Event()
    receiver.usual = Reply(held_until=hold)
    for number in range(6):
        await notify.directory.create(f"One of six {number}")

    async def owed() -> bool:
        return len(await notify.deliveries(webhook)) == 6

    await wait_until(owed, "six are owed")
    await receiver.got(2)
    hold.set()
    await receiver.got(6)
    assert receiver.most_at_once == 2


async def test_an_endpoint_may_want_few_requests_per_second(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """A second's worth at once, and then no more than the limit."""
    await notify.register(receiver.url, requests_per_second=4)
    for number in range(10):
        await notify.directory.create(f"One of ten {number}")
    times = [request.at for request in await receiver.got(10)]
    # Four may go at once, and one a quarter of a second later each of the other six.
    assert times[-1] - times[0] >= 6 * 0.25 - 0.3


@pytest.mark.parametrize(("ordering", "first_waits"), [("ordered", True), ("fast", False)])
async def test_order_is_kept_where_it_is_wanted(
    notify: ServedNotify, receiver: Receiver, ordering: str, first_waits: bool
) -> None:
    """`fast` sends a record's later event while the earlier one is still under way."""
    hold = asyncio.Event()
    receiver.script = [Reply(held_until=hold)]
    webhook = await notify.register(receiver.url, ordering=ordering)
    partner = await notify.directory.create("In order or fast")
    await receiver.got(1)
    await notify.directory.patch(partner, {"established": 1990})
    if first_waits:

        async def owed() -> bool:
            return len(await notify.deliveries(webhook)) == 2

        await wait_until(owed, "the second is owed")
        assert len(receiver.requests) == 1
        hold.set()
    await receiver.got(2)
    hold.set()
    await notify.settled(webhook, "delivered", 2)


async def test_a_filter_by_a_topic_finds_narrower_ones(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """At any depth, by id and by notation, also where the narrower topic is made later."""
    headers = await notify.directory.signed_in()

    async def topic(notation: str, broader: list[str]) -> dict[str, Any]:
        answer = await notify.directory.client.post(
            "/topics",
            json={
                "notation": notation,
                "scheme": "crime_type",
                "pref_label": {"en": notation},
                "broader": broader,
            },
            headers=headers,
        )
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    top = await topic("widest", [])
    await notify.register(receiver.url, filters={"topic": ["widest"]})
    other = await topic("elsewhere", [])
    middle = await topic("narrower", [top["id"]])
    lowest = await topic("narrowest", [middle["id"]])
    await notify.directory.create(
        "Beside it", topics=[{"topic_id": other["id"], "role": "works_on"}]
    )
    about = await notify.directory.create(
        "Deep below", topics=[{"topic_id": lowest["id"], "role": "works_on"}]
    )
    [request] = await receiver.got(1)
    assert request.event["subject"] == about["id"]
