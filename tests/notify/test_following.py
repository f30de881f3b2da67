"""Following the log: each event owed once, whatever stops in between."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from uuid_utils.compat import uuid7

from services.notify.models import DeadEventRow
from shared.broker import connect_broker
from shared.databases import Database
from shared.log_follower import STREAM
from tests.notify.served_notify import notify_settings, serve_notify
from tests.receiver import Receiver
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until


def ids_of(receiver: Receiver) -> list[str]:
    """Ids of the events that arrived."""
    return [request.event["id"] for request in receiver.requests]


@pytest.fixture
async def settings(notify_database_url: str, directory: ServedDirectory) -> Any:
    """One set of settings, so that several notifies can share a database and its seal."""
    return notify_settings(notify_database_url, directory.redis_url)


async def test_nothing_is_owed_from_before_the_beginning(
    directory: ServedDirectory, settings: Any, receiver: Receiver
) -> None:
    """A fresh notify begins with what happens from then on; what was missed while off is told."""
    await directory.create("Before anybody asked")
    async with serve_notify(settings, directory) as notify:
        webhook = await notify.register(receiver.url)
        first = await directory.create("First told")
        await receiver.got(1)
    assert receiver.requests[0].event["subject"] == first["id"]
    missed = [(await directory.create(f"Missed {number}"))["id"] for number in range(5)]
    async with serve_notify(settings, directory) as notify:
        await receiver.got(6)
        await notify.settled(webhook, "delivered", 6)
    subjects = [request.event["subject"] for request in receiver.requests]
    assert sorted(subjects) == sorted([first["id"], *missed])


async def test_two_replicas_tell_once(
    directory: ServedDirectory, settings: Any, receiver: Receiver
) -> None:
    """One fans out, both send, and no endpoint hears an event twice."""
    async with (
        serve_notify(settings, directory) as one,
        serve_notify(settings, directory),
    ):
        webhook = await one.register(receiver.url)
        for number in range(20):
            await directory.create(f"Shared {number}")
        await one.settled(webhook, "delivered", 20)
    assert len(ids_of(receiver)) == len(set(ids_of(receiver))) == 20


async def test_an_emptied_broker_loses_nothing(
    directory: ServedDirectory, settings: Any, receiver: Receiver
) -> None:
    """What the stream lost comes from the directory's log; each event arrives once."""
    redis = connect_broker(directory.redis_url)
    async with serve_notify(settings, directory) as notify:
        webhook = await notify.register(receiver.url)
        for number in range(12):
            await directory.create(f"Wiped {number}")
            if number % 4 == 3:
                await redis.flushdb()
        await notify.settled(webhook, "delivered", 12)
    await redis.aclose()
    assert len(ids_of(receiver)) == len(set(ids_of(receiver))) == 12


async def set_aside_of_old(settings: Any) -> str:
    """Id of an event that an older version set aside, and that this one can handle."""
    database = Database(settings.database_url)
    dead_id = uuid7()
    event = {
        "specversion": "1.0",
        "id": str(uuid7()),
        "source": "/directory",
        "type": "topic.created",
        "subject": str(uuid4()),
        "time": "2026-11-22T10:00:00Z",
        "data": {
            "record": {"id": str(uuid4()), "notation": "t", "broader": []},
            "changed": [],
            "actor": None,
        },
    }
    async with database.transaction() as session:
        session.add(
            DeadEventRow(
                id=dead_id,
                log_id="",
                sequence=1,
                type="topic.created",
                error="of old",
                envelope=orjson.dumps(event).decode(),
                set_aside_at=datetime.now(UTC),
            )
        )
    await database.dispose()
    return str(dead_id)


async def test_an_event_set_aside_can_be_replayed(
    directory: ServedDirectory, settings: Any, receiver: Receiver
) -> None:
    """The secretariat sees it with its error and replays it, with effect only once."""
    async with serve_notify(settings, directory) as notify:
        dead_event_id = await set_aside_of_old(settings)
        await notify.register(receiver.url, event_types=["topic.*"])
        path = f"/notify/dead-events/{dead_event_id}/replay"
        member = await directory.account("member")
        assert (await notify.client.post(path, headers=member)).status_code == 403
        for _ in range(2):
            answer = await notify.client.post(path, headers=await directory.signed_in())
            assert answer.status_code == 200, answer.text
            assert answer.json()["replayed_at"] is not None
        await receiver.got(1)
        await notify.get("/notify/dead-events", member, status=403)
        items = (await notify.get("/notify/dead-events"))["items"]
        assert [item["error"] for item in items] == ["of old"]
    assert len(receiver.requests) == 1


async def test_an_unknown_type_is_set_aside_and_the_next_ones_go_on(
    directory: ServedDirectory, settings: Any, receiver: Receiver
) -> None:
    """It is kept with its error; replaying it here fails and says so."""
    redis = connect_broker(directory.redis_url)
    async with serve_notify(settings, directory) as notify:
        webhook = await notify.register(receiver.url)
        await directory.create("Good one")
        await notify.settled(webhook, "delivered")
        newest: Any = await redis.xrevrange(STREAM, count=1)
        [(last_id, last)] = newest
        sequence = int(last_id.split(b"-")[0]) + 1
        event = {**orjson.loads(last[b"event"]), "type": "partner.exploded", "sequence": sequence}
        await redis.xadd(
            STREAM, {**last, b"event": orjson.dumps(event)}, id=f"{sequence}-0".encode()
        )

        async def set_aside() -> list[Any]:
            items: list[Any] = (await notify.get("/notify/dead-events"))["items"]
            return [item for item in items if item["type"] == "partner.exploded"]

        await wait_until(set_aside, "the unknown event is set aside")
        [item] = await set_aside()
        assert (item["sequence"], "UnknownEventType" in item["error"]) == (sequence, True)
        answer = await notify.client.post(
            f"/notify/dead-events/{item['id']}/replay", headers=await directory.signed_in()
        )
        assert (answer.status_code, answer.json()["title"]) == (
            409,
            "The event still cannot be handled",
        )
    await redis.aclose()
