"""The database's schema: what the migrations make is what the code expects."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from services.directory.migrate import FOLDER
from services.directory.models import metadata
from shared.databases import Database
from shared.migrating import alembic_config, is_current, migrate

_AN_ACCOUNT = text(
    "INSERT INTO account (id, client_id, name, role, created_at) "
    "VALUES ('01890000000070008000000000000000', 'old', 'Of old', 'member', '2026-11-22 10:00:00')"
)
_A_PARTNER = text(
    "INSERT INTO partner (id, version, created_at, modified_at, level, status, visibility, "
    "display_name, sort_name, folded_names, content, secretariat) "
    "VALUES ('01890000000070008000000000000001', 7, '2026-11-22 10:00:00', '2026-11-23 10:00:00', "
    "'local', 'active', 'public', 'Of old', 'of old', 'of old', '{}', :nothing)"
)


async def test_migrations_make_the_tables_of_the_code(database_url: str) -> None:
    """No difference is left, on either database; what was there before is kept."""
    database = Database(database_url)

    def up_to(connection: Connection, revision: str) -> None:
        config = alembic_config(FOLDER)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.writer.begin() as connection:
        await connection.run_sync(up_to, "20261122_first_tables")
        await connection.execute(_AN_ACCOUNT)
        await connection.execute(_A_PARTNER, {"nothing": b"{}"})
    assert not await is_current(database, FOLDER)
    await migrate(database, FOLDER)
    await migrate(database, FOLDER)
    assert await is_current(database, FOLDER)
    async with database.writer.connect() as connection:
        assert await connection.run_sync(differences) == []
        kept = await connection.execute(text("SELECT name, version, email FROM account"))
        assert kept.all() == [("Of old", 1, None)]
        known = await connection.execute(text("SELECT version, event FROM partner_version"))
        assert known.all() == [(7, None)]
    await database.dispose()
