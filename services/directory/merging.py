"""Merging one partner into another, and undoing it: each in one transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.account_changes import move_accounts
from services.directory.disputes import move_disputes
from services.directory.external_ids import release_external_ids
from services.directory.history import partner_changed, record_of_version
from services.directory.merged_values import merged_values, unmerged_values
from services.directory.models import MergeRow, PartnerRow, merge_table
from services.directory.outbox import stand_in_line
from services.directory.partner_access import no_such_partner
from services.directory.partner_change import check_not_withdrawn, touch
from services.directory.partner_write import PartnerWrite
from services.directory.partners import rewrite, written_form
from services.directory.proposal_moves import move_proposals, move_proposals_back
from services.directory.redirects import move_redirects
from services.directory.relationships import drop_relationships, still_there
from services.directory.rendering import aware, render
from services.directory.source_values import move_source_values
from shared.audience import may_see
from shared.preconditions import check_version
from shared.problems import InvalidValues, NotFound, Problem, field_errors
from shared.records import JsonObject
from shared.texts import NameText
from shared.tokens import Caller
from shared.vocabulary import PartnerStatus

UNDO_PERIOD = "merge_undo_days"


class MergeFinal(Problem):
    """A merge that is undone already, or was made too long ago."""

    status, title, kind = 409, "The merge cannot be undone", "merge-final"


class MergeWrite(BaseModel):
    """Which partner goes, and into which one."""

    model_config = ConfigDict(extra="forbid")

    from_id: UUID = Field(alias="from", description="The partner whose record goes.")
    into_id: UUID = Field(alias="into", description="The partner that stays.")
    reason: NameText | None = Field(default=None, description="Why; it stands in both histories.")
    from_version: Annotated[StrictInt, Field(ge=1)] | None = Field(
        default=None, description="The version of the first that was looked at; 412 if it is older."
    )
    into_version: Annotated[StrictInt, Field(ge=1)] | None = Field(
        default=None, description="The same of the second."
    )


async def merge_partners(
    session: AsyncSession, write: MergeWrite, caller: Caller
) -> tuple[PartnerRow, MergeRow]:
    """Merge a partner into another: it is withdrawn, and the other has what it had.

    Raises:
        NotFound, PartnerWithdrawn, StaleVersion: of either of the two.
        InvalidValues: they are the same, the one that stays would be too large, or values would
            be shown to more readers than before.
        CircularRelationship: parents or successors would run in a circle.
    """
    await stand_in_line(session)
    if write.from_id == write.into_id:
        raise InvalidValues("A partner cannot be merged into itself.")
    lost, kept = [await _load(session, one) for one in (write.from_id, write.into_id)]
    for row, expected in ((lost, write.from_version), (kept, write.into_version)):
        if expected is not None:
            check_version(row.version, expected)
    if not may_see(kept.visibility, lost.visibility):
        raise InvalidValues(
            f"Partner {lost.id} is for {lost.visibility} readers, {kept.id} for {kept.visibility} "
            "ones, who would see what it has. Make the visibility of both the same first."
        )
    lost_before, kept_before = orjson.loads(lost.secretariat), orjson.loads(kept.secretariat)
    values, arrived = merged_values(kept_before, lost_before)
    moved: JsonObject = {"values": arrived}
    merged = _valid(values)
    last_version = lost.version
    touched = await drop_relationships(session, lost.id)
    await release_external_ids(session, lost.id)
    moved["redirects"] = await move_redirects(session, lost.id, kept.id, caller)
    moved["source_values"] = await move_source_values(session, lost.id, kept.id)
    moved["accounts"] = await move_accounts(session, lost.id, kept.id, caller)
    moved["proposals"] = await move_proposals(session, lost.id, kept.id, caller)
    moved["disputes"] = await move_disputes(session, lost, kept)
    lost.status, lost.successor_id = PartnerStatus.withdrawn.value, kept.id
    lost.version += 1
    lost.modified_at = datetime.now(UTC)
    await session.flush()
    lost_after = await render(session, lost)
    await partner_changed(session, "partner.merged", lost_before, lost_after, caller, write.reason)
    await _rewrite_kept(session, kept, merged, caller, write.reason, lost.content["contact_points"])
    await touch(session, touched - {kept.id}, caller)
    merge = MergeRow(
        id=uuid7(),
        at=datetime.now(UTC),
        from_id=lost.id,
        into_id=kept.id,
        from_version=last_version,
        account_id=caller.account_id,
        reason=write.reason,
        moved=moved,
    )
    session.add(merge)
    return kept, merge


async def undo_merge(
    session: AsyncSession, merge_id: UUID, caller: Caller, reason: str | None
) -> PartnerRow:
    """Bring back the partner that was merged away, and take from the other what it got by it.

    What was edited since then stays where it is.

    Raises:
        NotFound: there is no such merge.
        MergeFinal: it is undone, too old, or the record that stayed is gone itself.
        InvalidValues, ExternalIdTaken, CircularRelationship: something else has come in between.
    """
    await stand_in_line(session)
    merge = await session.get(MergeRow, merge_id)
    if merge is None:
        raise NotFound(f"There is no merge {merge_id}; see GET /partners/merges.")
    _check_can_be_undone(session, merge)
    lost = await session.get_one(PartnerRow, merge.from_id)
    kept = await session.get_one(PartnerRow, merge.into_id)
    if kept.status == PartnerStatus.withdrawn.value or lost.successor_id != kept.id:
        raise MergeFinal(
            f"Partner {kept.id}, which stayed, has been withdrawn or merged since. Undo that first."
        )
    lost.successor_id = None
    moved = merge.moved
    await move_redirects(session, kept.id, lost.id, caller, moved["redirects"])
    await move_source_values(session, kept.id, lost.id, moved["source_values"])
    await move_accounts(session, kept.id, lost.id, caller, moved["accounts"])
    # Merges of before these were moved have none.
    await move_proposals_back(session, kept.id, moved.get("proposals", ()))
    await move_disputes(session, kept, lost, moved.get("disputes", ()))
    await session.flush()
    kept_values = unmerged_values(orjson.loads(kept.secretariat), moved["values"])
    await _rewrite_kept(session, kept, _valid(kept_values), caller, reason)
    past = await record_of_version(session, lost.id, merge.from_version)
    past["relationships"] = await still_there(session, past["relationships"])
    points = lost.content["contact_points"]
    await rewrite(session, lost, None, _valid(past), caller, reason, points)
    merge.undone_at, merge.undone_by = datetime.now(UTC), caller.account_id
    return lost


async def _load(session: AsyncSession, partner_id: UUID) -> PartnerRow:
    row = await session.get(PartnerRow, partner_id)
    if row is None:
        raise no_such_partner(partner_id)
    check_not_withdrawn(row)
    return row


def _valid(values: JsonObject) -> PartnerWrite:
    try:
        return PartnerWrite.model_validate(values)
    except ValidationError as error:
        found = field_errors(error.errors(include_url=False))
        raise InvalidValues(
            "The record that stays would break a rule. Mend one of the two first. First: "
            f"{found[0].pointer or 'the record'}: {found[0].detail}.",
            errors=found,
        ) from error


async def _rewrite_kept(
    session: AsyncSession,
    kept: PartnerRow,
    write: PartnerWrite,
    caller: Caller,
    reason: str | None,
    points: Sequence[JsonObject] = (),
) -> None:
    """The record that stays in its new form; its former ids differ, whatever else does."""
    version = kept.version
    old = written_form(kept, orjson.loads(kept.secretariat))
    await rewrite(session, kept, old, write, caller, reason, points)
    if kept.version == version:
        await touch(session, {kept.id}, caller)


def undo_until(session: AsyncSession, merge: MergeRow) -> datetime:
    """Until when the merge can be undone."""
    return aware(merge.at) + timedelta(days=session.info[UNDO_PERIOD])


def _check_can_be_undone(session: AsyncSession, merge: MergeRow) -> None:
    if merge.undone_at is not None:
        raise MergeFinal("It has been undone already.")
    until = undo_until(session, merge)
    if datetime.now(UTC) > until:
        raise MergeFinal(
            f"It could be undone until {until:%Y-%m-%d}. Restore or add the records by hand."
        )


async def merges_of(
    session: AsyncSession, partner_id: UUID | None, limit: int, last: UUID | None
) -> list[MergeRow]:
    """Merges, the newest first, of one partner or of all, beginning below `last`."""
    query = select(MergeRow)
    table = merge_table.c
    if partner_id is not None:
        query = query.where((table.from_id == partner_id) | (table.into_id == partner_id))
    if last is not None:
        query = query.where(table.id < last)
    return list((await session.execute(query.order_by(table.id.desc()).limit(limit))).scalars())
