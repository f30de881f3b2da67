"""What other formats say of a partner and our own record has no place for."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import source_values_table

_TABLE = source_values_table.c


async def move_source_values(
    session: AsyncSession, before: UUID, after: UUID, only: Sequence[str] | None = None
) -> list[str]:
    """Give `after` what partner `before` has, in the formats of which it has nothing itself.

    With `only`, no other formats than these.

    Returns:
        The formats that were moved.
    """
    had = select(_TABLE.format).where(_TABLE.partner_id == before)
    taken = select(_TABLE.format).where(_TABLE.partner_id == after)
    wanted = had.where(_TABLE.format.not_in(taken))
    if only is not None:
        wanted = wanted.where(_TABLE.format.in_(only))
    formats = list((await session.execute(wanted.order_by(_TABLE.format))).scalars())
    if formats:
        await session.execute(
            update(source_values_table)
            .where(_TABLE.partner_id == before, _TABLE.format.in_(formats))
            .values(partner_id=after)
        )
    return formats
