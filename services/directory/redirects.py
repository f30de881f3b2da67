"""Where the addresses of withdrawn partners lead."""

from collections.abc import Sequence
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.history import partner_changed
from services.directory.models import PartnerRow, partner_table
from services.directory.rendering import render
from shared.tokens import Caller


async def move_redirects(
    session: AsyncSession,
    before: UUID,
    after: UUID,
    caller: Caller,
    only: Sequence[str] | None = None,
) -> list[str]:
    """Let what leads to partner `before` lead to `after`, so that nobody is sent on twice.

    With `only`, no others than these.

    Returns:
        The ids of the withdrawn partners that lead elsewhere now.
    """
    query = select(PartnerRow).where(partner_table.c.successor_id == before)
    if only is not None:
        query = query.where(partner_table.c.id.in_([UUID(one) for one in only]))
    moved = list((await session.execute(query.order_by(partner_table.c.id))).scalars())
    for row in moved:
        shown = orjson.loads(row.secretariat)
        row.successor_id = after
        row.version += 1
        await session.flush()
        await partner_changed(session, "partner.updated", shown, await render(session, row), caller)
    return [str(row.id) for row in moved]
