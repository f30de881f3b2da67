"""GET /search, on a route that reads its parameters itself."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError

from services.search.models import SearchAnswer, SearchParameters
from services.search.question import make_question
from services.search.reading import IndexNotReady, IndexReader
from services.search.searching import SearchFailed, answer_question
from shared.paging import BadCursor
from shared.problems import InvalidValues, NotSignedIn, UnknownParameter, answers
from shared.serving import StrictRoute
from shared.tokens import CallerOf, find_caller


class _Lean(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def handle(request: Request) -> Response:
            try:
                asked = SearchParameters.model_validate(dict(request.query_params))
            except ValidationError as error:
                found = [{**one, "loc": ("query", *one["loc"])} for one in error.errors()]
                raise RequestValidationError(found) from error
            return await search_records(request, await find_caller(request), asked)

        return handle


class LeanRoute(StrictRoute, _Lean):
    """A route as strict and documented as any other that solves no dependencies when asked.

    FastAPI looks at the annotation of every parameter on every request, which took longer than
    the search itself (docs/decisions/search-in-the-event-loop.md).
    """


router = APIRouter(route_class=LeanRoute, tags=["search"])


@router.get(
    "/search",
    summary="Find partners and topics",
    response_model=SearchAnswer,
    responses=answers(
        BadCursor, UnknownParameter, InvalidValues, NotSignedIn, IndexNotReady, SearchFailed
    ),
)
async def search_records(
    request: Request, caller: CallerOf, asked: Annotated[SearchParameters, Query()]
) -> Response:
    """Find partners and topics by words, filters or both, with counts of their values.

    Exact names come first: the display name, then an acronym, then any other name or identifier.
    What is found, counted and shown is what the caller may see.
    """
    reading: IndexReader = request.app.state.reading
    question = make_question(
        q=asked.q,
        filters={
            "kind": asked.kind,
            "level": asked.level,
            "sector": asked.sector,
            "country": asked.country,
            "topic": asked.topic,
            "status": asked.status,
        },
        facets=asked.facets,
        sort=asked.sort,
        limit=asked.limit,
        cursor=asked.cursor,
        audience=caller.audience,
    )
    answer = await answer_question(reading, question)
    headers = {}
    if answer.next is not None:
        following = request.url.include_query_params(cursor=answer.next)
        headers["Link"] = f'<{following}>; rel="next"'
    return Response(answer.body, media_type="application/json", headers=headers)
