"""Inserting many rows at a time by the driver itself.

SQLAlchemy prepares the values of each row anew, which takes longer than the database does. Here
what a table's columns need is worked out once, and the rows go to the driver's `executemany`.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession

_Processor = Callable[[Any], Any]


async def insert_rows(session: AsyncSession, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows`, all of the same columns, each as that column's Python type."""
    if not rows:
        return
    connection = await session.connection()
    statement, columns = _prepared(connection.dialect, table, tuple(rows[0]))
    values = [
        tuple(row[name] if process is None else process(row[name]) for name, process in columns)
        for row in rows
    ]
    await connection.exec_driver_sql(statement, values)


@lru_cache
def _prepared(
    dialect: Dialect, table: Table, names: tuple[str, ...]
) -> tuple[str, list[tuple[str, _Processor | None]]]:
    """The statement, and by column in its order what makes of a value what the driver takes."""
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
    # Both drivers' parameters go by their place.
    order = getattr(compiled, "positiontup", None) or []
    types = (table.c[name].type.dialect_impl(dialect) for name in order)
    processors = [kind.bind_processor(dialect) for kind in types]
    return str(compiled), list(zip(order, processors, strict=True))
