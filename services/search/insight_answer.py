"""What the secretariat is told of what people look for."""

from datetime import date

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from services.search.insights import first_day, today
from services.search.search_counts import QuestionCount, most_searched, total_of_period


class QuestionRead(BaseModel):
    """A question, and how often it was searched."""

    question: str = Field(
        description="Its words, without case, accents and marks; the first 100 characters."
    )
    searches: int = Field(description="How often it was searched in the period.")
    without_results: int = Field(description="How often of these nothing was found.")


class InsightsRead(BaseModel):
    """What people looked for in a period."""

    first_day: date = Field(
        serialization_alias="from", description="Its first day (UTC), included."
    )
    last_day: date = Field(serialization_alias="to", description="Its last day, included: today.")
    searches: int = Field(
        description="All searches with words, those of questions that are not shown included."
    )
    without_results: int = Field(description="How many of them found nothing.")
    top: list[QuestionRead] = Field(description="Questions, the most searched first.")
    unanswered: list[QuestionRead] = Field(
        description="Questions that found nothing, those that did so most often first."
    )


async def find_insights(
    session: AsyncSession, *, days: int, least: int, limit: int
) -> InsightsRead:
    """What was looked for in the last `days` days, by at least `least` searches a question."""
    first, last = first_day(days), today()
    total = await total_of_period(session, first, last)
    top = await most_searched(session, first, last, least=least, limit=limit)
    unanswered = await most_searched(session, first, last, least=least, limit=limit, in_vain=True)
    return InsightsRead(
        first_day=first,
        last_day=last,
        searches=total.searches,
        without_results=total.without_results,
        top=[_read(one) for one in top],
        unanswered=[_read(one) for one in unanswered],
    )


def _read(one: QuestionCount) -> QuestionRead:
    return QuestionRead(
        question=one.question,
        searches=one.tally.searches,
        without_results=one.tally.without_results,
    )
