"""GET /similar/{partner_id}: who could work with whom."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from services.search.models import SimilarAnswer
from services.search.parameters import SimilarParameters
from services.search.reading import IndexNotReady
from services.search.searching import SearchFailed
from services.search.similar import find_similar
from shared.problems import NotFound, NotSignedIn, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import CallerOf

router = strict_router("search")


@router.get(
    "/similar/{partner_id}",
    summary="Find partners with topics in common",
    responses=answers(NotFound, UnknownParameter, NotSignedIn, IndexNotReady, SearchFailed),
)
async def find_similar_partners(
    request: Request,
    partner_id: UUID,
    caller: CallerOf,
    asked: Annotated[SimilarParameters, Query()],
) -> SimilarAnswer:
    """Partners that work on the same topics, at its own level and at others, with the reasons.

    A rare topic in common says more than a common one; sector, area and country add to it. Bodies
    that have ceased are left out.
    """
    return await find_similar(
        request.app.state.reading, str(partner_id), caller.audience, asked.limit
    )
