"""Events that search could not handle, for the secretariat to see and to replay."""

from typing import Annotated

from fastapi import BackgroundTasks, Query, Request, status

from services.search.dead_events import NoSuchDeadEvent, find_dead_events, request_replay
from services.search.models import DeadEventList, DeadEventRead
from shared.databases import Reading, Transaction
from shared.paging import DEFAULT_LIMIT, MAX_LIMIT, BadCursor
from shared.problems import NotAllowed, NotSignedIn, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import OfSecretariat

router = strict_router("dead events")


@router.get(
    "/search/dead-events",
    summary="Events that search could not handle",
    responses=answers(NotSignedIn, NotAllowed, UnknownParameter, BadCursor),
)
async def list_search_dead_events(
    session: Reading,
    _: OfSecretariat,
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT, description="Most events on a page.")
    ] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> DeadEventList:
    """Events that could not be handled, the newest first."""
    return await find_dead_events(session, limit=limit, cursor=cursor)


@router.post(
    "/search/dead-events/{dead_event_id}/replay",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Try a set-aside event again",
    responses=answers(NotSignedIn, NotAllowed, NoSuchDeadEvent, UnknownParameter),
)
async def replay_search_dead_event(
    request: Request,
    dead_event_id: str,
    session: Transaction,
    _: OfSecretariat,
    afterwards: BackgroundTasks,
) -> DeadEventRead:
    """Try the event again. It takes effect only where nothing newer is known of its record."""
    dead_event = await request_replay(session, dead_event_id)
    # After the commit: the worker would not see the request before it.
    afterwards.add_task(request.app.state.nudge)
    return dead_event
