"""The directory's loops: the relay, imports, and what comes about because time has passed."""

import asyncio
import os
from contextlib import suppress

from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from services.directory.assurance import render_due
from services.directory.contact_points.asking import forget_expired_confirmations
from services.directory.duplicates.reckoning import Reckoning
from services.directory.erasing.finishing import finish_erasures
from services.directory.idempotency import forget_old_answers
from services.directory.imports.asked import forget_old
from services.directory.imports.running import Importing
from services.directory.relay import Relay
from services.directory.settings import Settings
from services.directory.state import open_database
from shared.broker import connect_broker
from shared.databases import Database
from shared.logs import configure_logs
from shared.loops import Nudge, run_loop
from shared.serving import keep_what_is_loaded, run_together

_LOOK_SECONDS = 1.0
_REVIEW_SECONDS = 30.0
_ERASE_SECONDS = 1.0
_IMPORT_SECONDS = 0.25
_FORGET_SECONDS = 600.0
_DUPLICATES_SECONDS = 0.5
_END_SECONDS = 2.0


async def run_worker(
    settings: Settings, database: Database, redis: Redis, relay_nudge: Nudge
) -> None:
    """Run the loops until cancelled."""
    relay = Relay(database, redis, settings.stream_length)

    async def render_some() -> int:
        async with database.transaction() as session:
            return await render_due(session)

    async def forget_some() -> int:
        async with database.transaction() as session:
            answers = await forget_old_answers(session)
            links = await forget_expired_confirmations(session)
            return answers + links + await forget_old(session, settings.import_days)

    async def finish_some() -> int:
        return await finish_erasures(database, redis)

    importing, reckoning = Importing(settings, database), Reckoning(database)

    async def compare_some() -> int:
        # What an import brings is compared when it rests: both together take twice as long.
        return 0 if importing.busy else await reckoning.step()

    try:
        await run_together(
            run_loop("relay", relay.step, relay_nudge, settings.relay_idle_seconds),
            run_loop("look at the stream", relay.look, Nudge(), _LOOK_SECONDS),
            run_loop("duplicates", compare_some, Nudge(), _DUPLICATES_SECONDS),
            run_loop("reviews", render_some, Nudge(), _REVIEW_SECONDS),
            run_loop("erasures", finish_some, Nudge(), _ERASE_SECONDS),
            run_loop("imports", importing.step, Nudge(), _IMPORT_SECONDS),
            run_loop("old imports, answers and links", forget_some, Nudge(), _FORGET_SECONDS),
        )
    finally:
        # A database that does not answer any more must not keep the process from ending.
        with suppress(SQLAlchemyError, OSError, TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await relay.end()
                await importing.end()


async def main() -> None:
    """Run the loops as a process of their own."""
    settings = Settings.from_environment(os.environ)
    configure_logs("directory-worker", settings.log_level)
    keep_what_is_loaded()
    database = open_database(settings)
    redis = connect_broker(settings.redis_url)
    try:
        await run_worker(settings, database, redis, Nudge())
    finally:
        await redis.aclose()
        await database.dispose()


if __name__ == "__main__":
    asyncio.run(main())
