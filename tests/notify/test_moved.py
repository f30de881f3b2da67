"""A webhook that has moved: what its old address answers counts nothing for the new one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from tests.notify.served_notify import ServedNotify, notify_settings, serve_notify
from tests.receiver import Receiver, Reply, serve_receiver
from tests.served_directory import ServedDirectory


@pytest.fixture(scope="module")
async def strict(
    notify_database_url: str, directory: ServedDirectory
) -> AsyncIterator[ServedNotify]:
    """Notify that wants its endpoints verified."""
    settings = notify_settings(notify_database_url, directory.redis_url, WEBHOOK_VERIFICATION="on")
    async with serve_notify(settings, directory) as served:
        yield served


@pytest.fixture
async def elsewhere() -> AsyncIterator[Receiver]:
    """An endpoint that never asked for anything, and says so."""
    async with serve_receiver() as served:
        served.usual = Reply(404)
        yield served


async def change(notify: ServedNotify, webhook: dict[str, Any], **what: Any) -> int:
    """The status of the answer to a change."""
    answer = await notify.client.patch(
        f"/webhooks/{webhook['id']}", json=what, headers=await notify.directory.signed_in()
    )
    return answer.status_code


async def test_an_old_answer_verifies_no_new_address(
    strict: ServedNotify, receiver: Receiver, elsewhere: Receiver
) -> None:
    """An owner cannot answer the challenge for somebody else by moving meanwhile."""
    hold = asyncio.Event()
    receiver.script = [Reply(200, echoing="challenge", held_until=hold)]
    webhook = await strict.register(receiver.url)
    await receiver.got(1)
    assert await change(strict, webhook, url=elsewhere.url) == 200
    hold.set()
    await strict.settled(webhook, "delivered")
    assert (await strict.get(f"/webhooks/{webhook['id']}"))["state"] == "unverified"
    partner = await strict.directory.create("For nobody else")
    await strict.directory.event_of(partner["id"])
    await strict.settled(webhook, "dead")
    types = {orjson.loads(request.body)["type"] for request in elsewhere.requests}
    assert types == {"webhook.verification"}


async def test_an_old_410_disables_no_new_address(
    strict: ServedNotify, receiver: Receiver, elsewhere: Receiver
) -> None:
    """It stays unverified, so switching it on does not pass by the challenge."""
    hold = asyncio.Event()
    receiver.script = [Reply(200, echoing="challenge"), Reply(410, held_until=hold)]
    webhook = await strict.register(receiver.url)
    await strict.settled(webhook, "delivered")
    await strict.directory.create("Moved meanwhile")
    await receiver.got(2)
    assert await change(strict, webhook, url=elsewhere.url) == 200
    hold.set()
    await strict.settled(webhook, "dead")
    found = await strict.get(f"/webhooks/{webhook['id']}")
    assert (found["state"], found["failing_since"]) == ("unverified", None)
    assert await change(strict, webhook, state="active") == 409
