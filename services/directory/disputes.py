"""Disputes: anybody may say that a partner's record is wrong; somebody looks, and closes them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.anonymous_writes import count_anonymous
from services.directory.history import partner_changed
from services.directory.models import DisputeRow, PartnerRow, dispute_table
from services.directory.outbox import stand_in_line
from services.directory.partner_access import find_seen
from services.directory.partner_change import check_not_withdrawn
from services.directory.rendering import render
from shared.problems import NotFound, Problem
from shared.texts import LongText, NameText
from shared.tokens import Caller

MOST_OPEN = 50
_Text = Annotated[LongText, StringConstraints(max_length=2_000)]


class TooManyDisputes(Problem):
    """Many disputes about the record are open already."""

    status, title, kind = 409, "The record is disputed already", "too-many-disputes"


class DisputeClosed(Problem):
    """The dispute was closed before."""

    status, title, kind = 409, "The dispute is closed", "dispute-closed"


class DisputeWrite(BaseModel):
    """That a record is wrong."""

    model_config = ConfigDict(extra="forbid")

    reason: _Text = Field(description="What is wrong, and how you know.")
    contact: NameText | None = Field(
        default=None, description="Where to ask you; for the secretariat only."
    )


class DisputeClosing(BaseModel):
    """What became of a dispute."""

    model_config = ConfigDict(extra="forbid")

    outcome: _Text = Field(description="What was found, and what was done.")


async def dispute_partner(
    session: AsyncSession, partner_id: UUID, write: DisputeWrite, caller: Caller
) -> DisputeRow:
    """Mark a partner's record as disputed, until the dispute is closed or the record assured.

    Raises:
        NotFound: there is no such partner, or the caller may not see it.
        PartnerWithdrawn, TooManyDisputes, TooManyAnonymousWrites: as their names say.
    """
    await stand_in_line(session)
    row = await find_seen(session, partner_id, caller)
    check_not_withdrawn(row)
    if await _count_open(session, partner_id) >= MOST_OPEN:
        raise TooManyDisputes("Many have said so already; the secretariat will look.")
    await count_anonymous(session, caller)
    dispute = DisputeRow(
        id=uuid7(),
        partner_id=partner_id,
        at=datetime.now(UTC),
        account_id=caller.account_id,
        reason=write.reason,
        contact=write.contact,
    )
    session.add(dispute)
    if row.disputed_at is None:
        await _mark(session, row, dispute.at, caller)
    return dispute


async def close_dispute(
    session: AsyncSession, partner_id: UUID, dispute_id: UUID, outcome: str, caller: Caller
) -> DisputeRow:
    """Say what became of a dispute; after the last one the record is not disputed any more.

    Raises:
        NotFound: the partner has no such dispute.
        DisputeClosed: it is closed already.
    """
    await stand_in_line(session)
    dispute = await session.get(DisputeRow, dispute_id)
    if dispute is None or dispute.partner_id != partner_id:
        raise NotFound(f"Partner {partner_id} has no dispute {dispute_id}.")
    if dispute.closed_at is not None:
        raise DisputeClosed(f"It was closed with this outcome: {dispute.outcome}")
    dispute.closed_at, dispute.closed_by = datetime.now(UTC), caller.account_id
    dispute.outcome = outcome
    await session.flush()
    row = await session.get_one(PartnerRow, partner_id)
    if row.disputed_at is not None and not await _count_open(session, partner_id):
        await _mark(session, row, None, caller)
    return dispute


async def close_all_disputes(
    session: AsyncSession, row: PartnerRow, outcome: str, caller: Caller
) -> None:
    """Close what is open about a record that is rendered anew by the caller of this function."""
    if row.disputed_at is None:
        return
    row.disputed_at = None
    await session.execute(
        update(dispute_table)
        .where(dispute_table.c.partner_id == row.id, dispute_table.c.closed_at.is_(None))
        .values(closed_at=datetime.now(UTC), closed_by=caller.account_id, outcome=outcome)
    )


async def move_disputes(
    session: AsyncSession, before: PartnerRow, after: PartnerRow, only: Sequence[str] | None = None
) -> list[str]:
    """Let the open disputes about partner `before` be about `after`; both are rendered later.

    With `only`, no others than these.

    Returns:
        The ids of the disputes that were moved.
    """
    columns = dispute_table.c
    wanted = [columns.partner_id == before.id, columns.closed_at.is_(None)]
    if only is not None:
        wanted.append(columns.id.in_([UUID(one) for one in only]))
    found = await session.scalars(select(columns.id).where(*wanted).order_by(columns.id))
    moved = list(found)
    if moved:
        await session.execute(
            update(dispute_table).where(columns.id.in_(moved)).values(partner_id=after.id)
        )
        for row in (before, after):
            row.disputed_at = await session.scalar(
                select(func.min(columns.at)).where(
                    columns.partner_id == row.id, columns.closed_at.is_(None)
                )
            )
    return [str(one) for one in moved]


async def disputes_of(
    session: AsyncSession, partner_id: UUID, is_open: bool | None, limit: int, last: UUID | None
) -> list[DisputeRow]:
    """Disputes about a partner's record, the newest first, beginning below `last`."""
    columns = dispute_table.c
    query = select(DisputeRow).where(columns.partner_id == partner_id)
    if is_open is not None:
        query = query.where(columns.closed_at.is_(None) == is_open)
    if last is not None:
        query = query.where(columns.id < last)
    return list((await session.execute(query.order_by(columns.id.desc()).limit(limit))).scalars())


async def _count_open(session: AsyncSession, partner_id: UUID) -> int:
    found = await session.scalar(
        select(func.count()).where(
            dispute_table.c.partner_id == partner_id, dispute_table.c.closed_at.is_(None)
        )
    )
    return int(found or 0)


async def _mark(
    session: AsyncSession, row: PartnerRow, disputed_at: datetime | None, caller: Caller
) -> None:
    before = orjson.loads(row.secretariat)
    row.disputed_at = disputed_at
    row.version += 1
    await session.flush()
    after = await render(session, row)
    actor = None if caller.role is None else caller
    await partner_changed(session, "partner.updated", before, after, actor)
