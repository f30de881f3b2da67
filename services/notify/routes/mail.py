"""The mail outbox over HTTP, for the secretariat."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.notify.mail.listing import MailParameters, list_mail
from services.notify.readings import MailPage, MailRead
from shared.databases import Reading
from shared.paging import BadCursor, link_next, page_of
from shared.problems import NotAllowed, NotSignedIn, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import OfSecretariat

router = strict_router("operation")


@router.get(
    "/notify/mail",
    summary="List what was mailed and is to be",
    responses=answers(NotSignedIn, NotAllowed, BadCursor, UnknownParameter),
)
async def list_notify_mail(
    request: Request,
    response: Response,
    session: Reading,
    _: OfSecretariat,
    asked: Annotated[MailParameters, Query()],
) -> MailPage:
    """The newest first: what became of each, not whom it went to nor what it says."""
    rows, following = page_of(await list_mail(session, asked), asked)
    link_next(request, response, following)
    return MailPage(items=[MailRead.model_validate(row) for row in rows], next=following)
