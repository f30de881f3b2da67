"""Limits: of what is sent, of what is kept, and of how much an endpoint is sent at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from tests.notify.served_notify import ServedNotify, notify_settings, serve_notify
from tests.receiver import Receiver, Reply, serve_receiver
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

MANY = 120


@pytest.fixture(scope="module")
async def narrow(
    new_database: Callable[[], str], directory: ServedDirectory
) -> AsyncIterator[ServedNotify]:
    """Notify that sends little, keeps little, and leaves overloaded endpoints alone for long."""
    settings = notify_settings(
        new_database(),
        directory.redis_url,
        WEBHOOK_MAX_PAYLOAD_BYTES="4000",
        WEBHOOK_KEPT_ANSWER_BYTES="10",
        WEBHOOK_OVERLOAD_SECONDS="600",
        WEBHOOK_REQUESTS_AT_ONCE="40",
        WEBHOOK_LEASE_SECONDS="60",
        WEBHOOK_TIMEOUT_SECONDS="30",
    )
    async with serve_notify(settings, directory) as served:
        yield served


async def remove(notify: ServedNotify, webhook_id: str) -> None:
    """Delete a webhook, so that it takes no part in what follows."""
    headers = await notify.directory.signed_in()
    await notify.client.delete(f"/webhooks/{webhook_id}", headers=headers)


async def test_an_event_that_is_too_large_is_given_up(
    narrow: ServedNotify, receiver: Receiver
) -> None:
    """With a sentence, at once, and not to the endpoint's account; the next one is sent."""
    webhook = await narrow.register(receiver.url)
    large = await narrow.directory.create("Large", description={"en": "x" * 4_000})
    await narrow.directory.create("Small")
    await narrow.settled(webhook, "delivered")
    [dead] = await narrow.settled(webhook, "dead")
    assert (dead["subject"], dead["attempts"]) == (large["id"], 1)
    assert "no more than 4,000 are sent (WEBHOOK_MAX_PAYLOAD_BYTES)" in dead["last_error"]
    shown = await narrow.get(f"/webhooks/{webhook['id']}")
    assert (shown["state"], shown["failing_since"]) == ("active", None)
    assert len(receiver.requests) == 1
    await remove(narrow, webhook["id"])


async def test_only_the_beginning_of_an_answer_is_kept(
    narrow: ServedNotify, receiver: Receiver
) -> None:
    """As much as is set."""
    receiver.usual = Reply(200, body=b"0123456789abcdef")
    webhook = await narrow.register(receiver.url)
    await narrow.directory.create("Told")
    [delivery] = await narrow.settled(webhook, "delivered")
    read = await narrow.get(f"/deliveries/{delivery['id']}")
    assert read["attempt_list"][0]["response_body"] == "0123456789"
    await remove(narrow, webhook["id"])


async def test_an_overloaded_endpoint_is_sent_less_and_then_nothing(
    narrow: ServedNotify, receiver: Receiver
) -> None:
    """What else is owed to it does not spend an attempt on it meanwhile."""
    receiver.usual = Reply(429)
    async with serve_receiver() as other:
        overloaded = await narrow.register(receiver.url)
        quick = await narrow.register(other.url)
        await narrow.directory.create_many(f"Much {number}" for number in range(MANY))
        await other.got(MANY, seconds=60)
        await narrow.settled(overloaded, "failed", 5)
        assert len(receiver.requests) <= 40
        untried = await narrow.deliveries(overloaded, "pending")
        assert len(untried) >= MANY - 40
        assert {delivery["attempts"] for delivery in untried} == {0}
        await remove(narrow, overloaded["id"])
        await remove(narrow, quick["id"])


async def test_an_endpoint_that_recovers_gets_everything(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """After 429s in a row it is asked again, carefully at first."""
    receiver.script = [Reply(429)] * 30
    webhook = await notify.register(receiver.url)
    await notify.directory.create_many(f"Recovers {number}" for number in range(25))
    delivered = await notify.settled(webhook, "delivered", 25)
    assert len(delivered) == 25
    assert receiver.script == []


async def test_endpoints_that_hang_hold_up_nobody_else(narrow: ServedNotify) -> None:
    """Ten of twenty hang although they were quick before, with more due than a worker can take."""
    hold = asyncio.Event()
    async with AsyncExitStack() as stack:
        served = [await stack.enter_async_context(serve_receiver()) for _ in range(20)]
        stack.callback(hold.set)
        hanging, answering = served[:10], served[10:]
        for receiver in served:
            await narrow.register(receiver.url)
        await narrow.directory.create("All are quick")
        for receiver in served:
            await receiver.got(1)
        for receiver in hanging:
            receiver.usual = Reply(held_until=hold)
        await narrow.directory.create_many(f"Some hang {number}" for number in range(30))
        for receiver in answering:
            await receiver.got(31, seconds=20)

        async def all_hang() -> bool:
            return all(receiver.at_once for receiver in hanging)

        await wait_until(all_hang, "each of those that hang was asked")
        assert all(len(receiver.requests) < 31 for receiver in hanging)
        hold.set()
        for receiver in hanging:
            await receiver.got(31, seconds=30)
