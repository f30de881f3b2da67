"""Assurance: that somebody checked a record against the world, and when it is due again."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.accounts import state_of
from services.directory.disputes import close_all_disputes
from services.directory.history import partner_changed
from services.directory.models import AccountRow, PartnerRow, account_table, partner_table
from services.directory.outbox import append_reminder, stand_in_line
from services.directory.partner_change import load_for_change
from services.directory.partner_write import AssuranceWrite
from services.directory.rendering import render
from services.directory.review_periods import review_days
from shared.problems import InvalidValues
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import AssuranceStatus, PartnerStatus, Role

REVIEW_PERIODS = "review_periods"


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
    await close_all_disputes(session, row, f"The record was assured: {write.method}.", caller)
    periods = session.info[REVIEW_PERIODS]
    days = review_days(periods, row.level, row.content["sectors"])
    row.assured_at, row.assured_by, row.assurance_method = now, caller.account_id, write.method
    row.next_review_at = (
        datetime.combine(write.next_review_at, time(), UTC)
        if write.next_review_at is not None
        else now + timedelta(days=days)
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
    for partner_id in sorted(partner_ids):
        row = await session.get_one(PartnerRow, partner_id)
        before = orjson.loads(row.secretariat)
        row.version += 1
        after = await render(session, row)
        event_type = "partner.updated"
        if _asks_for_review(before, after):
            event_type = "partner.review_due"
            await _remind_editors(session, row, after)
        await partner_changed(session, event_type, before, after, None)
    return len(partner_ids)


def _asks_for_review(before: JsonObject, after: JsonObject) -> bool:
    status = after["assurance"]["status"]
    asking = {AssuranceStatus.due.value, AssuranceStatus.overdue.value}
    return status in asking and status != before["assurance"]["status"]


async def _remind_editors(session: AsyncSession, row: PartnerRow, record: JsonObject) -> None:
    editors = await session.execute(
        select(AccountRow).where(
            account_table.c.partner_id == row.id,
            account_table.c.role == Role.editor.value,
            account_table.c.disabled_at.is_(None),
        )
    )
    for editor in editors.scalars():
        append_reminder(
            session,
            state_of(editor),
            {
                "partner_id": str(row.id),
                "partner_name": row.display_name,
                "status": record["assurance"]["status"],
                "next_review_at": record["assurance"]["next_review_at"],
            },
        )
