"""What people look for, as counts, for the secretariat."""

from typing import Annotated

from fastapi import Query, Request

from services.search.insight_answer import InsightsRead, find_insights
from services.search.settings import Settings
from shared.databases import Reading
from shared.paging import DEFAULT_LIMIT, MAX_LIMIT
from shared.problems import (
    FieldError,
    InvalidValues,
    NotAllowed,
    NotSignedIn,
    UnknownParameter,
    answers,
)
from shared.serving import strict_router
from shared.tokens import OfSecretariat

router = strict_router("insights")
_USUAL_DAYS = 30


@router.get(
    "/search/insights",
    summary="What people look for",
    responses=answers(NotSignedIn, NotAllowed, UnknownParameter),
)
async def read_search_insights(
    request: Request,
    session: Reading,
    _: OfSecretariat,
    days: Annotated[
        int | None,
        Query(
            ge=1,
            le=3_650,
            description="Length of the period, today included: 30 days unless said. At most "
            "INSIGHTS_DAYS of them are kept.",
        ),
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT, description="Most questions in each list.")
    ] = DEFAULT_LIMIT,
) -> InsightsRead:
    """What was searched for most, and what was searched for in vain: counts by day, of nobody.

    A question is shown from INSIGHTS_LEAST searches in the period on. One that holds an e-mail
    address or a telephone number is counted without its words. New counts come in within seconds.
    """
    settings: Settings = request.app.state.settings
    kept = settings.insights_days
    if days is not None and days > kept:
        raise InvalidValues(
            f"Search counts are kept for {kept} days (INSIGHTS_DAYS); ask for up to so many.",
            errors=[FieldError(pointer="/query/days", detail=f"must be at most {kept}")],
        )
    return await find_insights(
        session,
        days=min(_USUAL_DAYS, kept) if days is None else days,
        least=settings.insights_least,
        limit=limit,
    )
