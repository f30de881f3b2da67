"""The index itself: how it is doing, and building it anew."""

from fastapi import Request, status

from services.search.models import IndexRead, RebuildAccepted
from services.search.reading import IndexNotReady
from services.search.searching import SearchFailed
from services.search.state import describe_index
from shared.problems import NotAllowed, NotSignedIn, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import CallerOf, OfSecretariat

router = strict_router("index")


@router.get(
    "/index",
    summary="How the search index is doing",
    responses=answers(NotSignedIn, UnknownParameter, IndexNotReady, SearchFailed),
)
async def read_index(request: Request, caller: CallerOf) -> IndexRead:
    """How the search index is doing: its documents, position on the log, lag and size."""
    state = request.app.state
    return await describe_index(
        state.reading, state.home, state.redis, state.directory, caller.audience
    )


@router.post(
    "/index/rebuild",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Build the search index anew",
    responses=answers(NotSignedIn, NotAllowed, UnknownParameter),
)
async def rebuild_index(request: Request, _: OfSecretariat) -> RebuildAccepted:
    """Build the index anew from the directory, beside the live one, which serves meanwhile.

    It takes the live one's place when it has caught up; GET /index then names another folder.
    """
    state = request.app.state
    state.home.request_rebuild()
    state.nudge()
    live = state.home.live()
    return RebuildAccepted(folder=live.name if live else None)
