"""An event that cannot be handled is set aside, listed and replayed; those behind it go on."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.search.index import IndexHome
from services.search.worker import SearchWorker
from shared.broker import connect_broker
from shared.log_follower import STREAM, Position
from tests.conftest import database_url  # noqa: F401 - on both kinds of database
from tests.search.scripted_directory import ScriptedDirectory, a_record, client_of
from tests.search.served_search import ServedSearch, search_settings, serve_search
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

FIRST, SECOND = (str(uuid.UUID(int=number)) for number in (1, 2))


@pytest.fixture
def scripted() -> ScriptedDirectory:
    """A directory that says what the test tells it to."""
    return ScriptedDirectory()


@pytest.fixture
async def served(
    directory: ServedDirectory, directory_url: str, search_database_url: str, tmp_path: Path
) -> AsyncIterator[ServedSearch]:
    """Search without its loops: the test does the steps."""
    settings = search_settings(
        directory_url,
        directory.redis_url,
        tmp_path,
        SEARCH_DATABASE_URL=search_database_url,
        WORKER="off",
    )
    async with serve_search(settings, directory, wait=False) as search:
        yield search


@pytest.fixture
async def redis(broker_url: str) -> AsyncIterator[Redis]:
    """An empty database of the broker."""
    redis = connect_broker(f"{broker_url}/9")
    await redis.flushdb()
    yield redis
    await redis.aclose()


@pytest.fixture
async def worker(
    served: ServedSearch, scripted: ScriptedDirectory, redis: Redis
) -> AsyncIterator[SearchWorker]:
    """The worker of `served`, following the scripted directory."""
    async with client_of(scripted) as client:
        home = IndexHome(served.settings.index_dir)
        worker = SearchWorker(home, redis, client, served.app.state.database)
        yield worker
        await worker.consumer.close()


async def publish(redis: Redis, scripted: ScriptedDirectory) -> None:
    """Put all events of the scripted directory on the stream."""
    for entry_id, fields in scripted.stream_entries():
        await redis.xadd(STREAM, fields, id=entry_id)


async def dead_events(served: ServedSearch) -> list[dict[str, object]]:
    """What GET /search/dead-events answers to the secretariat."""
    headers = await served.directory.signed_in()
    answer = await served.client.get("/search/dead-events", headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def test_an_event_that_fails_does_not_stop_the_others(
    served: ServedSearch, scripted: ScriptedDirectory, worker: SearchWorker, redis: Redis
) -> None:
    """It is kept with its error; a replay that fails says so; one that is old changes nothing."""
    assert await worker.follow() == 0
    scripted.say(FIRST, a_record(FIRST, 1, "Handled"))
    scripted.say(SECOND, a_record(SECOND, 1, "Unknown kind of event"), "exploded")
    scripted.say(FIRST, a_record(FIRST, 2, "Handled after all"))
    await publish(redis, scripted)
    assert await worker.follow() == 3
    assert await served.titles("") == ["Handled after all"]
    index = await served.index()
    assert (index["position"], index["log_id"]) == (3, scripted.log_id)

    (dead,) = await dead_events(served)
    assert (dead["state"], dead["sequence"], dead["subject"]) == ("set_aside", 2, SECOND)
    assert "exploded" in str(dead["error"])
    assert dead["event"] == scripted.events[1]

    headers = await served.directory.signed_in()
    replay = f"/search/dead-events/{dead['id']}/replay"
    answer = await served.client.post(replay, headers=headers)
    assert (answer.status_code, answer.json()["state"]) == (202, "replay_requested")
    assert await worker.upkeep() == 1
    assert [event["state"] for event in await dead_events(served)] == ["set_aside"]

    missing = await served.client.post("/search/dead-events/none/replay", headers=headers)
    assert missing.status_code == 404


async def test_a_replay_takes_effect_once_the_cause_is_gone(
    served: ServedSearch, scripted: ScriptedDirectory, worker: SearchWorker
) -> None:
    """The event is kept as it came, so newer code can handle it; here the cause was elsewhere."""
    await worker.follow()
    event = scripted.say(SECOND, a_record(SECOND, 1, "Replayed Institute"))
    position = await worker.consumer.load_position()
    assert position is not None
    for _ in range(2):
        await worker.consumer.set_aside(event, "something was away", position)
    set_aside = [event for event in await dead_events(served) if event["log_id"] == scripted.log_id]
    assert len(set_aside) == 1
    headers = await served.directory.signed_in()
    await served.client.post(f"/search/dead-events/{set_aside[0]['id']}/replay", headers=headers)
    assert await served.titles("") == []
    assert await worker.upkeep() == 1
    assert await served.titles("") == ["Replayed Institute"]
    assert (await dead_events(served))[0]["state"] == "replayed"


async def test_what_one_replica_replays_takes_effect_in_all(
    served: ServedSearch,
    scripted: ScriptedDirectory,
    worker: SearchWorker,
    redis: Redis,
    search_database_url: str,
    tmp_path: Path,
) -> None:
    """They share the list of what was set aside, and each has an index of its own."""
    settings = search_settings(
        served.settings.directory_url,
        served.settings.redis_url,
        tmp_path / "other",
        SEARCH_DATABASE_URL=search_database_url,
        WORKER="off",
    )
    async with (
        client_of(scripted) as client,
        serve_search(settings, served.directory, wait=False) as other,
    ):
        home = IndexHome(settings.index_dir)
        its_worker = SearchWorker(home, redis, client, other.app.state.database)
        await worker.follow()
        await its_worker.follow()
        event = scripted.say(SECOND, a_record(SECOND, 1, "Replayed everywhere"))
        for consumer in (worker.consumer, its_worker.consumer):
            await consumer.set_aside(event, "something was away", Position(scripted.log_id, 1))
        (dead,) = [one for one in await dead_events(served) if one["log_id"] == scripted.log_id]
        replay = f"/search/dead-events/{dead['id']}/replay"
        headers = await served.directory.signed_in()
        assert (await served.client.post(replay, headers=headers)).status_code == 202
        assert (await worker.upkeep(), await served.titles("")) == (1, ["Replayed everywhere"])
        assert await other.titles("") == []
        await its_worker.upkeep()
        assert await other.titles("") == ["Replayed everywhere"]
        assert (await worker.upkeep(), await its_worker.upkeep()) == (0, 0)
        assert (await its_worker.consumer.load_position()) == Position(scripted.log_id, 1)
        await its_worker.consumer.close()


async def test_another_log_means_another_beginning(
    served: ServedSearch, scripted: ScriptedDirectory, worker: SearchWorker
) -> None:
    """A directory restored from a backup has a new log: search begins from its snapshot."""
    scripted.say(FIRST, a_record(FIRST, 1, "Of the old log"))
    await worker.follow()
    assert await served.titles("") == ["Of the old log"]
    scripted.log_id = str(uuid.uuid4())
    scripted.events.clear()
    scripted.records = {SECOND: a_record(SECOND, 1, "Of the new log")}

    async def is_of_the_new_log() -> bool:
        await worker.follow()
        return await served.titles("") == ["Of the new log"]

    await wait_until(is_of_the_new_log, "search has begun anew")
    index = await served.index()
    assert (index["log_id"], index["position"], index["lag"]) == (scripted.log_id, 0, None)
