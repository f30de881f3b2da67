"""Proposals over HTTP."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.anonymous_writes import TooManyAnonymousWrites
from services.directory.external_ids import ExternalIdTaken
from services.directory.history import Difference
from services.directory.idempotency import keyed_router
from services.directory.models import ProposalCommentRow, ProposalRow
from services.directory.partner_change import PartnerWithdrawn
from services.directory.proposal_decisions import (
    ProposalConflict,
    apply_proposal,
    comment_on,
    discard_proposal,
)
from services.directory.proposal_write import (
    ApplyWrite,
    CommentWrite,
    DiscardWrite,
    ProposalKind,
    ProposalState,
    ProposalWrite,
)
from services.directory.proposals import (
    ProposalDecided,
    TooManyComments,
    comments_of,
    compare,
    decides,
    find_proposal,
    list_proposals,
    propose,
)
from services.directory.relationships import CircularRelationship
from services.directory.rendering import aware
from shared.databases import Reading, Transaction
from shared.paging import BadCursor, PageParameters, link_next, page_of
from shared.problems import NotAllowed, NotFound, NotSignedIn, answers
from shared.records import JsonObject
from shared.tokens import Caller, CallerOf, SignedIn
from shared.vocabulary import Role

router = keyed_router("proposals")


class Proposal(BaseModel):
    """A change that somebody suggests."""

    id: UUID = Field(description="The proposal's id.")
    kind: ProposalKind = Field(description="What is proposed.")
    state: ProposalState = Field(description="What has become of it.")
    at: datetime = Field(description="When it was made.")
    account_id: UUID | None = Field(
        description="Whose it is: the account, if any; for the secretariat and the author."
    )
    contact: str | None = Field(description="Where to ask back; for the secretariat only.")
    reason: str = Field(description="Why it is proposed.")
    partner_id: UUID | None = Field(
        description="The partner that it is about; of a new one once it is applied."
    )
    base_version: int | None = Field(description="The version of the record that it is based on.")
    base_partner_id: UUID | None = Field(
        description="Whose version that is, if another's: the partner was merged into this one."
    )
    successor_id: UUID | None = Field(description="To withdraw: the partner to use instead.")
    into_id: UUID | None = Field(description="To merge: the partner that stays.")
    partner: JsonObject | None = Field(description="To create: the new partner.")
    patch: JsonObject | None = Field(description="To update: the merge patch.")
    decided_at: datetime | None = Field(description="When it was applied or discarded.")
    outcome: str | None = Field(description="What was said to it then.")


class ConflictShown(BaseModel):
    """A value that has changed since the proposal was made, and is proposed to be another."""

    field: str = Field(description="The field, `field.inner` within one.")
    base: Any = Field(description="Its value in the version that the proposal is based on.")
    current: Any = Field(description="Its value now.")
    proposed: Any = Field(description="The proposed value.")


class Comment(BaseModel):
    """Something said about a proposal."""

    id: UUID = Field(description="The comment's id.")
    at: datetime = Field(description="When it was said.")
    account_id: UUID | None = Field(description="Who said it.")
    text: str = Field(description="What was said.")


class ProposalInFull(Proposal):
    """A proposal with what is needed to decide it."""

    differences: list[Difference] | None = Field(
        description="What would change now; for who may decide an open one, else null."
    )
    conflicts: list[ConflictShown] | None = Field(
        description="Where the record has changed since; for who may decide, else null."
    )
    obstacle: str | None = Field(description="Why it could not be applied as things are, if so.")
    comments: list[Comment] = Field(description="What was said about it.")


class ProposalPage(BaseModel):
    """A page of proposals."""

    items: list[Proposal] = Field(description="The proposals, the newest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class ProposalParameters(PageParameters):
    """Which proposals."""

    state: ProposalState | None = Field(default=None, description="Only those in this state.")
    partner: UUID | None = Field(default=None, description="Only those about this partner.")


def _values(row: ProposalRow, caller: Caller) -> dict[str, Any]:
    of_secretariat = caller.role is Role.secretariat
    is_author = caller.account_id is not None and row.account_id == caller.account_id
    kind = ProposalKind(row.kind)
    return {
        "id": row.id,
        "kind": kind,
        "state": ProposalState(row.state),
        "at": aware(row.at),
        "account_id": row.account_id if of_secretariat or is_author else None,
        "contact": row.contact if of_secretariat else None,
        "reason": row.reason,
        "partner_id": row.partner_id,
        "base_version": row.base_version,
        "base_partner_id": row.base_partner_id,
        "successor_id": row.other_id if kind is ProposalKind.withdraw else None,
        "into_id": row.other_id if kind is ProposalKind.merge else None,
        "partner": row.content if kind is ProposalKind.create else None,
        "patch": row.content if kind is ProposalKind.update else None,
        "decided_at": aware(row.decided_at) if row.decided_at else None,
        "outcome": row.outcome,
    }


def _comment(row: ProposalCommentRow) -> Comment:
    return Comment(id=row.id, at=aware(row.at), account_id=row.account_id, text=row.text)


async def _in_full(session: AsyncSession, row: ProposalRow, caller: Caller) -> ProposalInFull:
    found = await compare(session, row) if decides(caller, row) else None
    return ProposalInFull(
        **_values(row, caller),
        differences=None if found is None else [Difference(**one) for one in found.differences],
        conflicts=None
        if found is None
        else [
            ConflictShown(
                field=one.field, base=one.base, current=one.current, proposed=one.proposed
            )
            for one in found.conflicts
        ],
        obstacle=None if found is None else found.obstacle,
        comments=[_comment(one) for one in await comments_of(session, row.id)],
    )


@router.post(
    "/proposals",
    status_code=201,
    summary="Propose a change",
    responses=answers(NotSignedIn, NotFound, PartnerWithdrawn, TooManyAnonymousWrites),
)
async def make_a_proposal(
    write: ProposalWrite, response: Response, session: Transaction, caller: CallerOf
) -> Proposal:
    """Anybody may, also without an account. The secretariat or the partner's editors decide.

    A patch is held to the rules at once. Entries of lists that you may not see are not removed by
    sending the others.
    """
    row = await propose(session, write, caller)
    response.headers["Location"] = f"/proposals/{row.id}"
    return Proposal(**_values(row, caller))


@router.get(
    "/proposals",
    summary="List proposals",
    responses=answers(NotSignedIn, BadCursor),
)
async def list_some_proposals(
    request: Request,
    response: Response,
    session: Reading,
    caller: SignedIn,
    asked: Annotated[ProposalParameters, Query()],
) -> ProposalPage:
    """The newest first: your own, those about a partner that you edit; the secretariat sees all."""
    rows = await list_proposals(
        session, caller, asked.state, asked.partner, asked.limit + 1, asked.after
    )
    page, following = page_of(rows, asked)
    link_next(request, response, following)
    return ProposalPage(items=[Proposal(**_values(row, caller)) for row in page], next=following)


@router.get(
    "/proposals/{proposal_id}",
    summary="Show a proposal",
    responses=answers(NotSignedIn, NotFound),
)
async def read_proposal(proposal_id: UUID, session: Reading, caller: SignedIn) -> ProposalInFull:
    """With comments and, for who may decide it, what would change and what stands against it."""
    row = await find_proposal(session, proposal_id, caller)
    return await _in_full(session, row, caller)


@router.post(
    "/proposals/{proposal_id}/comments",
    status_code=201,
    summary="Comment on a proposal",
    responses=answers(NotSignedIn, NotFound, TooManyComments),
)
async def comment_on_a_proposal(
    proposal_id: UUID, write: CommentWrite, session: Transaction, caller: SignedIn
) -> Comment:
    """Read by its author and by those who decide it."""
    return _comment(await comment_on(session, proposal_id, write.text, caller))


@router.post(
    "/proposals/{proposal_id}/apply",
    summary="Apply a proposal",
    responses=answers(
        NotSignedIn,
        NotAllowed,
        NotFound,
        ProposalDecided,
        ProposalConflict,
        PartnerWithdrawn,
        ExternalIdTaken,
        CircularRelationship,
    ),
)
async def apply_a_proposal(
    proposal_id: UUID, write: ApplyWrite, session: Transaction, caller: SignedIn
) -> ProposalInFull:
    """Fields that were changed since are named with their values (409): keep or overwrite each."""
    row = await apply_proposal(session, proposal_id, write, caller)
    return await _in_full(session, row, caller)


@router.post(
    "/proposals/{proposal_id}/discard",
    summary="Discard a proposal",
    responses=answers(NotSignedIn, NotAllowed, NotFound, ProposalDecided),
)
async def discard_a_proposal(
    proposal_id: UUID, write: DiscardWrite, session: Transaction, caller: SignedIn
) -> ProposalInFull:
    """With a word to its author, who may take it back by this too."""
    row = await discard_proposal(session, proposal_id, write.outcome, caller)
    return await _in_full(session, row, caller)
