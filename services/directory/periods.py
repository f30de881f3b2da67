"""How long things hold until the passing of time alone changes what a record shows."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

REVIEW_NOTICE = "review_notice_days"
CONTACT_VERIFICATION = "contact_verification_days"
CONFIRMATION = "confirmation_days"


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods by which records are rendered."""

    notice: timedelta
    """How long before its day a review is due."""
    verified: timedelta
    """How long a contact point that was shown to work counts as one that does."""
    pending: timedelta
    """How long a contact point has time to confirm itself."""


def periods_of(session: AsyncSession) -> Periods:
    """The periods that the settings say."""
    days = session.info
    return Periods(
        notice=timedelta(days=days[REVIEW_NOTICE]),
        verified=timedelta(days=days[CONTACT_VERIFICATION]),
        pending=timedelta(days=days[CONFIRMATION]),
    )
