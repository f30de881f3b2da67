"""Bringing a service's database to the current schema, once and by one process at a time."""

import asyncio
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text

from shared.databases import Database

# Any number, as long as nobody else takes an advisory lock of the same one.
_POSTGRES_LOCK = 7_231_004


def alembic_config(folder: Path) -> Config:
    """Alembic's configuration for the migrations in `folder`."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config


async def migrate(database: Database, folder: Path) -> None:
    """Apply what is missing of the migrations in `folder`, under a lock against other processes."""

    def upgrade(connection: Connection) -> None:
        config = alembic_config(folder)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with database.writer.begin() as connection:
        # On SQLite the transaction is exclusive by itself: it began with BEGIN IMMEDIATE.
        if not database.is_sqlite:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})"))
            await connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        await connection.run_sync(upgrade)


async def is_current(database: Database, folder: Path) -> bool:
    """Whether the database has the schema that this code expects."""
    head = ScriptDirectory.from_config(alembic_config(folder)).get_current_head()
    async with database.reader.connect() as connection:
        try:
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        except Exception:
            return False
    return bool(found == head)


def run_environment(metadata: MetaData) -> None:
    """What a service's migrations/env.py does."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("run migrations with `python -m services.<name>.migrate`")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate_now(url: str, folder: Path) -> None:
    """Migrate the database at `url`, from a process that does nothing else."""

    async def run() -> None:
        database = Database(url)
        try:
            await migrate(database, folder)
        finally:
            await database.dispose()

    asyncio.run(run())
