"""Deleting a webhook while others work on what goes with it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.consumer import lock_position
from services.notify.lines import hold_lines
from shared.databases import Database
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, Reply
from tests.waiting import wait_until

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
OF_WEBHOOK = "SELECT 1 FROM {} WHERE webhook_id = :webhook FOR UPDATE"


Begin = Callable[[AsyncSession], Awaitable[Sequence[str]]]


async def begin_as_a_sender(session: AsyncSession) -> Sequence[str]:
    """What a step of sending locks, in its order."""
    await hold_lines(session)
    return (OF_WEBHOOK.format("delivery"), "UPDATE webhook SET revision = 1 WHERE id = :webhook")


async def begin_as_a_replay(session: AsyncSession) -> Sequence[str]:
    """What a page of a replay locks, in its order."""
    await lock_position(session)
    webhook = "SELECT 1 FROM webhook WHERE id = :webhook FOR NO KEY UPDATE"
    return (OF_WEBHOOK.format("replay"), webhook)


def locking(statement: str, database: Database) -> TextClause:
    """The statement; on SQLite, where there is one writer at a time, without its lock."""
    return text(statement.partition(" FOR ")[0] if database.is_sqlite else statement)


@pytest.mark.parametrize("begin", [begin_as_a_sender, begin_as_a_replay])
async def test_nobody_waits_for_each_other(
    notify: ServedNotify, receiver: Receiver, begin: Begin
) -> None:
    """It is deleted after who was at work before, who is not broken off."""
    database: Database = notify.app.state.database
    headers = await notify.directory.signed_in()
    receiver.usual = Reply(500)
    webhook = await notify.register(receiver.url)
    path = f"/webhooks/{webhook['id']}"
    await notify.directory.create("To be told, and replayed")
    await notify.settled(webhook, "dead")
    replay = await notify.client.post(f"{path}/replay", json={"after": 0}, headers=headers)
    assert replay.status_code == 202, replay.text

    async def somebody_waits() -> bool:
        if database.is_sqlite:
            # Whoever writes stands in line by itself.
            return not deleting.done()
        async with database.reading() as session:
            return bool(await session.scalar(text(WAITING)))

    async with database.transaction() as session:
        first, second = await begin(session)
        await session.execute(locking(first, database), {"webhook": webhook["id"]})
        deleting = asyncio.create_task(notify.client.delete(path, headers=headers))
        await wait_until(somebody_waits, "the deletion waits")
        await session.execute(locking(second, database), {"webhook": webhook["id"]})
    assert (await deleting).status_code == 204
    await notify.get(path, status=404)
