"""The loops of search: following the log, and what is asked of the index now and then."""

import asyncio
import os

import httpx
from redis.asyncio import Redis

from services.search.boundary import IndexFailed
from services.search.consumer import IndexConsumer
from services.search.damage import DamageWatch
from services.search.index import IndexHome
from services.search.insights import INSIGHT_LOOP, INSIGHT_SECONDS, SearchCounter
from services.search.learning import VocabularyLearner
from services.search.migrate import MIGRATIONS
from services.search.settings import Settings
from services.search.synonym_book import SYNONYM_LOOP, SYNONYM_SECONDS, SynonymBook
from shared.broker import connect_broker
from shared.databases import Database
from shared.log_follower import LogFollower
from shared.logs import configure_logs
from shared.loops import Nudge, run_loop
from shared.migrating import migrate
from shared.service_client import DirectoryClient
from shared.serving import keep_what_is_loaded, run_together

_HTTP_SECONDS = 10
_UPKEEP_SECONDS = 0.5
_LEARN_SECONDS = 0.1
_WATCH_SECONDS = 0.5


class SearchWorker:
    """What keeps one index: each step does one batch and says how many."""

    def __init__(
        self, home: IndexHome, redis: Redis, directory: DirectoryClient, database: Database
    ) -> None:
        self._home = home
        self._redis = redis
        self._directory = directory
        self.consumer = IndexConsumer(home, directory, database)
        self._follower = LogFollower(redis, directory, self.consumer)

    async def follow(self) -> int:
        """Let the next events of the log take effect; how many they were."""
        try:
            await self._replace_damaged()
            return await self._follower.step()
        except IndexFailed:
            # The next step loads the position anew, looks whether the index is still whole, and
            # builds it again if it is not.
            self._follower = LogFollower(self._redis, self._directory, self.consumer)
            raise

    async def _replace_damaged(self) -> None:
        """Begin anew where reads have shown that the live index is damaged.

        Only here, between two steps: the new index may stand behind what the follower has read.
        """
        damaged = self._home.damage_reported()
        if damaged is None:
            return
        live = self._home.live()
        if live is not None and live.name == damaged:
            self._follower = LogFollower(self._redis, self._directory, self.consumer)
            await self.consumer.begin(f"{damaged} is damaged")
        self._home.damage_mended()

    async def upkeep(self) -> int:
        """Replay set-aside events and rebuild the index, where that was asked for."""
        if self._home.live() is None:
            return 0
        done = await self.consumer.replay()
        requested_at = self._home.rebuild_requested_at()
        if requested_at is not None:
            await self.consumer.rebuild("requested")
            self._home.rebuild_done(requested_at)
            done += 1
        return done

    async def run(self, nudge: Nudge) -> None:
        """Both loops, until cancelled; `nudge` tells that something was asked for."""
        try:
            # The follower itself waits for the stream, so its loop has no pause of its own.
            await run_together(
                run_loop("search.follow", self.follow, Nudge(), 0.001),
                run_loop("search.upkeep", self.upkeep, nudge, _UPKEEP_SECONDS),
            )
        finally:
            await self.consumer.close()


async def run_beside(
    synonyms: SynonymBook, counter: SearchCounter, learner: VocabularyLearner, watch: DamageWatch
) -> None:
    """What goes on beside answering, in each process that answers, until cancelled."""
    await run_together(
        run_loop(SYNONYM_LOOP, synonyms.refresh, Nudge(), SYNONYM_SECONDS),
        run_loop(INSIGHT_LOOP, counter.step, Nudge(), INSIGHT_SECONDS),
        run_loop("search.learn", learner.step, Nudge(), _LEARN_SECONDS),
        run_loop("search.damage", watch.step, Nudge(), _WATCH_SECONDS),
    )


def make_directory_client(settings: Settings, client: httpx.AsyncClient) -> DirectoryClient:
    """The directory, as search asks it."""
    return DirectoryClient(
        settings.directory_url,
        settings.service_client_id,
        settings.service_client_secret,
        client,
    )


async def run_loops(settings: Settings, nudge: Nudge) -> None:
    """The loops with connections of their own, until cancelled."""
    database = Database(settings.database_url)
    redis = connect_broker(settings.redis_url)
    async with httpx.AsyncClient(timeout=_HTTP_SECONDS, trust_env=False) as client:
        try:
            directory = make_directory_client(settings, client)
            home = IndexHome(settings.index_dir)
            await SearchWorker(home, redis, directory, database).run(nudge)
        finally:
            await redis.aclose()
            await database.dispose()


async def run_worker(settings: Settings) -> None:
    """The loops as a process of their own, beside one that runs with WORKER=off."""
    if settings.migrate_on_start == "on":
        database = Database(settings.database_url)
        try:
            await migrate(database, MIGRATIONS)
        finally:
            await database.dispose()
    await run_loops(settings, Nudge())


if __name__ == "__main__":
    found = Settings.from_environment(os.environ)
    configure_logs("search", found.log_level)
    keep_what_is_loaded()
    asyncio.run(run_worker(found))
