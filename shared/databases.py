"""A service's own database: SQLite in WAL mode or PostgreSQL, behind one alias for a transaction.

On SQLite writers stand in line before `BEGIN IMMEDIATE`, because a transaction that reads first
and writes later would fail as soon as another one had written in between.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Request
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    MetaData,
    Text,
    TypeDecorator,
    Uuid,
    any_,
    bindparam,
    event,
    func,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import AsyncAdaptedQueuePool

from shared.sqlite_driver import DRIVER_NAME

_BUSY_SECONDS = 30
_SHORT_BUSY_MILLISECONDS = 50
_POOL_SIZE = 10
# A third of the time that the standard library takes.
_JSON: dict[str, Any] = {
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}


def service_metadata() -> MetaData:
    """Metadata of one service's tables, in which every constraint has a name to migrate it by."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Moment(TypeDecorator[datetime]):
    """A point in time. SQLite keeps no time zone, so it is always UTC that is stored."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """What is stored."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """What is read."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


def driver_url(url: str) -> URL:
    """`url` with the async driver we use, whatever form of it ops have written."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return parsed.set(drivername=DRIVER_NAME)
    if parsed.get_backend_name() in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+asyncpg")
    raise ValueError(f"{parsed.get_backend_name()!r} is neither sqlite nor postgresql")


def _sqlite_engine(url: URL, begin: str, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None},
        **_JSON,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # NORMAL survives a killed process; FULL would also survive a power cut for each commit.
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # What was deleted or overwritten is overwritten in the file, as many builds do by default.
        cursor.execute("PRAGMA secure_delete=ON")
        # A checkpoint waits for the disk inside somebody's commit: ten times rarer than by default.
        cursor.execute("PRAGMA wal_autocheckpoint=10000")
        # A page of 50 records is read in half the time. Each connection counts the file's pages as
        # the process's memory once more, although they are one, and the system's to take back.
        cursor.execute("PRAGMA mmap_size=268435456")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgresql_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_SIZE,
        pool_pre_ping=True,
        hide_parameters=True,
        **_JSON,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        # Compiling pays for long reports only: it took a second for 200 rows that were misjudged.
        cursor.execute("SET jit = off")
        cursor.close()

    return engine


class Database:
    """The engines of one service's database: one that writes, one that only reads."""

    def __init__(self, url: str, info: dict[str, Any] | None = None) -> None:
        """`info` is what every session starts with in its own `info`."""
        parsed = driver_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        # hide_parameters: the text of an error is logged, and the values may be anybody's secrets.
        if self.is_sqlite:
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
            self.writer = _sqlite_engine(parsed, "BEGIN IMMEDIATE", pool_size=1)
            self.reader = _sqlite_engine(parsed, "BEGIN", pool_size=_POOL_SIZE)
        else:
            self.writer = self.reader = _postgresql_engine(parsed)
        options: dict[str, Any] = {"class_": AsyncSession, "expire_on_commit": False, "info": info}
        self._writing = async_sessionmaker(self.writer, **options)
        self._reading = async_sessionmaker(self.reader, **options)
        self.committed: list[Callable[[dict[Any, Any]], None]] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A transaction that commits at the end of the block, or rolls back if it raises.

        Right after the commit each of `committed` is called with the session's `info`, in which
        the block may have left word of what it changed.
        """
        async with self._writing() as session:
            async with session.begin():
                yield session
            for tell in self.committed:
                tell(session.info)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that only reads, from one snapshot on SQLite."""
        async with self._reading() as session:
            yield session

    async def drop_past(self) -> bool:
        """Let no file keep what was overwritten until now; whether that is so.

        On SQLite the log of writes is brought into the file and emptied, which is not possible
        while somebody reads from before: then try again. PostgreSQL sees to it by itself (VACUUM).
        """
        if not self.is_sqlite:
            return True
        async with self.writer.connect() as connection:
            # No transaction may be open, so the driver is asked itself.
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute(f"PRAGMA busy_timeout={_SHORT_BUSY_MILLISECONDS}")
            try:
                cursor = await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                is_busy, *_ = await cursor.fetchone()
                await cursor.close()
            finally:
                await driver.execute(f"PRAGMA busy_timeout={1_000 * _BUSY_SECONDS}")
        return not is_busy

    async def dispose(self) -> None:
        """Close every connection."""
        await self.writer.dispose()
        if self.reader is not self.writer:
            await self.reader.dispose()


def insert_into(session: AsyncSession, table: Any) -> SqliteInsert | PostgresqlInsert:
    """An insert into `table` that may say what is to be done on a conflict, on either database."""
    return insert_of(session.get_bind().dialect.name, table)


def insert_of(dialect: str, table: Any) -> SqliteInsert | PostgresqlInsert:
    """The same for the database whose dialect has this name, for statements that are kept."""
    return sqlite_insert(table) if dialect == "sqlite" else postgresql_insert(table)


def is_one_of(
    session: AsyncSession, column: ColumnElement[UUID], ids: Iterable[UUID]
) -> ColumnElement[bool]:
    """That `column` is one of `ids`, which are one parameter: each by itself is slow to prepare."""
    if session.get_bind().dialect.name != "sqlite":
        return column == any_(bindparam(None, list(ids), ARRAY(Uuid())))
    listed = orjson.dumps([one.hex for one in ids]).decode()
    each = func.json_each(bindparam(None, listed, Text())).table_valued("value")
    return column.in_(select(type_coerce(each.c.value, Uuid())))


HELD_TRANSACTION = "held_transaction"
"""In the request's `state`: the transaction that its route has begun and will end itself."""


async def _transaction(request: Request) -> AsyncIterator[AsyncSession]:
    held: AsyncSession | None = getattr(request.state, HELD_TRANSACTION, None)
    if held is not None:
        yield held
        return
    database: Database = request.app.state.database
    async with database.transaction() as session:
        yield session


async def _reading(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.database
    async with database.reading() as session:
        yield session


# Without scope="function" the reply would leave before the commit, and two POSTs of one key would
# both be answered 201.
Transaction = Annotated[AsyncSession, Depends(_transaction, scope="function")]
Reading = Annotated[AsyncSession, Depends(_reading, scope="function")]
