"""The search service, wired together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response

from services.search.damage import DamageWatch
from services.search.hot_answers import HotAnswers
from services.search.index import IndexHome
from services.search.insights import SearchCounter
from services.search.learning import VocabularyLearner
from services.search.migrate import MIGRATIONS
from services.search.reading import IndexReader
from services.search.routes import (
    dead_events,
    index,
    insights,
    search,
    similar,
    suggest,
    synonyms,
)
from services.search.searching import SearchFailed
from services.search.settings import Settings
from services.search.state import check_dependencies, measure_size
from services.search.synonym_book import SynonymBook
from services.search.worker import make_directory_client, run_beside
from services.search.worker_thread import WorkerThread
from shared.broker import connect_broker
from shared.databases import Database
from shared.migrating import migrate
from shared.problems import answer_problem
from shared.serving import DependencyState, create_service_app, stop_task
from shared.tokens import PublishedKeys, TokenVerifier

_HTTP_SECONDS = 10
_DESCRIPTION = """
Finds partners and topics. Answers come from an index of its own that follows the directory's
events within a fraction of a second. Whoever sends no token finds what the public may see.
"""


def create_app(settings: Settings) -> FastAPI:
    """The application for `settings`."""
    home = IndexHome(settings.index_dir)
    reading = IndexReader(home)
    redis = connect_broker(settings.redis_url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(settings.database_url)
        async with httpx.AsyncClient(timeout=_HTTP_SECONDS, trust_env=False) as client:
            if settings.migrate_on_start == "on":
                await migrate(database, MIGRATIONS)
            directory = make_directory_client(settings, client)
            app.state.database = database
            app.state.token_verifier = TokenVerifier(
                PublishedKeys(settings.directory_url, client).find
            )
            app.state.directory = directory
            book = SynonymBook(database)
            await book.refresh()
            counter = SearchCounter(database, settings.insights_days)
            app.state.synonyms = book
            app.state.insights = counter
            # Also where the worker is another process: they belong to what answers.
            beside = asyncio.create_task(
                run_beside(book, counter, VocabularyLearner(reading), DamageWatch(reading, home)),
                name="search.beside",
            )
            worker = WorkerThread(settings) if settings.worker == "on" else None
            # A worker in another process looks by itself, twice a second.
            app.state.nudge = worker.nudge if worker else lambda: None
            if worker is not None:
                await asyncio.to_thread(worker.start)
            try:
                yield
            finally:
                if worker is not None:
                    await worker.stop()
                await stop_task(beside)
                await counter.finish()
                await redis.aclose()
                await database.dispose()

    async def check() -> list[DependencyState]:
        return await check_dependencies(reading, redis, app.state.directory)

    app = create_service_app(
        title="Partner directory: search",
        description=_DESCRIPTION,
        # What is asked most.
        in_front=[search.router, suggest.router],
        routers=[
            similar.router,
            index.router,
            dead_events.router,
            synonyms.router,
            insights.router,
        ],
        check=check,
        lifespan=lifespan,
        cors_origins=settings.cors_origin_list,
        max_body_bytes=settings.max_body_bytes,
    )

    async def answer_failure(request: Request, error: Exception) -> Response:
        """However a read has failed, here it is noted."""
        reading.failed(error.__cause__ if isinstance(error.__cause__, Exception) else error)
        return await answer_problem(request, error)

    app.add_exception_handler(SearchFailed, answer_failure)
    measure_size(reading)
    app.state.settings = settings
    app.state.home = home
    app.state.reading = reading
    app.state.hot_answers = HotAnswers()
    app.state.redis = redis
    return app
