"""What notify knows of accounts: from the log, or from the directory where the log is older."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from uuid_utils.compat import uuid7

from services.notify.models import DeadEventRow
from services.notify.settings import Settings
from shared.databases import Database
from tests.databases_for_tests import Postgres
from tests.notify.served_notify import ServedNotify, notify_settings, serve_notify
from tests.receiver import Receiver, Reply, serve_receiver
from tests.served_directory import ServedDirectory, serve_directory
from tests.waiting import wait_until

URL = "https://partner.example.org/hooks"
ASKED = {"url": URL, "event_types": ["*"]}


@pytest.fixture
def settings(
    database_url: str,
    directory: ServedDirectory,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Settings:
    """Settings of a notify that knows nothing yet, on the kind of database of this round."""
    if database_url.startswith("sqlite"):
        return notify_settings(f"sqlite:///{tmp_path}/notify.db", directory.redis_url)
    server: Postgres = request.getfixturevalue("postgres")
    return notify_settings(server.create(), directory.redis_url)


async def _state(notify: ServedNotify, webhook: dict[str, Any], state: str) -> None:
    async def is_so() -> bool:
        return bool((await notify.get(f"/webhooks/{webhook['id']}"))["state"] == state)

    await wait_until(is_so, f"the webhook is {state}")


async def test_a_token_is_not_asked_what_the_account_may_see(
    directory: ServedDirectory, settings: Settings
) -> None:
    """Its role was lowered, or it was closed, after the token came and before notify began."""
    lowered, with_old_role = await directory.account_with_id("secretariat")
    closed, before_closing = await directory.account_with_id("member")
    await directory.change_account(lowered, role="member")
    await directory.change_account(closed, disabled=True)
    async with serve_notify(settings, directory) as notify:
        made = await notify.register(URL, with_old_role)
        assert (made["account_id"], made["audience"]) == (lowered, "member")
        answer = await notify.client.post("/webhooks", json=ASKED, headers=before_closing)
        assert (answer.status_code, answer.json()["title"]) == (409, "The account is closed")


class _Away:
    """The directory, which is away while `away` is set."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.away = False

    async def __call__(self, *asgi: Any) -> None:
        if self.away:
            raise httpx.ConnectError("the directory is away")
        await self._app(*asgi)


async def test_nobody_registers_while_the_directory_cannot_be_asked(
    directory: ServedDirectory, settings: Settings
) -> None:
    """Unless the account is known: then its webhook is made as ever."""
    known, unknown = await directory.account("member"), await directory.account("member")
    app: Any = _Away(directory.app)
    async with serve_notify(
        settings, ServedDirectory(app, directory.client, directory.redis_url)
    ) as notify:
        await notify.register(URL, known)
        app.away = True
        answer = await notify.client.post("/webhooks", json=ASKED, headers=unknown)
        assert answer.status_code == 503
        assert "Try again" in answer.json()["detail"]
        await notify.register(URL, known)
        app.away = False
        await notify.register(URL, unknown)


async def test_an_old_event_of_an_account_that_is_replayed_changes_nothing(
    directory: ServedDirectory, settings: Settings
) -> None:
    """An event that was set aside when the account was open does not open it again."""
    account_id, member = await directory.account_with_id("member")
    created = await directory.event_of(account_id, await directory.service())
    async with serve_notify(settings, directory) as notify:
        webhook = await notify.register(URL, member)
        await directory.change_account(account_id, disabled=True)
        await _state(notify, webhook, "disabled")
        dead_event_id = await _set_aside(settings, created)
        answer = await notify.client.post(
            f"/notify/dead-events/{dead_event_id}/replay", headers=await directory.signed_in()
        )
        assert answer.status_code == 200, answer.text
        path = f"/webhooks/{webhook['id']}"
        switch_on = await notify.client.patch(path, json={"state": "active"}, headers=member)
        assert switch_on.status_code == 409


async def _set_aside(settings: Settings, event: dict[str, Any]) -> str:
    dead_event_id = uuid7()
    database = Database(settings.database_url)
    async with database.transaction() as session:
        session.add(
            DeadEventRow(
                id=dead_event_id,
                log_id="",
                sequence=event["sequence"],
                type=event["type"],
                error="of old",
                envelope=orjson.dumps(event).decode(),
                set_aside_at=datetime.now(UTC),
            )
        )
    await database.dispose()
    return str(dead_event_id)


