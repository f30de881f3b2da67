"""GET /search, and the values of its facets."""

import asyncio
from typing import Annotated

from fastapi import Path, Query, Request, Response

from services.search.facet_search import find_facet_values
from services.search.filters import FACETS
from services.search.models import FacetAnswer, SearchAnswer
from services.search.parameters import FacetParameters, SearchParameters
from services.search.question import audience_value, make_question
from services.search.reading import IndexNotReady
from services.search.routes.lean import lean_router
from services.search.searching import SearchFailed, answer_question
from shared.paging import BadCursor, next_link
from shared.problems import FieldError, InvalidValues, NotSignedIn, UnknownParameter, answers
from shared.tokens import CallerOf, require_account

router = lean_router("search")


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

    Exact names come first: display names, then the body that took over a name, acronyms, and any
    other name or identifier. What is found, counted and shown is what the caller may see.
    """
    if asked.explain:
        require_account(caller)
    state = request.app.state
    view, synonyms, hot = state.reading.view(), state.synonyms.table, state.hot_answers
    key = (request.scope["query_string"], audience_value(caller.audience))
    answer = hot.recall(key, view, synonyms)
    if answer is None:
        question = make_question(
            q=asked.q,
            filters=dict(request.query_params),
            facets=asked.facets,
            sort=asked.sort,
            limit=asked.limit,
            cursor=asked.cursor,
            audience=caller.audience,
            highlighting=asked.highlight,
            explained=asked.explain,
        )
        answer = await answer_question(view, question, synonyms)
        hot.keep(key, view, synonyms, answer)
    if asked.cursor is None and answer.has_text:
        # Once the answer is on its way.
        asyncio.get_running_loop().call_soon(state.insights.count, asked.q, answer.total)
    headers = {} if answer.next is None else {"Link": next_link(request, answer.next)}
    return Response(answer.body, media_type="application/json", headers=headers)


@router.get(
    "/search/facets/{facet}",
    summary="Look for values of a facet",
    response_model=FacetAnswer,
    responses=answers(UnknownParameter, InvalidValues, NotSignedIn, IndexNotReady, SearchFailed),
)
async def search_facet_values(
    request: Request,
    caller: CallerOf,
    asked: Annotated[FacetParameters, Query()],
    facet: Annotated[str, Path(description=f"One of {', '.join(FACETS)}.", examples=["country"])],
) -> Response:
    """The values of one facet that have the words of `contains`, with their counts and labels.

    They are counted as in GET /search: all filters apply, but for the facet's own.
    """
    if facet not in FACETS:
        told = f"must be one of {', '.join(FACETS)}"
        raise InvalidValues(
            f"There is no facet {facet[:50]!r}: it {told}.",
            errors=[FieldError(pointer="/path/facet", detail=told)],
        )
    state = request.app.state
    question = make_question(
        q=asked.q,
        filters=dict(request.query_params),
        facets=facet,
        limit=1,
        audience=caller.audience,
    )
    body = await find_facet_values(
        state.reading, question, state.synonyms.table, facet, asked.contains, asked.limit
    )
    return Response(body, media_type="application/json")
