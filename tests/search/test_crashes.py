"""Whatever is killed or full, whenever: the index is what one built anew would be.

`CRASH_SEED` repeats a run; `make test LONG=1` kills more often.
"""

import os
import random
import secrets
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from services.search.consumer import IndexConsumer
from services.search.index import IndexHome
from services.search.migrate import MIGRATIONS
from services.search.reading import IndexReader
from services.search.writing import read_position
from shared.broker import connect_broker
from shared.databases import Database
from shared.log_follower import STREAM
from shared.migrating import migrate
from tests.network import pause
from tests.over_http import over_http
from tests.search.index_content import change_by_chance, everything_in
from tests.search.scripted_directory import ScriptedDirectory, client_of
from tests.search.worker_nursery import Nursery
from tests.served_directory import SERVICE_SECRET
from tests.waiting import wait_until

LONG = bool(os.environ.get("LONG"))
KILLS = 400 if LONG else 25
FILLINGS = 60 if LONG else 6
LOOK_EACH = 5
SIZES = (0, 0, 200, 1_000, 3_000, 10_000)


Told = dict[Any, Any]


class Following:
    """A directory that changes by chance, and an index that a worker in another process follows.

    The worker may be killed at any time; so nothing is asked of it, only of what it has written.
    """

    def __init__(
        self, folder: Path, redis: Redis, database: Database, chance: random.Random
    ) -> None:
        self.directory = ScriptedDirectory()
        self.home = IndexHome(folder / "index")
        self.chance = chance
        self._folder = folder
        self._redis = redis
        self._database = database
        self._looks = 0

    @property
    def position(self) -> int | None:
        """Where the index stands; None where there is none yet."""
        if self.home.live() is None:
            return None
        reader = IndexReader(self.home)
        searcher = reader.searcher()
        stored = read_position(reader.index, searcher) if reader.index else None
        return stored.position.sequence if stored else None

    async def change(self, times: int, seconds: float = 0.0) -> None:
        """Let the directory change so often, over about so many seconds, and tell the stream."""
        for _ in range(times):
            event = change_by_chance(self.directory, self.chance)
            told: Told = {"log_id": self.directory.log_id, "event": orjson.dumps(event)}
            await self._redis.xadd(STREAM, told, id=f"{event['sequence']}-0")
            await pause(self.chance.uniform(0.0, 2 * seconds / times))

    async def is_whole(self) -> None:
        """Compare the index with one built from the directory as it was where the index stands.

        Of the exports that an index is built from, the later ones may tell of more than its
        position says, until it has come as far by the log; then it is compared another time.
        """
        position = self.position
        if position is None or position < self.directory.exported_at:
            return
        self._looks += 1
        home = IndexHome(self._folder / f"fresh-{self._looks}")
        async with client_of(self.directory.as_of(position)) as client:
            fresh = IndexConsumer(home, client, self._database)
            assert (await fresh.begin("to compare with")).sequence == position
            await fresh.close()
        assert await everything_in(self.home) == await everything_in(home)

    async def catches_up(self) -> None:
        """Wait until the index has every event, and compare."""

        async def has_all() -> bool:
            return self.position == self.directory.head

        await wait_until(has_all, "the index has every event")
        await self.is_whole()


@pytest.fixture
def chance() -> random.Random:
    """What happens, and when."""
    seed = int(os.environ.get("CRASH_SEED", str(secrets.randbelow(1_000_000))))
    print(f"CRASH_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
async def following(
    tmp_path: Path, broker_url: str, chance: random.Random
) -> AsyncIterator[Following]:
    """A directory, and nobody who follows it yet."""
    redis = connect_broker(f"{broker_url}/6")
    await redis.flushdb()
    database = Database(f"sqlite:///{tmp_path}/search.db")
    await migrate(database, MIGRATIONS)
    yield Following(tmp_path, redis, database, chance)
    await database.dispose()
    await redis.aclose()


@pytest.fixture
async def nursery(tmp_path: Path, broker_url: str, following: Following) -> AsyncIterator[Nursery]:
    """Where workers that follow the directory are started and killed."""
    async with over_http(following.directory.app) as url:
        started = Nursery(
            {
                "DIRECTORY_URL": url,
                "REDIS_URL": f"{broker_url}/6",
                "SEARCH_INDEX_DIR": str(following.home.root),
                "SEARCH_DATABASE_URL": f"sqlite:///{tmp_path}/search.db",
                "SERVICE_CLIENT_SECRET": SERVICE_SECRET,
                "MIGRATE_ON_START": "off",
                "LOG_LEVEL": "warning",
            }
        )
        yield started
        await started.close()
        # Shown where a test fails.
        print(started.said[-10_000:])


async def test_whatever_is_killed_nothing_is_lost_or_doubled(
    following: Following, nursery: Nursery, chance: random.Random
) -> None:
    """At any moment of a start, a commit, a merge or a rebuild.

    Each time the index is what the directory was at the position that stands in it; in the end it
    has every event, and lies in one folder.
    """
    await following.change(5)
    for blow in range(KILLS):
        await nursery.start()
        await following.change(chance.randint(1, 25), chance.uniform(0.0, 0.4))
        if chance.random() < 0.2:
            following.home.request_rebuild()
            await following.change(5, chance.uniform(0.0, 0.7))
        await nursery.kill()
        if blow % LOOK_EACH == 0:
            await following.is_whole()
    await nursery.start()
    await following.catches_up()

    async def has_one_folder() -> bool:
        folders = [folder.name for folder in following.home.root.glob("v*")]
        return following.home.rebuild_requested_at() is None and len(folders) == 1

    await wait_until(has_one_folder, "what was left half done is gone")
    await following.is_whole()
    await nursery.kill(signal.SIGTERM)
    assert "index.damaged" not in nursery.said
    assert "event_set_aside" not in nursery.said


async def has_failed_since(nursery: Nursery, before: int) -> bool:
    """Whether a step of a worker has failed after so many."""
    return nursery.failures > before


async def test_whenever_the_disk_is_full_it_is_waited_out(
    following: Following, nursery: Nursery, chance: random.Random
) -> None:
    """Of what does not fit nothing is committed, what is there is answered from, and then it fits.

    Whether the worker lives through it or is killed while the disk is full.
    """
    await following.change(20)
    await nursery.start()
    await following.catches_up()
    for filling in range(FILLINGS):
        before = nursery.failures
        nursery.let_files_grow_to(chance.choice(SIZES))
        if filling % 3 == 0:
            following.home.request_rebuild()
        await following.change(chance.randint(1, 25), 0.2)

        if following.position != following.directory.head or filling % 3 == 0:
            await wait_until(partial(has_failed_since, nursery, before), "the disk is full")
        await following.is_whole()
        if filling % 2:
            await nursery.kill()
            await nursery.start()
        else:
            nursery.let_files_grow_to(None)
        await following.catches_up()
    assert "index.damaged" not in nursery.said
    assert "event_set_aside" not in nursery.said
