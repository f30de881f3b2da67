"""Taking a database away from services that run on it, and giving it back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy import text

from shared.databases import Database

_TABLES = ("synonym_revision", "search_count")


@asynccontextmanager
async def database_away(url: str) -> AsyncIterator[None]:
    """While the block runs nothing works with search's database at `url`.

    PostgreSQL lets nobody in and ends who was in; of a SQLite file, which cannot be taken from who
    has it open, the tables are moved away.
    """
    if url.startswith("sqlite"):
        await _rename(url, "{}", "{}_away")
        try:
            yield
        finally:
            await _rename(url, "{}_away", "{}")
    else:
        await _allow_connections(url, "false")
        try:
            yield
        finally:
            await _allow_connections(url, "true")


async def _rename(url: str, old: str, new: str) -> None:
    database = Database(url)
    async with database.transaction() as session:
        for table in _TABLES:
            renaming = f"ALTER TABLE {old.format(table)} RENAME TO {new.format(table)}"
            await session.execute(text(renaming))
    await database.dispose()


async def _allow_connections(url: str, allowed: str) -> None:
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    maintenance = urlunsplit(("postgresql", parts.netloc, "/postgres", parts.query, ""))
    connection = await asyncpg.connect(maintenance)
    await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}")
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
    )
    await connection.close()
