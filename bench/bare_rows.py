"""Durable rows for the bare loop: what is owed, leased and come to, by the drivers themselves.

The least that survives a crash: a delivery is leased before it is sent, and what its attempt came
to is written down before it counts; both for many at once, in one transaction.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import asyncpg

_LEASE_SECONDS = 25.0
_TABLES = """
CREATE TABLE bare_delivery (
    id INTEGER PRIMARY KEY, attempts INTEGER NOT NULL, lease_until DOUBLE PRECISION,
    finished_at DOUBLE PRECISION, status INTEGER
);
CREATE INDEX bare_due ON bare_delivery (id) WHERE finished_at IS NULL;
CREATE TABLE bare_attempt (
    delivery_id INTEGER NOT NULL, number INTEGER NOT NULL, at DOUBLE PRECISION NOT NULL,
    milliseconds DOUBLE PRECISION NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
);
"""
_DROP = "DROP TABLE IF EXISTS bare_delivery; DROP TABLE IF EXISTS bare_attempt;"
_OWE = "INSERT INTO bare_delivery (id, attempts) VALUES ($1, 0)"
_FINISH = """
UPDATE bare_delivery SET finished_at = $1, status = $2, lease_until = NULL
WHERE id = $3 AND attempts = $4
"""
_NOTE = "INSERT INTO bare_attempt VALUES ($1, $2, $3, $4, $5, $6)"
_LEASE = """
UPDATE bare_delivery SET attempts = attempts + 1, lease_until = $1 WHERE id IN (
    SELECT id FROM bare_delivery
    WHERE finished_at IS NULL AND (lease_until IS NULL OR lease_until <= $2)
    ORDER BY id LIMIT $3{}
) RETURNING id, attempts
"""

Leased = tuple[int, int]
"""A delivery, by its number, and the number of its attempt."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to."""

    delivery: int
    number: int
    at: float
    milliseconds: float
    status: int
    body: str

    @property
    def note(self) -> tuple[int, int, float, float, int, str]:
        """It as a row."""
        return (self.delivery, self.number, self.at, self.milliseconds, self.status, self.body)


class Rows(Protocol):
    """A database of rows."""

    async def owe(self, count: int) -> None:
        """Begin anew, with so many deliveries owed."""

    async def exchange(self, outcomes: Sequence[Outcome], most: int) -> Sequence[Leased]:
        """Write `outcomes` down and lease what is owed next, `most` of it."""

    async def close(self) -> None:
        """Leave nothing behind."""


class SqliteRows:
    """Rows in a file, with the settings that the services give theirs."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")

    async def owe(self, count: int) -> None:
        """Begin anew, with so many deliveries owed."""
        self._connection.executescript(_DROP + _TABLES)
        self._connection.execute("BEGIN")
        self._connection.executemany(_numbered(_OWE), [(number,) for number in range(count)])
        self._connection.execute("COMMIT")

    async def exchange(self, outcomes: Sequence[Outcome], most: int) -> Sequence[Leased]:
        """Write `outcomes` down and lease what is owed next, `most` of it."""
        return await asyncio.to_thread(self._exchange, outcomes, most)

    def _exchange(self, outcomes: Sequence[Outcome], most: int) -> Sequence[Leased]:
        now, execute_many = time.time(), self._connection.executemany
        self._connection.execute("BEGIN IMMEDIATE")
        execute_many(
            _numbered(_FINISH), [(now, one.status, one.delivery, one.number) for one in outcomes]
        )
        execute_many(_numbered(_NOTE), [one.note for one in outcomes])
        leased: list[Leased] = self._connection.execute(
            _numbered(_LEASE.format("")), (now + _LEASE_SECONDS, now, most)
        ).fetchall()
        self._connection.execute("COMMIT")
        return leased

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()


class PostgresRows:
    """Rows in tables of their own, beside those of a service."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def owe(self, count: int) -> None:
        """Begin anew, with so many deliveries owed."""
        await self._connection.execute(_DROP + _TABLES)
        await self._connection.executemany(_OWE, [(number,) for number in range(count)])

    async def exchange(self, outcomes: Sequence[Outcome], most: int) -> Sequence[Leased]:
        """Write `outcomes` down and lease what is owed next, `most` of it."""
        now = time.time()
        async with self._connection.transaction():
            await self._connection.executemany(
                _FINISH, [(now, one.status, one.delivery, one.number) for one in outcomes]
            )
            await self._connection.executemany(_NOTE, [one.note for one in outcomes])
            found = await self._connection.fetch(
                _LEASE.format(" FOR UPDATE SKIP LOCKED"), now + _LEASE_SECONDS, now, most
            )
        return [(row["id"], row["attempts"]) for row in found]

    async def close(self) -> None:
        """Drop the tables."""
        await self._connection.execute(_DROP)
        await self._connection.close()


async def open_rows(where: str) -> Rows:
    """Rows in the file or the PostgreSQL database `where`."""
    if where.startswith("postgresql"):
        return PostgresRows(await asyncpg.connect(where))
    return SqliteRows(Path(where))


def _numbered(statement: str) -> str:
    """`statement` with parameters as SQLite numbers them."""
    return statement.replace("$", "?")
