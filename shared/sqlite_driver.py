"""SQLite's async driver, which is handed each statement once.

aiosqlite runs SQLite in a thread. SQLAlchemy's adapter turns to that thread four times for each
statement: for a cursor, for the statement, for its rows and for the end of the cursor. Each time
the answer waits until the event loop comes to it, and the thread until it is given the interpreter;
where the loop is busy that is most of the time that a transaction takes.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import aiosqlite
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)

DRIVER_NAME = "sqlite+aiosqlite_at_once"


@dataclass(slots=True)
class _Done:
    """What is left of the driver's cursor when the statement has been run and its rows read."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    arraysize: int = 1


_Run = tuple[_Done, list[Any]]


def _run(execute: Callable[..., sqlite3.Cursor], *what: Any) -> _Run:
    """Run a statement to its end, in the driver's thread."""
    cursor = execute(*what)
    rows = cursor.fetchall() if cursor.description else []
    done = _Done(cursor.description, cursor.rowcount, cursor.lastrowid)
    cursor.close()
    return done, rows


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()

    def __init__(self, adapt_connection: Any) -> None:
        # Not the adapter's, which asks the thread for a cursor.
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._cursor: Any = _Done()
        self._soft_closed_memoized: Any = {}
        self._rows = deque()

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        return await self._run(self._driver.execute, operation, parameters or ())

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        return await self._run(self._driver.executemany, operation, seq_of_parameters)

    @property
    def _driver(self) -> sqlite3.Connection:
        driver: sqlite3.Connection = self._connection._conn
        return driver

    async def _run(self, *what: Any) -> None:
        driver: Any = self._connection
        async with self._adapt_connection._execute_mutex:
            self._cursor, rows = await driver._execute(_run, *what)
            self._rows = deque(rows)

    async def _async_soft_close(self) -> None:
        """It is closed."""

    def close(self) -> None:
        self._rows.clear()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _Cursor


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arg: Any, **kw: Any) -> _Connection:
        return _Connection(self, super().connect(*arg, **kw)._connection)


class AtOnce(SQLiteDialect_aiosqlite):
    """SQLAlchemy's dialect of aiosqlite, statements being run at once."""

    driver = "aiosqlite_at_once"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        module: ModuleType = aiosqlite
        return _Driver(module, sqlite3)


registry.register("sqlite.aiosqlite_at_once", __name__, AtOnce.__name__)
