"""The index follows the log beside the event loop that answers, not behind what it answers."""

import threading
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis import Redis

from services.search.index import IndexHome
from services.search.reading import IndexReader
from shared.log_follower import STREAM
from tests.over_http import over_http
from tests.search.scripted_directory import ScriptedDirectory, a_record
from tests.search.served_search import ServedSearch, search_settings, serve_search
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

FIRST, SECOND = (str(uuid.UUID(int=number)) for number in (1, 2))
_LONGEST_SECONDS = 30
_LOOK_SECONDS = 0.01


@pytest.fixture
def scripted() -> ScriptedDirectory:
    """A directory with one partner."""
    scripted = ScriptedDirectory()
    scripted.say(FIRST, a_record(FIRST, 1, "First partner"), "created")
    return scripted


@pytest.fixture
def redis_url(broker_url: str) -> str:
    """An empty database of the broker."""
    with Redis.from_url(f"{broker_url}/9") as redis:
        redis.flushdb()
    return f"{broker_url}/9"


@pytest.fixture
async def served(
    directory: ServedDirectory, scripted: ScriptedDirectory, redis_url: str, tmp_path: Path
) -> AsyncIterator[ServedSearch]:
    """Search with its loops, following the scripted directory."""
    async with over_http(scripted.app) as url:
        settings = search_settings(url, redis_url, tmp_path)
        async with serve_search(settings, directory) as search:
            yield search


def publish(redis_url: str, scripted: ScriptedDirectory) -> None:
    """Put all events of the scripted directory on the stream."""
    with Redis.from_url(redis_url) as redis:
        for entry_id, fields in scripted.stream_entries():
            redis.xadd(STREAM, fields, id=entry_id)


def documents_of(index_dir: Path) -> int:
    """How many documents the index has now."""
    return IndexReader(IndexHome(index_dir)).searcher().num_docs


def wait_here_for_more_documents(index_dir: Path, than: int) -> None:
    """Return when the index has more documents; the event loop that calls stands still meanwhile.

    Raises:
        TimeoutError: it has not after some time.
    """
    given_up_at = time.monotonic() + _LONGEST_SECONDS
    while documents_of(index_dir) <= than:
        if time.monotonic() > given_up_at:
            raise TimeoutError(f"still {than} documents after {_LONGEST_SECONDS} s")
        # Between two looks, and not awaited: that would let the event loop come round.
        time.sleep(_LOOK_SECONDS)


def workers() -> int:
    """How many workers run in threads of this process."""
    return sum(thread.name == "search.worker" for thread in threading.enumerate())


async def test_events_take_effect_while_the_process_is_busy_answering(
    served: ServedSearch, scripted: ScriptedDirectory, redis_url: str
) -> None:
    """An event is indexed although the event loop that answers does not come round once."""
    index_dir = served.settings.index_dir
    before = documents_of(index_dir)
    scripted.say(SECOND, a_record(SECOND, 1, "Second partner"), "created")
    # The loop of this test is the one that answers, and nothing is awaited from here on.
    publish(redis_url, scripted)
    wait_here_for_more_documents(index_dir, before)
    assert await served.titles("second") == ["Second partner"]


async def test_the_worker_ends_with_the_service(
    directory: ServedDirectory, scripted: ScriptedDirectory, redis_url: str, tmp_path: Path
) -> None:
    """What is stopped leaves no worker behind, so that the next one can write the index."""
    before = workers()
    async with over_http(scripted.app) as url:
        settings = search_settings(url, redis_url, tmp_path)
        for name in ("Opened partner", "Renamed partner"):
            scripted.say(FIRST, a_record(FIRST, scripted.head + 1, name))
            async with serve_search(settings, directory) as search:
                assert workers() == before + 1

                async def is_found(search: ServedSearch = search, name: str = name) -> bool:
                    return await search.titles(name) == [name]

                await wait_until(is_found, f"{name} is found")
            assert workers() == before
