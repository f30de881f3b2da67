"""Assurance: that somebody checked a record against the world, and when it is due again."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.history import partner_changed
from services.directory.models import PartnerRow, partner_table
from services.directory.outbox import stand_in_line
from services.directory.partner_change import load_for_change, touch
from services.directory.partner_write import AssuranceWrite
from services.directory.rendering import render
from shared.problems import InvalidValues
from shared.tokens import Caller
from shared.vocabulary import PartnerStatus

REVIEW_PERIOD = "review_days"


async def assure_partner(
    session: AsyncSession,
    partner_id: UUID,
    expected: int,
    write: AssuranceWrite,
    caller: Caller,
    reason: str | None = None,
) -> PartnerRow:
    """Record that the caller has checked the partner against the world; this edits nothing.

    Raises:
        NotFound, NotAllowed, PartnerWithdrawn, StaleVersion: as their names say.
        InvalidValues: the next review does not lie ahead.
    """
    row = await load_for_change(session, partner_id, expected, caller)
    now = datetime.now(UTC)
    if write.next_review_at is not None and write.next_review_at <= now.date():
        raise InvalidValues("`next_review_at` must lie ahead.")
    before = orjson.loads(row.secretariat)
    row.assured_at, row.assured_by, row.assurance_method = now, caller.account_id, write.method
    row.next_review_at = (
        datetime.combine(write.next_review_at, time(), UTC)
        if write.next_review_at is not None
        else now + timedelta(days=session.info[REVIEW_PERIOD])
    )
    row.version += 1
    after = await render(session, row)
    await partner_changed(session, "partner.assured", before, after, caller, reason)
    return row


async def render_due(session: AsyncSession, limit: int = 100) -> int:
    """Render anew the records that read otherwise because time has passed; how many there were."""
    await stand_in_line(session)
    now = datetime.now(UTC)
    due = (
        await session.execute(
            select(partner_table.c.id)
            .where(
                partner_table.c.changes_at <= now,
                # A withdrawn record stays as it is, so it would be due for ever.
                partner_table.c.status != PartnerStatus.withdrawn.value,
            )
            .limit(limit)
        )
    ).scalars()
    partner_ids = list(due)
    await touch(session, partner_ids, None)
    return len(partner_ids)
