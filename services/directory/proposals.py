"""Proposals: changes that somebody suggests, and who may read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import orjson
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.anonymous_writes import count_anonymous
from services.directory.differences import differences
from services.directory.history import record_of_version
from services.directory.merge_patch import patched
from services.directory.models import (
    PartnerRow,
    ProposalCommentRow,
    ProposalRow,
    proposal_comment_table,
    proposal_table,
)
from services.directory.outbox import stand_in_line
from services.directory.partner_access import find_seen
from services.directory.partner_change import check_not_withdrawn
from services.directory.partner_write import PartnerWrite
from services.directory.proposal_conflicts import Conflict, conflicts, with_unseen
from services.directory.proposal_write import ProposalKind, ProposalState, ProposalWrite
from shared.problems import InvalidValues, NotFound, Problem
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import PartnerStatus, Role, Visibility

MOST_COMMENTS = 200


class ProposalDecided(Problem):
    """The proposal was applied or discarded before."""

    status, title, kind = 409, "The proposal is decided", "proposal-decided"


class TooManyComments(Problem):
    """As much was said about the proposal as may be."""

    status, title, kind = 409, "The proposal has many comments already", "too-many-comments"


def decides(caller: Caller, row: ProposalRow) -> bool:
    """Whether the caller may apply or discard it: an editor what changes its own partner alone."""
    if caller.role is Role.secretariat:
        return True
    own = row.partner_id is not None and caller.edits(row.partner_id)
    return own and row.kind == ProposalKind.update


async def propose(session: AsyncSession, write: ProposalWrite, caller: Caller) -> ProposalRow:
    """Keep a proposal, if it could be applied as things are.

    Raises:
        NotFound: a partner is not there, or the caller may not see it.
        InvalidValues, PartnerWithdrawn, TooManyAnonymousWrites: as their names say.
    """
    await stand_in_line(session)
    row = ProposalRow(
        id=uuid7(),
        kind=write.kind.value,
        state=ProposalState.open.value,
        at=datetime.now(UTC),
        account_id=caller.account_id,
        audience=caller.audience.value,
        contact=write.contact,
        reason=write.reason,
        partner_id=write.partner_id,
        other_id=write.successor_id or write.into_id,
        content=write.patch,
    )
    if write.partner is not None:
        row.content = write.partner.model_dump(mode="json")
    if write.partner_id is not None:
        await _check_target(session, row, write.partner_id, write, caller)
    if row.other_id is not None:
        other = await find_seen(session, row.other_id, caller)
        if other.id == row.partner_id or other.status == PartnerStatus.withdrawn.value:
            raise InvalidValues("The other partner must be another one that is not withdrawn.")
    await count_anonymous(session, caller)
    session.add(row)
    return row


async def _check_target(
    session: AsyncSession,
    row: ProposalRow,
    partner_id: UUID,
    write: ProposalWrite,
    caller: Caller,
) -> None:
    target = await find_seen(session, partner_id, caller)
    check_not_withdrawn(target)
    if caller.edits(target.id):
        row.audience = Visibility.secretariat.value
    row.base_version = write.base_version or target.version
    if row.base_version > target.version:
        raise InvalidValues(
            f"The partner is at version {target.version}, and has no version {row.base_version}."
        )
    if write.patch is not None:
        record: JsonObject = orjson.loads(target.secretariat)
        patched(*proposed_patch(row, record), "partner")


async def find_proposal(session: AsyncSession, proposal_id: UUID, caller: Caller) -> ProposalRow:
    """The proposal, for its author and for those who keep the partner's record.

    Raises:
        NotFound: there is none, or the caller may not read it.
    """
    row = await session.get(ProposalRow, proposal_id)
    if row is None or not _may_read(row, caller):
        raise NotFound(f"There is no proposal {proposal_id}, or you may not read it.")
    return row


def _may_read(row: ProposalRow, caller: Caller) -> bool:
    if caller.role is Role.secretariat:
        return True
    if row.account_id is not None and row.account_id == caller.account_id:
        return True
    return row.partner_id is not None and caller.edits(row.partner_id)


async def list_proposals(
    session: AsyncSession,
    caller: Caller,
    state: ProposalState | None,
    partner_id: UUID | None,
    limit: int,
    last: UUID | None,
) -> Sequence[ProposalRow]:
    """Proposals that the caller may read, the newest first, beginning below `last`."""
    columns = proposal_table.c
    query = select(ProposalRow)
    if caller.role is not Role.secretariat:
        mine = columns.account_id == caller.account_id
        is_editor = caller.role is Role.editor and caller.partner_id is not None
        query = query.where(
            or_(mine, columns.partner_id == caller.partner_id) if is_editor else mine
        )
    if state is not None:
        query = query.where(columns.state == state.value)
    if partner_id is not None:
        query = query.where(columns.partner_id == partner_id)
    if last is not None:
        query = query.where(columns.id < last)
    return (await session.execute(query.order_by(columns.id.desc()).limit(limit))).scalars().all()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A proposed change beside the record, for who decides."""

    differences: list[JsonObject]
    conflicts: list[Conflict]
    obstacle: str | None = None
    """Why it could not be applied as things are, if so."""


