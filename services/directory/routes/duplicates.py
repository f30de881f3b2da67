"""Likely duplicates over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.directory.duplicates.describing import Dismissal, DuplicatePage
from services.directory.duplicates.dismissals import DismissalWrite, dismiss_pair, take_back
from services.directory.duplicates.listing import DuplicateParameters, list_duplicates
from services.directory.idempotency import keyed_router
from shared.databases import Reading, Transaction
from shared.paging import BadCursor, link_next
from shared.problems import NotAllowed, NotFound, NotSignedIn, UnknownParameter, answers
from shared.tokens import OfSecretariat

router = keyed_router("duplicates")


@router.get(
    "/partners/duplicates",
    summary="List likely duplicates",
    responses=answers(NotSignedIn, NotAllowed, BadCursor, UnknownParameter),
)
async def list_likely_duplicates(
    request: Request,
    response: Response,
    session: Reading,
    _: OfSecretariat,
    asked: Annotated[DuplicateParameters, Query()],
) -> DuplicatePage:
    """Pairs of partners that may be one, the likeliest first, for the secretariat.

    Partners are compared in the background, within moments of a change. Withdrawn partners are in
    no pair, and partners that are related to each other, unless as predecessor and successor, are
    known to be two.
    """
    page = await list_duplicates(session, asked)
    link_next(request, response, page.next)
    return page


@router.post(
    "/partners/duplicates/dismissals",
    status_code=201,
    summary="Say that two partners are not one",
    responses=answers(NotSignedIn, NotAllowed, NotFound),
)
async def dismiss_a_pair(
    write: DismissalWrite, session: Transaction, caller: OfSecretariat
) -> Dismissal:
    """The pair is off the list until a name of one of the two changes in earnest."""
    return await dismiss_pair(session, write, caller)


@router.delete(
    "/partners/duplicates/dismissals/{dismissal_id}",
    status_code=204,
    summary="Take a dismissal back",
    responses=answers(NotSignedIn, NotAllowed, NotFound),
)
async def take_a_dismissal_back(dismissal_id: UUID, session: Transaction, _: OfSecretariat) -> None:
    """The pair is on the list again."""
    await take_back(session, dismissal_id)
