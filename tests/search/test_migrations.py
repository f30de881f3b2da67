"""The database's schema: what the migrations make is what the code expects."""

import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from services.search.migrate import MIGRATIONS
from services.search.models import metadata
from shared.databases import Database
from shared.migrating import alembic_config, is_current, migrate
from tests.conftest import database_url  # noqa: F401 - on both kinds of database


async def test_migrations_make_the_tables_of_the_code(search_database_url: str) -> None:
    """No difference is left, on either database; a second run changes nothing."""
    database = Database(search_database_url)
    assert not await is_current(database, MIGRATIONS)
    await asyncio.gather(migrate(database, MIGRATIONS), migrate(database, MIGRATIONS))
    assert await is_current(database, MIGRATIONS)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    def back_and_forth(connection: Connection) -> None:
        config = alembic_config(MIGRATIONS)
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        command.upgrade(config, "head")

    async with database.writer.begin() as connection:
        assert await connection.run_sync(differences) == []
        await connection.run_sync(back_and_forth)
        assert await connection.run_sync(differences) == []
    await database.dispose()
