"""Verification by the passing of time: what was once found out does not hold for ever.

What is kept of a contact point is what was found out, and when; that it has expired is derived.
"""

from datetime import datetime

from services.directory.periods import Periods
from shared.records import JsonObject
from shared.vocabulary import VerificationStatus


def verification_ends(verification: JsonObject, periods: Periods) -> datetime | None:
    """When what is kept of a verification will have expired; None where it never will.

    A request that nobody answers expires as well: nobody was reached by it, so somebody is to look.
    """
    lasting = {
        VerificationStatus.verified.value: periods.verified,
        VerificationStatus.pending.value: periods.pending,
    }.get(verification["status"])
    return None if lasting is None else datetime.fromisoformat(verification["at"]) + lasting


def shown_point(point: JsonObject, now: datetime, periods: Periods) -> JsonObject:
    """The contact point as a record shows it at `now`; `point` is as it is kept."""
    ends = verification_ends(point["verification"], periods)
    if ends is None or now < ends:
        return point
    expired = {**point["verification"], "status": VerificationStatus.expired.value}
    return {**point, "verification": expired}
