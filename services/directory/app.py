"""The directory's application: wiring only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from redis.exceptions import RedisError
from sqlalchemy import text

from services.directory.accounts import ensure_account
from services.directory.hot_answers import HotAnswers, LogWatch
from services.directory.migrate import FOLDER
from services.directory.outbox import TOUCHED
from services.directory.routes import (
    accounts,
    batches,
    changes,
    confirmations,
    contact_points,
    disputes,
    duplicates,
    erasures,
    exports,
    history,
    imports,
    merges,
    oauth,
    partners,
    proposals,
    topics,
)
from services.directory.settings import Settings
from services.directory.signing_keys import load_signing_keys
from services.directory.state import open_database
from services.directory.worker import run_worker
from shared.broker import connect_broker
from shared.databases import Database
from shared.loops import Nudge, run_loop
from shared.migrating import migrate
from shared.sealing import Seal
from shared.serving import DependencyState, create_service_app, run_together, stop_task
from shared.tokens import TokenVerifier
from shared.vocabulary import Role

_WATCH_SECONDS = 0.05


async def _ensure_accounts(settings: Settings, database: Database) -> None:
    await ensure_account(
        database,
        settings.service_client_id,
        settings.service_client_secret,
        "This network's own services",
        Role.service,
    )
    if settings.bootstrap_client_id:
        await ensure_account(
            database,
            settings.bootstrap_client_id,
            settings.bootstrap_client_secret,
            "The first account of the secretariat",
            Role.secretariat,
        )


def create_app(settings: Settings) -> FastAPI:
    """The directory as `settings` want it."""
    seal = Seal(settings.encryption_keys)
    database = open_database(settings)
    redis = connect_broker(settings.redis_url)
    hot_answers = HotAnswers(settings.hot_records)
    relay_nudge = Nudge()

    def nudge_relay(info: dict[object, object]) -> None:
        if info.get(TOUCHED):
            relay_nudge.now()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if settings.migrate_on_start == "on":
            await migrate(database, FOLDER)
        await _ensure_accounts(settings, database)
        keys = await load_signing_keys(database, seal, settings.token_seconds)
        app.state.signing_keys = keys
        app.state.token_verifier = TokenVerifier(keys.find)
        database.committed += [hot_answers.after_commit, nudge_relay]
        watch = LogWatch(database, hot_answers)
        loops = [run_loop("watch the log", watch.step, Nudge(), _WATCH_SECONDS)]
        if settings.worker == "on":
            loops.append(run_worker(settings, database, redis, relay_nudge))
        task = asyncio.create_task(run_together(*loops))
        try:
            yield
        finally:
            await stop_task(task)
            await redis.aclose()
            await database.dispose()

    async def check() -> list[DependencyState]:
        return [await _check_database(database), await _check_broker()]

    async def _check_broker() -> DependencyState:
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            detail = f"events wait in the outbox and in /changes: {error!r}"
            return DependencyState(name="broker", ok=False, required=False, detail=detail)
        return DependencyState(name="broker", ok=True, required=False, detail="answers")

    app = create_service_app(
        title="Partner directory",
        description="The truth about the partners of a research network, and the log of changes.",
        # The most asked come first: routes are tried one after the other.
        routers=[
            # Behind it, /partners/merges and /partners/duplicates would be taken for partners' ids.
            merges.router,
            duplicates.router,
            partners.router,
            topics.router,
            exports.router,
            changes.router,
            oauth.router,
            history.router,
            contact_points.router,
            erasures.router,
            confirmations.router,
            disputes.router,
            proposals.router,
            accounts.router,
            batches.router,
            imports.router,
        ],
        check=check,
        lifespan=lifespan,
        cors_origins=settings.cors_origin_list,
        max_body_bytes=settings.max_body_bytes,
    )
    app.state.settings = settings
    app.state.database = database
    app.state.hot_answers = hot_answers
    return app


async def _check_database(database: Database) -> DependencyState:
    try:
        async with database.reading() as session:
            waiting = await session.scalar(
                text("SELECT count(*) FROM outbox WHERE sequence IS NULL")
            )
    except Exception as error:
        return DependencyState(name="database", ok=False, required=True, detail=repr(error))
    detail = f"answers; {waiting} event(s) wait for the relay"
    return DependencyState(name="database", ok=True, required=True, detail=detail)
