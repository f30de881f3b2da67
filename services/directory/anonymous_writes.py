"""How much may be written without an account: a number an hour, by all together."""

from datetime import UTC, datetime, timedelta
from math import ceil

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.models import AnonymousWriteRow, anonymous_write_table
from services.directory.rendering import aware
from shared.problems import Problem
from shared.tokens import Caller

ANONYMOUS_WRITES = "anonymous_writes_per_hour"
_HOUR = timedelta(hours=1)


class TooManyAnonymousWrites(Problem):
    """Too much was written without an account within the hour."""

    status, title, kind = 429, "Too much without an account", "too-many-anonymous-writes"


async def count_anonymous(session: AsyncSession, caller: Caller) -> None:
    """Nothing, where the caller has signed in, or few enough have written who have not.

    Who writes without an account leaves nothing by which to know them again, so all share one
    number. The caller of this function stands in line.

    Raises:
        TooManyAnonymousWrites: with the seconds to wait in `Retry-After`.
    """
    if caller.role is not None:
        return
    now = datetime.now(UTC)
    at = anonymous_write_table.c.at
    await session.execute(delete(anonymous_write_table).where(at <= now - _HOUR))
    count, oldest = (
        await session.execute(select(func.count(), func.min(at)).select_from(anonymous_write_table))
    ).one()
    limit = session.info[ANONYMOUS_WRITES]
    if count >= limit:
        wait = ceil((aware(oldest) + _HOUR - now).total_seconds()) if count else 3600
        raise TooManyAnonymousWrites(
            f"Without an account {limit} an hour are taken, by all together. Try again later, or "
            "sign in.",
            headers={"Retry-After": str(max(wait, 1))},
        )
    session.add(AnonymousWriteRow(id=uuid7(), at=now))
