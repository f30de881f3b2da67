"""Endpoints that fail for long: their owner is told, then they are disabled, each once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from services.notify.webhooks.health import HealthRule, judge_failing
from shared.databases import Database
from tests.notify.mail_folder import give_email, mailed, mails_in
from tests.notify.served_notify import NOTIFY_URL, ServedNotify, notify_settings, serve_notify
from tests.receiver import Receiver, Reply, serve_receiver
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

# At the second failure the next attempt is far away, so that none happens just then.
FAR = {"WEBHOOK_RETRY_SECONDS": "0,0.02,600,600"}
SOON = ",".join(["0", "0.02", *["0.5"] * 100])
AT_ONCE = 1e-9
NEVER = 1_000.0


@pytest.fixture(scope="module")
def patient_url(new_database: Callable[[], str]) -> str:
    """Database of `patient`."""
    return new_database()


@pytest.fixture(scope="module")
async def patient(
    patient_url: str, directory: ServedDirectory, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServedNotify]:
    """Notify that waits long before a third attempt; tests judge its webhooks themselves."""
    settings = notify_settings(
        patient_url,
        directory.redis_url,
        VAR_DIR=str(tmp_path_factory.mktemp("patient")),
        **FAR,
    )
    async with serve_notify(settings, directory) as served:
        yield served


async def a_failing_webhook(
    notify: ServedNotify, receiver: Receiver, **more: Any
) -> dict[str, Any]:
    """A webhook whose endpoint has failed twice, and that waits for its next attempt."""
    receiver.usual = Reply(500)
    webhook = await notify.register(receiver.url, **more)
    await notify.directory.create(f"Told to nobody {uuid4()}")

    async def failed_twice() -> bool:
        # The number counts from the moment at which an attempt is begun.
        for delivery in await notify.deliveries(webhook, "failed"):
            next_at = datetime.fromisoformat(delivery["next_attempt_at"])
            return delivery["attempts"] >= 2 and next_at > datetime.now(UTC)
        return False

    await wait_until(failed_twice, "two attempts failed")
    return webhook


async def judge(notify: ServedNotify, failing_hours: float, disable_hours: float) -> int:
    """What one look at the failing webhooks comes to."""
    rule = HealthRule(failing_hours, disable_hours)
    return await judge_failing(notify.app.state.database, rule, NOTIFY_URL)


async def shown(notify: ServedNotify, webhook: dict[str, Any]) -> dict[str, Any]:
    """The webhook as it is now."""
    found: dict[str, Any] = await notify.get(f"/webhooks/{webhook['id']}")
    return found


async def remove(notify: ServedNotify, *webhooks: dict[str, Any]) -> None:
    """Delete the webhooks, so that the next test has none that fail."""
    for webhook in webhooks:
        headers = await notify.directory.signed_in()
        await notify.client.delete(f"/webhooks/{webhook['id']}", headers=headers)


async def test_the_owner_is_told_and_then_it_is_disabled(
    new_database: Callable[[], str], directory: ServedDirectory, tmp_path: Path
) -> None:
    """By its other webhooks and by mail, without another attempt; nobody else hears of it."""
    settings = notify_settings(
        new_database(),
        directory.redis_url,
        MAIL_URL=tmp_path.as_uri(),
        MAIL_FROM="Our network <notify@example.org>",
        WEBHOOK_FAILING_HOURS="0.0001",
        WEBHOOK_DISABLE_HOURS="0.0015",
        WEBHOOK_HEALTH_SECONDS="0.05",
        **FAR,
    )
    async with (
        serve_notify(settings, directory) as notify,
        serve_receiver() as failing,
        serve_receiver() as other,
        serve_receiver() as recovered,
        serve_receiver() as strangers,
    ):
        failing.usual = Reply(500)
        recovered.script = [Reply(500)]
        webhook = await notify.register(failing.url, event_types=["*"])
        better = await notify.register(recovered.url, event_types=["partner.*"])
        await notify.register(other.url, event_types=["webhook.*"])
        stranger = await notify.directory.account("member")
        await notify.register(strangers.url, stranger, event_types=["*"])
        await give_email(notify, webhook, "owner@example.org")
        await notify.directory.create("A day of failures")
        first, last = [request.event for request in await other.got(2)]
        assert (first["type"], last["type"]) == ("webhook.failing", "webhook.disabled")
        state = await shown(notify, webhook)
        assert first["subject"] == first["data"]["webhook_id"] == webhook["id"]
        assert first["data"]["url"] == failing.url
        assert last["data"]["reason"] == state["state_reason"]
        assert state["state"] == "disabled"
        since = datetime.fromisoformat(state["failing_since"]).replace(microsecond=0)
        assert datetime.fromisoformat(last["data"]["failing_since"]) == since
        assert state["state_reason"].startswith("it has failed for 0.0015 hours, since 20")
        assert state["state_reason"].endswith("at last: the endpoint answered 500")
        assert (await shown(notify, better))["failing_since"] is None
        assert len(failing.requests) == 2
        assert {request.event["type"] for request in strangers.requests} == {"partner.created"}
        told = await mailed(tmp_path, 2)
        assert [mail["Subject"] for mail in told] == [
            "A webhook of yours fails",
            "A webhook of yours was disabled",
        ]
        for mail, event in zip(told, (first, last), strict=True):
            text = mail.get_content()
            assert webhook["id"] in text
            assert failing.url in text
            assert event["data"]["reason"] in text
        assert "disabled" in told[0].get_content()
        assert '{"state": "active"}' in told[1].get_content()
    assert len(mails_in(tmp_path)) == 2


async def test_many_workers_tell_it_once(patient: ServedNotify, patient_url: str) -> None:
    """Whichever of them looks first, and however often: one mail and one event a time."""
    async with serve_receiver() as failing, serve_receiver() as other:
        alert = await patient.register(other.url, event_types=["webhook.*"])
        webhook = await a_failing_webhook(patient, failing)
        await give_email(patient, webhook, "owner@example.org")
        databases = [Database(patient_url) for _ in range(6)]
        for rule in (HealthRule(AT_ONCE, NEVER), HealthRule(AT_ONCE / 2, AT_ONCE)):
            looks = (judge_failing(one, rule, NOTIFY_URL) for one in databases * 2)
            assert sorted(await asyncio.gather(*looks)) == [0] * 11 + [1]
        for database in databases:
            await database.dispose()
        await other.got(2)
        mails = (await patient.get("/notify/mail"))["items"]
        assert [mail["subject"] for mail in mails] == [
            "A webhook of yours was disabled",
            "A webhook of yours fails",
        ]
        types = [d["event_type"] for d in await patient.deliveries(alert)]
        assert types == ["webhook.failing", "webhook.disabled"]
        await remove(patient, alert, webhook)


async def test_switching_on_begins_anew(patient: ServedNotify, receiver: Receiver) -> None:
    """It is not disabled again for what was before, and its owner is told anew if it goes on."""
    webhook = await a_failing_webhook(patient, receiver)
    assert await judge(patient, AT_ONCE / 2, AT_ONCE) == 1
    headers = await patient.directory.signed_in()
    answer = await patient.client.patch(
        f"/webhooks/{webhook['id']}", json={"state": "active"}, headers=headers
    )
    assert (answer.json()["state"], answer.json()["failing_since"]) == ("active", None)
    assert await judge(patient, AT_ONCE / 2, AT_ONCE) == 0
    await receiver.got(3)

    async def fails_again() -> bool:
        return (await shown(patient, webhook))["failing_since"] is not None

    await wait_until(fails_again, "it fails again")
    assert await judge(patient, AT_ONCE, NEVER) == 1
    await remove(patient, webhook)


async def test_one_that_nobody_sends_to_is_not_failing(
    new_database: Callable[[], str], directory: ServedDirectory, receiver: Receiver
) -> None:
    """When nothing is owed it is neither told of nor disabled; after long it fails no more."""
    settings = notify_settings(new_database(), directory.redis_url, WEBHOOK_RETRY_SECONDS="0,0.02")
    async with serve_notify(settings, directory) as notify:
        receiver.usual = Reply(500)
        webhook = await notify.register(receiver.url)
        await notify.directory.create("The last one for long")
        await notify.settled(webhook, "dead")
        assert (await shown(notify, webhook))["failing_since"] is not None
        assert await judge(notify, AT_ONCE, NEVER) == 0
        since = datetime.fromisoformat((await shown(notify, webhook))["failing_since"])

        async def a_while_ago() -> bool:
            return datetime.now(UTC) - since > timedelta(seconds=2)

        await wait_until(a_while_ago, "it has failed for two seconds")
        await notify.directory.create("One more")
        await notify.settled(webhook, "dead", 2)
        hours = (datetime.now(UTC) - since) / timedelta(hours=1)
        assert await judge(notify, hours / 2, hours) == 0
        assert (await shown(notify, webhook))["failing_since"] is not None
        assert await judge(notify, AT_ONCE / 2, AT_ONCE) == 0
        found = await shown(notify, webhook)
        assert (found["state"], found["failing_since"]) == ("active", None)


async def test_one_that_is_overdue_is_asked_first(
    new_database: Callable[[], str], directory: ServedDirectory, receiver: Receiver
) -> None:
    """No worker ran for days: that the endpoint has not succeeded meanwhile says nothing."""
    url = new_database()
    settings = notify_settings(url, directory.redis_url, WEBHOOK_RETRY_SECONDS=SOON)
    keys = settings.encryption_keys
    async with serve_notify(settings, directory) as notify:
        webhook = await a_failing_webhook(notify, receiver)
    idle = notify_settings(url, directory.redis_url, WORKER="off", ENCRYPTION_KEYS=keys)
    async with serve_notify(idle, directory) as notify:

        async def overdue() -> bool:
            [delivery] = await notify.deliveries(webhook, "failed")
            return datetime.fromisoformat(delivery["next_attempt_at"]) < datetime.now(UTC)

        await wait_until(overdue, "the next attempt is overdue")
        assert await judge(notify, AT_ONCE / 2, AT_ONCE) == 0
    receiver.usual = Reply()
    async with serve_notify(settings, directory) as notify:
        await notify.settled(webhook, "delivered")
        assert (await shown(notify, webhook))["failing_since"] is None


async def test_a_challenge_that_fails_counts_nothing(
    new_database: Callable[[], str], directory: ServedDirectory, receiver: Receiver
) -> None:
    """Nobody is told of an endpoint that never was verified; 410 does not disable it either."""
    settings = notify_settings(
        new_database(), directory.redis_url, WEBHOOK_VERIFICATION="on", **FAR
    )
    async with serve_notify(settings, directory) as notify:
        receiver.script = [Reply(500)]
        receiver.usual = Reply(410)
        webhook = await notify.register(receiver.url)
        await notify.settled(webhook, "dead")
        found = await shown(notify, webhook)
        assert (found["state"], found["failing_since"]) == ("unverified", None)
        assert await judge(notify, AT_ONCE / 2, AT_ONCE) == 0


async def test_keys_that_cannot_be_opened_are_nobodys_fault(
    new_database: Callable[[], str], directory: ServedDirectory, receiver: Receiver
) -> None:
    """With wrong ENCRYPTION_KEYS nothing is sent, and no endpoint fails by it."""
    url = new_database()
    async with serve_notify(notify_settings(url, directory.redis_url), directory) as notify:
        webhook = await notify.register(receiver.url)
    wrong = notify_settings(
        url, directory.redis_url, ENCRYPTION_KEYS=Fernet.generate_key().decode(), **FAR
    )
    async with serve_notify(wrong, directory) as notify:
        await notify.directory.create("Unsigned")
        [failed] = await notify.settled(webhook, "failed")
        assert "cannot be opened" in failed["last_error"]
        assert (await shown(notify, webhook))["failing_since"] is None
    assert receiver.requests == []


async def test_410_is_told_too(
    new_database: Callable[[], str], directory: ServedDirectory, tmp_path: Path
) -> None:
    """By mail and by the other webhooks that want it; a paused one is told nothing."""
    settings = notify_settings(new_database(), directory.redis_url, MAIL_URL=tmp_path.as_uri())
    async with (
        serve_notify(settings, directory) as notify,
        serve_receiver() as gone,
        serve_receiver() as other,
        serve_receiver() as unasked,
    ):
        gone.usual = Reply(410)
        webhook = await notify.register(gone.url)
        await notify.register(other.url, event_types=["webhook.disabled"])
        for patterns in (["webhook.failing", "partner.*"], ["*"]):
            made = await notify.register(unasked.url, event_types=patterns)
        headers = await notify.directory.signed_in()
        await notify.client.patch(
            f"/webhooks/{made['id']}", json={"state": "paused"}, headers=headers
        )
        await give_email(notify, webhook, "owner@example.org")
        await notify.directory.create("Gone")
        [request] = await other.got(1)
        assert request.event["type"] == "webhook.disabled"
        assert request.event["data"]["reason"] == "the endpoint answered 410 Gone"
        [mail] = await mailed(tmp_path, 1)
        assert mail["To"] == "owner@example.org"
        assert "410 Gone" in mail.get_content()
        await unasked.got(1)
        assert {request.event["type"] for request in unasked.requests} == {"partner.created"}
