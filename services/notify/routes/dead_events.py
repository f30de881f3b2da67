"""Events that were set aside, over HTTP, for the secretariat."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.notify.dead_events import (
    DeadEventNotFound,
    StillFails,
    list_dead_events,
    replay_dead_event,
)
from services.notify.readings import DeadEventPage, DeadEventRead
from shared.databases import Reading, Transaction
from shared.paging import BadCursor, PageParameters, link_next, page_of
from shared.problems import NotAllowed, NotSignedIn, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import OfSecretariat

router = strict_router("operation")


@router.get(
    "/notify/dead-events",
    summary="List events that could not be handled",
    responses=answers(NotSignedIn, NotAllowed, BadCursor, UnknownParameter),
)
async def list_notify_dead_events(
    request: Request,
    response: Response,
    session: Reading,
    _: OfSecretariat,
    asked: Annotated[PageParameters, Query()],
) -> DeadEventPage:
    """In the order in which they were set aside."""
    rows, following = page_of(await list_dead_events(session, asked), asked)
    link_next(request, response, following)
    return DeadEventPage(items=[DeadEventRead.model_validate(row) for row in rows], next=following)


@router.post(
    "/notify/dead-events/{dead_event_id}/replay",
    summary="Handle an event after all",
    responses=answers(NotSignedIn, NotAllowed, DeadEventNotFound, StillFails),
)
async def replay_notify_dead_event(
    dead_event_id: UUID, session: Transaction, _: OfSecretariat
) -> DeadEventRead:
    """Subscribers are told of it now, behind all they were told since; repeats change nothing."""
    return DeadEventRead.model_validate(await replay_dead_event(session, dead_event_id))
