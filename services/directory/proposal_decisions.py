"""Deciding proposals: applying, discarding, and what is said on the way."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.merge_patch import patched
from services.directory.merging import MergeWrite, merge_partners
from services.directory.models import (
    PartnerRow,
    ProposalCommentRow,
    ProposalRow,
    proposal_comment_table,
)
from services.directory.outbox import stand_in_line
from services.directory.partner_change import check_not_withdrawn
from services.directory.partner_write import PartnerWrite
from services.directory.partners import create_partner, rewrite, withdraw_partner
from services.directory.proposal_conflicts import Conflict, without_fields
from services.directory.proposal_write import ApplyWrite, ProposalKind, ProposalState
from services.directory.proposals import (
    MOST_COMMENTS,
    ProposalDecided,
    TooManyComments,
    decides,
    find_proposal,
    standing_of,
)
from shared.problems import InvalidValues, NotAllowed, Problem
from shared.tokens import Caller


class ProposalConflict(Problem):
    """The record has changed since the proposal was made, in the same places."""

    status, title, kind = 409, "The record has changed in the same places", "proposal-conflict"


async def apply_proposal(
    session: AsyncSession, proposal_id: UUID, write: ApplyWrite, caller: Caller
) -> ProposalRow:
    """Make the change that is proposed; the record's history names the proposal.

    Raises:
        NotFound, NotAllowed, ProposalDecided: as their names say.
        ProposalConflict: somebody has changed the same fields since; it names each with its value
            of then, of now, and the proposed one, unless `write` says which of them counts.
        Others: as for the change itself.
    """
    row = await _load_open(session, proposal_id, caller)
    reason = f"proposal {row.id}"
    match ProposalKind(row.kind):
        case ProposalKind.create:
            made = await create_partner(
                session, PartnerWrite.model_validate(row.content), caller, reason
            )
            row.partner_id = made.id
        case ProposalKind.update:
            await _update(session, row, write, caller, reason)
        case ProposalKind.withdraw:
            target = await session.get_one(PartnerRow, row.partner_id)
            await withdraw_partner(session, target.id, target.version, row.other_id, caller, reason)
        case ProposalKind.merge:
            merge = MergeWrite.model_validate(
                {"from": row.partner_id, "into": row.other_id, "reason": reason}
            )
            await merge_partners(session, merge, caller)
    _decide(row, ProposalState.applied, write.outcome, caller)
    return row


async def _update(
    session: AsyncSession, row: ProposalRow, write: ApplyWrite, caller: Caller, reason: str
) -> None:
    target = await session.get_one(PartnerRow, row.partner_id)
    check_not_withdrawn(target)
    standing = await standing_of(session, row, target)
    found = standing.conflicts
    known = {conflict.field for conflict in found}
    if stray := {*write.keep, *write.overwrite} - known:
        raise InvalidValues(f"There is no conflict in {', '.join(sorted(stray))}.")
    if both := {*write.keep} & {*write.overwrite}:
        raise InvalidValues(f"Either keep or overwrite {', '.join(sorted(both))}.")
    left = [one for one in found if one.field not in {*write.keep, *write.overwrite}]
    if left:
        whose = f" of partner {row.base_partner_id}" if row.base_partner_id else ""
        raise ProposalConflict(
            f"{', '.join(one.field for one in left)}: not as in version {row.base_version}{whose}, "
            "on which the proposal was based. Look at `conflicts`, and apply it with each of these "
            "fields in `keep` (as it is now) or in `overwrite` (as it is proposed).",
            conflicts=[_told(one) for one in left],
        )
    new = patched(standing.old, without_fields(standing.patch, write.keep), "partner")
    await rewrite(session, target, standing.old, new, caller, reason)


def _told(conflict: Conflict) -> dict[str, object]:
    return {
        "field": conflict.field,
        "base": conflict.base,
        "current": conflict.current,
        "proposed": conflict.proposed,
    }


async def discard_proposal(
    session: AsyncSession, proposal_id: UUID, outcome: str, caller: Caller
) -> ProposalRow:
    """Decide against a proposal, with the reason for its author; who made it may take it back.

    Raises:
        NotFound, NotAllowed, ProposalDecided: as their names say.
    """
    row = await _load_open(session, proposal_id, caller, or_author=True)
    _decide(row, ProposalState.discarded, outcome, caller)
    return row


async def comment_on(
    session: AsyncSession, proposal_id: UUID, text: str, caller: Caller
) -> ProposalCommentRow:
    """Say something about a proposal, for its author and those who decide.

    Raises:
        NotFound, TooManyComments: as their names say.
    """
    await stand_in_line(session)
    row = await find_proposal(session, proposal_id, caller)
    count = await session.scalar(
        select(func.count()).where(proposal_comment_table.c.proposal_id == row.id)
    )
    if (count or 0) >= MOST_COMMENTS:
        raise TooManyComments("Decide it: apply or discard it.")
    comment = ProposalCommentRow(
        id=uuid7(),
        proposal_id=row.id,
        at=datetime.now(UTC),
        account_id=caller.account_id,
        text=text,
    )
    session.add(comment)
    return comment


async def _load_open(
    session: AsyncSession, proposal_id: UUID, caller: Caller, *, or_author: bool = False
) -> ProposalRow:
    await stand_in_line(session)
    row = await find_proposal(session, proposal_id, caller)
    is_author = row.account_id is not None and row.account_id == caller.account_id
    if not decides(caller, row) and not (or_author and is_author):
        raise NotAllowed(
            "The secretariat decides it, or, if it is about a partner's own values, its editors."
        )
    if row.state != ProposalState.open:
        raise ProposalDecided(f"It was {row.state} on {row.decided_at:%Y-%m-%d}.")
    return row


def _decide(row: ProposalRow, state: ProposalState, outcome: str | None, caller: Caller) -> None:
    row.state, row.outcome = state.value, outcome
    row.decided_at, row.decided_by = datetime.now(UTC), caller.account_id
