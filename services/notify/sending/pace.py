"""Limits of requests per second, kept for all workers together.

What a webhook may be sent now is its allowance: it grows with time up to what a second allows, and
every request takes one away. Whoever leases deliveries holds the row until the transaction ends.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import PACES
from shared.many_rows import insert_new_rows


async def take_allowance(
    session: AsyncSession, due: Sequence[Any], now: datetime
) -> dict[UUID, int]:
    """What each webhook with a limit may be sent now, taken from its row.

    `due`: rows with the `id` of a webhook and its `requests_per_second`.
    """
    limits = {row.id: row.requests_per_second for row in due if row.requests_per_second}
    if not limits:
        return {}
    new = [
        {"webhook_id": webhook_id, "allowance": max(1.0, limit), "at": now}
        for webhook_id, limit in limits.items()
    ]
    await insert_new_rows(session, PACES, new)
    rows = await session.execute(
        select(PACES.c.webhook_id, PACES.c.allowance, PACES.c.at)
        .where(PACES.c.webhook_id.in_(limits))
        .with_for_update(skip_locked=True)
    )
    # A row that another worker holds has nothing left for us now.
    allowances, taken = dict.fromkeys(limits, 0), []
    for webhook_id, allowance, at in rows:
        limit = limits[webhook_id]
        grown = allowance + limit * max(0.0, (now - at).total_seconds())
        parts, whole = math.modf(min(grown, max(1.0, limit)))
        allowances[webhook_id] = int(whole)
        taken.append({"webhook": webhook_id, "left": parts, "to": now})
    await session.execute(_TAKE, taken)
    return allowances


async def give_back_allowance(session: AsyncSession, left: Mapping[UUID, int]) -> None:
    """Put back what was taken and not used."""
    unused = [{"webhook": webhook_id, "more": count} for webhook_id, count in left.items() if count]
    if unused:
        await session.execute(_GIVE_BACK, unused)


_TAKE = (
    update(PACES)
    .where(PACES.c.webhook_id == bindparam("webhook"))
    .values(allowance=bindparam("left"), at=bindparam("to"))
)
_GIVE_BACK = (
    update(PACES)
    .where(PACES.c.webhook_id == bindparam("webhook"))
    .values(allowance=PACES.c.allowance + bindparam("more"))
)
