"""Notify's application: wiring only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.notify.accounts import KnowAccount
from services.notify.console.routes import ROUTERS as CONSOLE_ROUTERS
from services.notify.consumer import EnsureBegun
from services.notify.migrate import FOLDER
from services.notify.parts import Parts
from services.notify.readiness import check_broker, check_database, check_directory
from services.notify.routes import ROUTERS
from services.notify.settings import Settings
from services.notify.stream.loops import open_live_stream, run_stream
from services.notify.worker import DIRECTORY_TIMEOUT_SECONDS, directory_client, run_worker
from shared.broker import connect_broker
from shared.databases import Database
from shared.event_documents import describe_webhooks
from shared.migrating import migrate
from shared.sealing import Seal
from shared.serving import DependencyState, create_service_app, stop_task
from shared.tokens import PublishedKeys, TokenVerifier


def create_app(settings: Settings, client: httpx.AsyncClient | None = None) -> FastAPI:
    """Notify as `settings` want it; `client` is the way to the directory if not the usual."""
    database = Database(settings.database_url)
    redis = connect_broker(settings.redis_url)
    client = client or httpx.AsyncClient(timeout=DIRECTORY_TIMEOUT_SECONDS, trust_env=False)
    directory = directory_client(settings, client)
    live = open_live_stream(settings, directory)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if settings.migrate_on_start == "on":
            await migrate(database, FOLDER)
        tasks = [asyncio.create_task(run_stream(settings, live, redis, directory))]
        if settings.worker == "on":
            tasks.append(asyncio.create_task(run_worker(settings, database, redis, directory)))
        try:
            yield
        finally:
            await asyncio.gather(*map(stop_task, tasks))
            await redis.aclose()
            await client.aclose()
            await database.dispose()

    async def check() -> list[DependencyState]:
        return [
            await check_database(database, FOLDER),
            await check_broker(redis),
            await check_directory(database, directory),
        ]

    app = create_service_app(
        title="Notify",
        description="Tells what happens in the directory: by signed webhooks and as a live stream.",
        routers=[*ROUTERS, *CONSOLE_ROUTERS],
        check=check,
        lifespan=lifespan,
        cors_origins=settings.cors_origin_list,
        max_body_bytes=settings.max_body_bytes,
    )
    describe_webhooks(app.webhooks)
    app.state.database = database
    app.state.token_verifier = TokenVerifier(PublishedKeys(directory.url, client).find)
    app.state.live_stream = live
    app.state.parts = Parts(
        settings=settings,
        seal=Seal(settings.encryption_keys),
        directory=directory,
        ensure_begun=EnsureBegun(database, directory),
        know_account=KnowAccount(database, directory),
    )
    return app
