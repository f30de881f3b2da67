"""The database's schema: what the migrations make is what the code expects."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from services.notify.migrate import FOLDER
from services.notify.models import metadata
from shared.databases import Database
from shared.migrating import is_current, migrate


async def test_migrations_make_the_tables_of_the_code(notify_database_url: str) -> None:
    """No difference is left, on either database; a second run changes nothing."""
    database = Database(notify_database_url)
    assert not await is_current(database, FOLDER)
    await migrate(database, FOLDER)
    await migrate(database, FOLDER)
    assert await is_current(database, FOLDER)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.writer.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.dispose()
