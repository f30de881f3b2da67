"""GET /suggest: names that go on as what was typed so far."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.search.models import SuggestAnswer
from services.search.parameters import SuggestParameters
from services.search.question import make_question
from services.search.reading import IndexNotReady
from services.search.routes.lean import lean_router
from services.search.searching import SearchFailed
from services.search.suggesting import suggest
from shared.problems import InvalidValues, NotSignedIn, UnknownParameter, answers
from shared.tokens import CallerOf

router = lean_router("search")


@router.get(
    "/suggest",
    summary="Complete what is being typed",
    response_model=SuggestAnswer,
    responses=answers(UnknownParameter, InvalidValues, NotSignedIn, IndexNotReady, SearchFailed),
)
async def suggest_names(
    request: Request, caller: CallerOf, asked: Annotated[SuggestParameters, Query()]
) -> Response:
    """Names, acronyms and topics that have the words typed so far, the last one as a beginning.

    Those that begin with what was typed come first. Where nothing does, typing errors are looked
    past.
    """
    question = make_question(
        q=asked.q, filters={"kind": asked.kind}, limit=asked.limit, audience=caller.audience
    )
    body = suggest(request.app.state.reading, question)
    return Response(body, media_type="application/json")
