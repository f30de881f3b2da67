"""Writing many rows at a time by the driver itself.

SQLAlchemy prepares the values of each row anew, which takes longer than the database does. Here
what a statement's parameters need is worked out once, and the rows go to the driver's
`executemany`.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Insert, Table, Update, insert
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession

_Processor = Callable[[Any], Any]


async def insert_rows(session: AsyncSession, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows`, all of the same columns, each as that column's Python type."""
    await execute_rows(session, _insert_into(table), rows)


async def execute_rows(
    session: AsyncSession, statement: Insert | Update, rows: Sequence[dict[str, Any]]
) -> None:
    """Execute `statement` with each of `rows`, all of the same names.

    A name is that of a column, which gets the value, or of a parameter that the statement has.
    It is prepared once for as long as it is the same object, so make it once.
    """
    if not rows:
        return
    connection = await session.connection()
    prepared, parameters = _prepared(connection.dialect, statement, tuple(rows[0]))
    values = [
        tuple(row[name] if process is None else process(row[name]) for name, process in parameters)
        for row in rows
    ]
    await connection.exec_driver_sql(prepared, values)


@lru_cache
def _insert_into(table: Table) -> Insert:
    return insert(table)


@lru_cache
def _prepared(
    dialect: Dialect, statement: Insert | Update, names: tuple[str, ...]
) -> tuple[str, list[tuple[str, _Processor | None]]]:
    """The text, and by parameter in its order what makes of a value what the driver takes."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    # Both drivers' parameters go by their place.
    order = getattr(compiled, "positiontup", None) or []
    types = (compiled.binds[name].type.dialect_impl(dialect) for name in order)
    processors = [kind.bind_processor(dialect) for kind in types]
    return str(compiled), list(zip(order, processors, strict=True))