async def compare(session: AsyncSession, row: ProposalRow) -> Comparison | None:
    """What an open proposal to create or update would change, and what stands against it."""
    if row.state != ProposalState.open or row.content is None:
        return None
    if row.partner_id is None:
        return Comparison(differences({}, _numbered(row.content)), [])
    target = await session.get_one(PartnerRow, row.partner_id)
    if target.status == PartnerStatus.withdrawn.value:
        return Comparison([], [], "The partner was withdrawn.")
    standing = await standing_of(session, row, target)
    old, patch, found = standing.old, standing.patch, standing.conflicts
    try:
        proposed = patched(old, patch, "partner").model_dump(mode="json")
    except InvalidValues as problem:
        return Comparison([], found, problem.detail)
    current = old.model_dump(mode="json")
    return Comparison(differences(_numbered(current), _numbered(proposed)), found)


@dataclass(frozen=True, slots=True)
class Standing:
    """A proposed patch against its partner as it is now."""

    old: PartnerWrite
    """What is written of the partner."""
    patch: JsonObject
    """What is proposed, with what its author could not see."""
    conflicts: list[Conflict]


async def standing_of(session: AsyncSession, row: ProposalRow, target: PartnerRow) -> Standing:
    """How a proposal to update stands to `target`, the partner that it is about."""
    old, patch = proposed_patch(row, orjson.loads(target.secretariat))
    seen = row.base_partner_id or target.id
    past = await record_of_version(session, seen, row.base_version or 1)
    base = PartnerWrite.model_validate(past).model_dump(mode="json")
    return Standing(old, patch, conflicts(base, old.model_dump(mode="json"), patch))


def proposed_patch(row: ProposalRow, record: JsonObject) -> tuple[PartnerWrite, JsonObject]:
    """What is written in `record`, and the patch that is proposed of it, nothing hidden lost."""
    return (
        PartnerWrite.model_validate(record),
        with_unseen(row.content or {}, record, row.audience),
    )


def _numbered(values: JsonObject) -> JsonObject:
    """`values` with something to tell its new contact points by."""
    points = [
        {**point, "id": point["id"] or f"new {number}"}
        for number, point in enumerate(values["contact_points"], 1)
    ]
    return {**values, "contact_points": points}


async def comments_of(session: AsyncSession, proposal_id: UUID) -> Sequence[ProposalCommentRow]:
    """What was said about a proposal, in its order."""
    columns = proposal_comment_table.c
    found = await session.execute(
        select(ProposalCommentRow).where(columns.proposal_id == proposal_id).order_by(columns.id)
    )
    return found.scalars().all()
