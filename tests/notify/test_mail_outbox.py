"""The outbox when a part is away: the mail server, or the worker that had a mail in hand."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete

from services.notify.mail.outbox import lease_due_mail, put_in_outbox, record_mail
from services.notify.migrate import FOLDER
from services.notify.models import MAIL
from services.notify.retries import Delivered, TryAgain
from shared.databases import Database
from shared.leases import database_time
from shared.migrating import migrate
from tests.mail_server import MailServer, serve_mail
from tests.notify.outbox import OWNER, ended, listed, mail
from tests.notify.served_notify import notify_settings, serve_notify
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until


@pytest.fixture
async def outbox(notify_database_url: str) -> AsyncIterator[Database]:
    """An outbox from which nobody takes but the test."""
    database = Database(notify_database_url)
    await migrate(database, FOLDER)
    async with database.transaction() as session:
        await session.execute(delete(MAIL))
    yield database
    async with database.transaction() as session:
        await session.execute(delete(MAIL))
    await database.dispose()


async def test_a_worker_that_died_is_replaced(outbox: Database) -> None:
    """After its lease the mail is another one's, and a late result changes nothing."""
    async with outbox.transaction() as session:
        now = await database_time(session)
        put_in_outbox(session, uuid4(), OWNER, "Subject", "Text", now)
    async with outbox.transaction() as session:
        [first] = await lease_due_mail(session, 10, 60, now)
    async with outbox.transaction() as session:
        assert await lease_due_mail(session, 10, 60, now + timedelta(seconds=59)) == []
        [second] = await lease_due_mail(session, 10, 60, now + timedelta(seconds=61))
    assert (second.id, first.number, second.number) == (first.id, 1, 2)
    async with outbox.transaction() as session:
        await record_mail(session, first, TryAgain("too late", 3_600), now)
    async with outbox.transaction() as session:
        [third] = await lease_due_mail(session, 10, 60, now + timedelta(seconds=122))
    assert third.number == 3
    async with outbox.transaction() as session:
        await record_mail(session, third, Delivered(), now)
        assert await lease_due_mail(session, 10, 60, now + timedelta(days=9)) == []


async def test_a_server_that_is_away_is_asked_again(
    notify_database_url: str, directory: ServedDirectory
) -> None:
    """Until it is there; the mail was kept meanwhile."""
    server = MailServer()
    async with serve_mail(server):
        pass
    settings = notify_settings(
        notify_database_url,
        directory.redis_url,
        MAIL_URL=f"smtp://127.0.0.1:{server.port}",
        MAIL_RETRY_SECONDS=",".join(["0.02"] * 1_000),
        MAIL_IDLE_SECONDS="0.02",
    )
    async with serve_notify(settings, directory) as notify:
        one = await mail(notify)

        async def failed() -> bool:
            return one["id"] in {m["id"] for m in await listed(notify, "failed")}

        await wait_until(failed, "an attempt failed")
        async with serve_mail(server):
            assert (await ended(notify, one))["state"] == "sent"
            assert len(await server.got(1)) == 1