async def test_what_is_known_from_hearsay_is_asked_for_at_the_start(
    directory: ServedDirectory, settings: Settings
) -> None:
    """As after an upgrade: what the version before kept of an account was never said by anybody."""
    account_id, member = await directory.account_with_id("member")
    async with serve_notify(settings, directory) as notify:
        webhook = await notify.register(URL, member)
        await directory.change_account(account_id, disabled=True)
        await _state(notify, webhook, "disabled")
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE account SET version = 0, closed_at = NULL, name = '', role = 'member'")
        )
        await session.execute(text("UPDATE webhook SET state = 'active', state_reason = NULL"))
    await database.dispose()
    async with serve_notify(settings, directory) as notify:
        await _state(notify, webhook, "disabled")


async def test_an_endpoint_that_answers_its_challenge_too_late_is_sent_nothing(
    directory: ServedDirectory, settings: Settings, receiver: Receiver
) -> None:
    """Its account was closed meanwhile; opening that again does not let events through either."""
    strict = settings.model_copy(update={"verification": "on"})
    account_id, member = await directory.account_with_id("member")
    answering = asyncio.Event()
    receiver.script = [Reply(200, echoing="challenge", held_until=answering)]
    async with serve_notify(strict, directory) as notify, serve_receiver() as other:
        other.usual = Reply(200, echoing="challenge")
        webhook = await notify.register(receiver.url, member)
        told = await notify.register(other.url, await directory.account("member"))
        await receiver.got(1)
        await _state(notify, told, "active")
        await directory.create("Owed to both")
        await other.got(2)
        await directory.change_account(account_id, disabled=True)

        async def is_closed() -> bool:
            patch = {"description": "unless it is closed"}
            path = f"/webhooks/{webhook['id']}"
            answer = await notify.client.patch(path, json=patch, headers=member)
            return answer.status_code == 409

        await wait_until(is_closed, "notify knows that the account is closed")
        answering.set()
        await notify.settled(webhook, "delivered")
        await directory.create("Not owed to it")
        await other.got(3)
        await directory.change_account(account_id, disabled=False)
        await _state(notify, webhook, "disabled")
        await directory.create("Told to the other")
        await other.got(4)
    assert [request.event["type"] for request in receiver.requests] == ["webhook.verification"]


@asynccontextmanager
async def _directory_on(
    file: Path, broker_url: str, folder: Path, key: str
) -> AsyncIterator[ServedDirectory]:
    url = f"sqlite:///{file}"
    async with serve_directory(url, f"{broker_url}/4", folder, ENCRYPTION_KEYS=key) as served:
        yield served


async def test_a_directory_that_was_restored_from_a_backup_is_believed_anew(
    broker_url: str, tmp_path: Path
) -> None:
    """It counts the changes of accounts from an earlier number, which are new all the same."""
    file, key = tmp_path / "directory.db", Fernet.generate_key().decode()
    settings = notify_settings(f"sqlite:///{tmp_path}/notify.db", f"{broker_url}/4")
    async with _directory_on(file, broker_url, tmp_path, key) as directory:
        account_id, member = await directory.account_with_id("member")
        await directory.event_of(account_id, await directory.service())
    shutil.copy(file, tmp_path / "backup.db")
    async with (
        _directory_on(file, broker_url, tmp_path, key) as directory,
        serve_notify(settings, directory) as notify,
    ):
        webhook = await notify.register(URL, member)
        for number in range(5):
            await directory.change_account(account_id, name=f"Renamed {number}")
        await directory.change_account(account_id, role="secretariat")
        await _audience(notify, webhook, "secretariat")
    shutil.move(tmp_path / "backup.db", file)
    async with (
        _directory_on(file, broker_url, tmp_path, key) as directory,
        serve_notify(settings, directory) as notify,
    ):
        await _audience(notify, webhook, "member")
        await directory.change_account(account_id, disabled=True)
        await _state(notify, webhook, "disabled")


async def _audience(notify: ServedNotify, webhook: dict[str, Any], audience: str) -> None:
    async def is_so() -> bool:
        return bool((await notify.get(f"/webhooks/{webhook['id']}"))["audience"] == audience)

    await wait_until(is_so, f"the webhook is told as {audience}")
