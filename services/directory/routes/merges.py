"""Merges of partners over HTTP, for the secretariat."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.answers import written_answer
from services.directory.external_ids import ExternalIdTaken
from services.directory.idempotency import keyed_router
from services.directory.merging import (
    MergeFinal,
    MergeWrite,
    merge_partners,
    merges_of,
    undo_merge,
    undo_until,
)
from services.directory.models import MergeRow
from services.directory.partner_change import PartnerWithdrawn
from services.directory.reasons import Reason
from services.directory.relationships import CircularRelationship
from services.directory.rendering import aware
from shared.databases import Reading, Transaction
from shared.paging import BadCursor, PageParameters, link_next, page_of
from shared.preconditions import StaleVersion
from shared.problems import NotAllowed, NotFound, NotSignedIn, answers
from shared.records import Partner
from shared.tokens import OfSecretariat

router = keyed_router("merges")
_REFUSALS = (NotSignedIn, NotAllowed, NotFound, CircularRelationship)


class Merge(BaseModel):
    """That one partner was merged into another."""

    id: UUID = Field(description="The merge's id, to undo it by.")
    at: datetime = Field(description="When it was merged.")
    from_id: UUID = Field(serialization_alias="from", description="The partner whose record went.")
    into_id: UUID = Field(serialization_alias="into", description="The partner that stayed.")
    account_id: UUID | None = Field(description="The account that merged them.")
    reason: str | None = Field(description="Why.")
    undo_until: datetime = Field(description="Until when it can be undone.")
    undone_at: datetime | None = Field(description="When it was undone, if it was.")
    undone_by: UUID | None = Field(description="The account that undid it.")


class MergePage(BaseModel):
    """A page of merges."""

    items: list[Merge] = Field(description="The merges, the newest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class MergeParameters(PageParameters):
    """Which merges."""

    partner: UUID | None = Field(
        default=None, description="Only those of this partner, on either side."
    )


def _shown(session: AsyncSession, row: MergeRow) -> Merge:
    return Merge(
        id=row.id,
        at=aware(row.at),
        from_id=row.from_id,
        into_id=row.into_id,
        account_id=row.account_id,
        reason=row.reason,
        undo_until=undo_until(session, row),
        undone_at=aware(row.undone_at) if row.undone_at else None,
        undone_by=row.undone_by,
    )


@router.post(
    "/partners/merge",
    summary="Merge a partner into another",
    response_model=Partner,
    responses=answers(*_REFUSALS, PartnerWithdrawn, StaleVersion),
)
async def merge_two_partners(
    write: MergeWrite, session: Transaction, caller: OfSecretariat
) -> Response:
    """`from` is withdrawn and leads to `into`, which then has what `from` had; the answer is it.

    The `Link` header with `rel="related"` leads to the merge, by which it can be undone.
    """
    kept, merge = await merge_partners(session, write, caller)
    answer = written_answer(kept, caller)
    answer.headers["Link"] = f'</partners/merges/{merge.id}>; rel="related"'
    return answer


@router.get(
    "/partners/merges",
    summary="List merges",
    responses=answers(NotSignedIn, NotAllowed, BadCursor),
)
async def list_merges(
    request: Request,
    response: Response,
    session: Reading,
    _caller: OfSecretariat,
    asked: Annotated[MergeParameters, Query()],
) -> MergePage:
    """The newest first, those that were undone among them."""
    rows = await merges_of(session, asked.partner, asked.limit + 1, asked.after)
    page, following = page_of(rows, asked)
    link_next(request, response, following)
    return MergePage(items=[_shown(session, row) for row in page], next=following)


@router.get(
    "/partners/merges/{merge_id}",
    summary="Show a merge",
    responses=answers(NotSignedIn, NotAllowed, NotFound),
)
async def read_merge(merge_id: UUID, session: Reading, _caller: OfSecretariat) -> Merge:
    """When, why, by whom, and until when it can be undone."""
    row = await session.get(MergeRow, merge_id)
    if row is None:
        raise NotFound(f"There is no merge {merge_id}; see GET /partners/merges.")
    return _shown(session, row)


@router.post(
    "/partners/merges/{merge_id}/undo",
    summary="Undo a merge",
    response_model=Partner,
    responses=answers(*_REFUSALS, MergeFinal, ExternalIdTaken),
)
async def undo_a_merge(
    merge_id: UUID, session: Transaction, caller: OfSecretariat, reason: Reason = None
) -> Response:
    """The partner that was merged away is back, and is the answer; the other gives back its own.

    Possible for `MERGE_UNDO_DAYS`. What was edited in between stays as it is.
    """
    return written_answer(await undo_merge(session, merge_id, caller, reason), caller)
