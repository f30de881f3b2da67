"""What becomes of open proposals when the partners that they are about are merged."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import ProposalRow, proposal_table
from services.directory.proposal_write import ProposalKind, ProposalState
from shared.records import JsonObject
from shared.tokens import Caller

_WHERE = ("partner_id", "other_id", "base_partner_id")


async def move_proposals(
    session: AsyncSession, before: UUID, after: UUID, caller: Caller
) -> list[JsonObject]:
    """Let the open proposals about partner `before` be about `after`, into which it is merged.

    One to change it is still judged against the version that its author saw, so what differs in
    the other partner is a conflict to decide. One to merge the two is fulfilled by the merge; one
    to withdraw either, for the other or at all, has become pointless.

    Returns:
        What the proposals said before, for `move_proposals_back`.
    """
    columns = proposal_table.c
    rows = await session.execute(
        select(ProposalRow)
        .where(
            columns.state == ProposalState.open.value,
            or_(columns.partner_id == before, columns.other_id == before),
        )
        .order_by(columns.id)
    )
    moved = []
    for row in rows.scalars():
        said: JsonObject = {name: getattr(row, name) for name in _WHERE}
        moved.append({name: value and str(value) for name, value in said.items()})
        _follow(row, before, after)
        state = _end_of(row, said["partner_id"] == before)
        if state is not None:
            row.state, row.outcome = state.value, _outcome(after)
            row.decided_at, row.decided_by = datetime.now(UTC), caller.account_id
        moved[-1] |= {"id": str(row.id), "state": row.state}
    return moved


async def move_proposals_back(
    session: AsyncSession, after: UUID, moved: Sequence[JsonObject]
) -> None:
    """Let the proposals be about what they were before the merge, unless they were decided since.

    One that was fulfilled by the merge stays so; one that had become pointless is open again.
    """
    for said in moved:
        row = await session.get(ProposalRow, UUID(said["id"]))
        if row is None or row.state != said["state"] or row.state == ProposalState.applied.value:
            continue
        if row.state == ProposalState.discarded.value:
            if row.outcome != _outcome(after):
                continue
            row.state, row.outcome = ProposalState.open.value, None
            row.decided_at = row.decided_by = None
        for name in _WHERE:
            setattr(row, name, said[name] and UUID(said[name]))


def _follow(row: ProposalRow, before: UUID, after: UUID) -> None:
    if row.partner_id == before:
        row.partner_id = after
        row.base_partner_id = row.base_partner_id or before
    if row.other_id == before:
        row.other_id = after


def _end_of(row: ProposalRow, was_about_the_lost: bool) -> ProposalState | None:
    """What becomes of a proposal that the merge has decided; None where it stays open."""
    both_are_one = row.partner_id == row.other_id
    if row.kind == ProposalKind.merge and both_are_one:
        return ProposalState.applied
    if row.kind == ProposalKind.withdraw and (was_about_the_lost or both_are_one):
        return ProposalState.discarded
    return None


def _outcome(after: UUID) -> str:
    return f"The partners were merged into {after}."
