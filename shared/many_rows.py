"""Writing many rows at a time by the driver itself.

SQLAlchemy prepares the values of each row anew, which takes longer than the database does. Here
what a statement's parameters need is worked out once, and the rows go to the driver's
`executemany`; rows that are new go to PostgreSQL by COPY, which takes it half the time.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import asyncpg
from sqlalchemy import Insert, Table, Update, insert
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from shared.databases import insert_of

# Few sizes: the driver keeps a statement for each, with the values that it had last. The widest
# table takes 128 rows in less than the 32,766 parameters that SQLite knows.
_TOGETHER = (128, 16)
_Processor = Callable[[Any], Any]
_Parameters = list[tuple[str, _Processor | None]]
"""Names in the order of their places, each with what makes of a value what the driver takes."""


async def insert_rows(session: AsyncSession, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows`, all of the same columns, each as that column's Python type."""
    if not rows:
        return
    connection = await session.connection()
    prepared, parameters = _prepared(connection.dialect, _insert_into(table), tuple(rows[0]))
    values = _values_of(parameters, rows)
    if connection.dialect.name == "postgresql":
        await _copy(connection, table, [name for name, _ in parameters], values)
    else:
        await _insert_together(connection, prepared, values)


async def insert_new_rows(
    session: AsyncSession, table: Table, rows: Sequence[dict[str, Any]]
) -> None:
    """The same; rows that are there already stay as they are, so repeats are harmless.

    Rows name each column that has a default in Python: only SQLAlchemy's own insert fills them in.
    """
    if not rows:
        return
    connection = await session.connection()
    statement = _insert_new_into(connection.dialect.name, table)
    prepared, parameters = _prepared(connection.dialect, statement, tuple(rows[0]))
    values = _values_of(parameters, rows)
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(prepared, values)
    else:
        await _insert_together(connection, prepared, values)


async def execute_rows(
    session: AsyncSession, statement: Update, rows: Sequence[dict[str, Any]]
) -> None:
    """Execute `statement` with each of `rows`, all of the same names.

    A name is that of a column, which gets the value, or of a parameter that the statement has.
    It is prepared once for as long as it is the same object, so make it once.
    """
    if not rows:
        return
    connection = await session.connection()
    prepared, parameters = _prepared(connection.dialect, statement, tuple(rows[0]))
    await connection.exec_driver_sql(prepared, _values_of(parameters, rows))


def _values_of(parameters: _Parameters, rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        tuple(row[name] if process is None else process(row[name]) for name, process in parameters)
        for row in rows
    ]


async def _insert_together(
    connection: AsyncConnection, statement: str, values: list[tuple[Any, ...]]
) -> None:
    """Insert many rows with each statement, and what is left row by row.

    Between two statements other threads have their turn, which may be one of milliseconds.
    """
    begin, _, rest = statement.rpartition(" VALUES ")
    row, bracket, end = rest.partition(")")
    done = 0
    for count in _TOGETHER:
        text = f"{begin} VALUES {', '.join([row + bracket] * count)}{end}"
        while len(values) - done >= count:
            part = values[done : done + count]
            await connection.exec_driver_sql(text, tuple(chain.from_iterable(part)))
            done += count
    if done < len(values):
        await connection.exec_driver_sql(statement, values[done:])


async def _copy(
    connection: AsyncConnection, table: Table, columns: list[str], values: list[tuple[Any, ...]]
) -> None:
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if not driver.is_in_transaction():
        # SQLAlchemy begins one with the first statement that it knows of.
        await connection.exec_driver_sql("SELECT 1")
    try:
        await driver.copy_records_to_table(table.name, records=values, columns=columns)
    except (asyncpg.InterfaceError, asyncpg.PostgresConnectionError) as error:
        # As it is called everywhere else where the connection is lost.
        raise InterfaceError(f"COPY {table.name}", None, error) from error


@lru_cache
def _insert_into(table: Table) -> Insert:
    return insert(table)


@lru_cache
def _insert_new_into(dialect: str, table: Table) -> Insert:
    return insert_of(dialect, table).on_conflict_do_nothing()


@lru_cache
def _prepared(
    dialect: Dialect, statement: Insert | Update, names: tuple[str, ...]
) -> tuple[str, _Parameters]:
    """The text, and by parameter in its order what makes of a value what the driver takes."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    # Both drivers' parameters go by their place.
    order = getattr(compiled, "positiontup", None) or []
    types = (compiled.binds[name].type.dialect_impl(dialect) for name in order)
    processors = [kind.bind_processor(dialect) for kind in types]
    return str(compiled), list(zip(order, processors, strict=True))
