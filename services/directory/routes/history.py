"""The history of partners over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.directory.answers import written_answer
from services.directory.external_ids import ExternalIdTaken
from services.directory.history import HistoryPage, history_of
from services.directory.idempotency import keyed_router
from services.directory.reasons import Reason
from services.directory.relationships import CircularRelationship
from services.directory.restoring import RestoreWrite, restore_partner
from shared.databases import Reading, Transaction
from shared.paging import BadCursor
from shared.preconditions import ExpectedVersion, PreconditionRequired, StaleVersion
from shared.problems import NotAllowed, NotFound, NotSignedIn, answers
from shared.records import Partner
from shared.tokens import SignedIn

router = keyed_router("history")


@router.get(
    "/partners/{partner_id}/history",
    summary="All versions of a partner",
    response_model=HistoryPage,
    responses=answers(NotSignedIn, NotAllowed, NotFound, BadCursor),
)
async def list_versions(
    partner_id: UUID,
    session: Reading,
    caller: SignedIn,
    limit: Annotated[int, Query(ge=1, le=100, description="Versions a page.")] = 20,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> HistoryPage:
    """The newest first; who made each, when, why, and what differs from the one before.

    For the secretariat and the partner's own editors.
    """
    return await history_of(session, partner_id, caller, limit, cursor)


@router.post(
    "/partners/{partner_id}/restore",
    summary="Go back to an earlier version",
    response_model=Partner,
    responses=answers(
        NotSignedIn,
        NotAllowed,
        NotFound,
        ExternalIdTaken,
        CircularRelationship,
        PreconditionRequired,
        StaleVersion,
    ),
)
async def restore_a_partner(
    partner_id: UUID,
    write: RestoreWrite,
    session: Transaction,
    caller: SignedIn,
    expected: ExpectedVersion,
    reason: Reason = None,
) -> Response:
    """As a new version with the values of the earlier one; a withdrawn partner is back with it.

    Relationships to partners that are gone are left out; an editor leaves relationships as they
    are. Contact points that come back are unverified. Nothing is assured by it.
    """
    row = await restore_partner(session, partner_id, expected, write.version, caller, reason)
    return written_answer(row, caller)
