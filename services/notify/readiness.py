"""What notify stands on. Without its database it cannot serve; all else may be away for a while."""

from pathlib import Path

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from services.notify.models import PositionRow
from shared.databases import Database
from shared.migrating import is_current
from shared.service_client import DirectoryClient
from shared.serving import DependencyState


async def check_database(database: Database, migrations: Path) -> DependencyState:
    """Whether the database answers and has this version's schema."""
    try:
        current = await is_current(database, migrations)
        detail = "answers" if current else "its schema is not this version's; migrate it"
    except (SQLAlchemyError, OSError) as error:
        current, detail = False, repr(error)
    return DependencyState(name="database", ok=current, required=True, detail=detail)


async def check_broker(redis: Redis) -> DependencyState:
    """Whether events come the fast way."""
    try:
        await redis.ping()
    except (RedisError, OSError) as error:
        detail = f"events are read from the directory's /changes meanwhile: {error!r}"
        return DependencyState(name="broker", ok=False, required=False, detail=detail)
    return DependencyState(name="broker", ok=True, required=False, detail="answers")


async def check_directory(database: Database, directory: DirectoryClient) -> DependencyState:
    """Whether the directory answers, and how far behind its log the fan-out is."""
    try:
        page = (await directory.get("/changes", after=0, limit=1)).json()
        async with database.reading() as session:
            row = (await session.execute(select(PositionRow))).scalar_one_or_none()
    except (httpx.HTTPError, SQLAlchemyError, OSError) as error:
        detail = f"what is owed already is sent meanwhile: {error!r}"
        return DependencyState(name="directory", ok=False, required=False, detail=detail)
    behind = "not begun" if row is None else f"{page['head'] - row.sequence} event(s) behind"
    return DependencyState(name="directory", ok=True, required=False, detail=behind)
