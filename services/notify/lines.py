"""Lines: what a webhook is owed about one record, of which only the first may be under way.

Whoever takes leases looks for the first of each line among what was committed by then. Whoever puts
a delivery back into its line must therefore not do so while a lease is being taken, or that one and
its new predecessor would be under way together. So leases are taken by many at a time, and lines
changed by one while nobody takes any. On SQLite there is one writer at a time anyhow.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Any number of our own.
_POSTGRES_LOCK = 7_231_006
_HOLD = text(f"SELECT pg_advisory_xact_lock_shared({_POSTGRES_LOCK})")
_HOLD_ALONE = text(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})")


async def hold_lines(session: AsyncSession) -> None:
    """Let nobody change the lines until the transaction ends; to be called before all else in it.

    Later it could wait for somebody who waits for what this transaction has locked by then.
    """
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(_HOLD)


async def hold_lines_alone(session: AsyncSession) -> None:
    """Let nobody take a lease until the transaction ends; to be called before all else in it."""
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(_HOLD_ALONE)
