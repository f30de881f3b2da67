"""Disputes about partners' records over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from services.directory.anonymous_writes import TooManyAnonymousWrites
from services.directory.disputes import (
    DisputeClosed,
    DisputeClosing,
    DisputeWrite,
    TooManyDisputes,
    close_dispute,
    dispute_partner,
    disputes_of,
)
from services.directory.idempotency import keyed_router
from services.directory.models import DisputeRow
from services.directory.partner_access import check_keeps_record
from services.directory.partner_change import PartnerWithdrawn
from services.directory.rendering import aware
from shared.databases import Reading, Transaction
from shared.paging import BadCursor, PageParameters, link_next, page_of
from shared.problems import NotAllowed, NotFound, NotSignedIn, answers
from shared.tokens import Caller, CallerOf, OfSecretariat, SignedIn
from shared.vocabulary import Role

router = keyed_router("disputes")


class Dispute(BaseModel):
    """That somebody says a partner's record is wrong."""

    id: UUID = Field(description="The dispute's id.")
    partner_id: UUID = Field(description="The partner whose record it is about.")
    at: datetime = Field(description="When it was said.")
    account_id: UUID | None = Field(
        description="Who said so: the account, if any; for the secretariat only."
    )
    reason: str = Field(description="What is wrong.")
    contact: str | None = Field(description="Where to ask back; for the secretariat only.")
    closed_at: datetime | None = Field(description="When it was closed, if it was.")
    outcome: str | None = Field(description="What became of it.")


class DisputePage(BaseModel):
    """A page of disputes."""

    items: list[Dispute] = Field(description="The disputes, the newest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class DisputeParameters(PageParameters):
    """Which disputes."""

    open: bool | None = Field(default=None, description="Only open ones, or only closed ones.")


def _shown(row: DisputeRow, caller: Caller) -> Dispute:
    of_secretariat = caller.role is Role.secretariat
    return Dispute(
        id=row.id,
        partner_id=row.partner_id,
        at=aware(row.at),
        account_id=row.account_id if of_secretariat else None,
        reason=row.reason,
        contact=row.contact if of_secretariat else None,
        closed_at=aware(row.closed_at) if row.closed_at else None,
        outcome=row.outcome,
    )


@router.post(
    "/partners/{partner_id}/disputes",
    status_code=201,
    summary="Say that a record is wrong",
    responses=answers(
        NotSignedIn, NotFound, PartnerWithdrawn, TooManyDisputes, TooManyAnonymousWrites
    ),
)
async def dispute_a_partner(
    partner_id: UUID, write: DisputeWrite, session: Transaction, caller: CallerOf
) -> Dispute:
    """Anybody may, also without an account. The record is `disputed` until it is closed.

    What is said is read by the secretariat and the partner's own editors.
    """
    return _shown(await dispute_partner(session, partner_id, write, caller), caller)


@router.get(
    "/partners/{partner_id}/disputes",
    summary="Disputes about a record",
    responses=answers(NotSignedIn, NotAllowed, NotFound, BadCursor),
)
async def list_disputes(
    partner_id: UUID,
    request: Request,
    response: Response,
    session: Reading,
    caller: SignedIn,
    asked: Annotated[DisputeParameters, Query()],
) -> DisputePage:
    """The newest first. For the secretariat and the partner's own editors."""
    await check_keeps_record(session, partner_id, caller)
    rows = await disputes_of(session, partner_id, asked.open, asked.limit + 1, asked.after)
    page, following = page_of(rows, asked)
    link_next(request, response, following)
    return DisputePage(items=[_shown(row, caller) for row in page], next=following)


@router.post(
    "/partners/{partner_id}/disputes/{dispute_id}/close",
    summary="Close a dispute",
    responses=answers(NotSignedIn, NotAllowed, NotFound, DisputeClosed),
)
async def close_a_dispute(
    partner_id: UUID,
    dispute_id: UUID,
    write: DisputeClosing,
    session: Transaction,
    caller: OfSecretariat,
) -> Dispute:
    """After the last one the record is not disputed any more. Assuring a record closes all."""
    row = await close_dispute(session, partner_id, dispute_id, write.outcome, caller)
    return _shown(row, caller)
