"""One attempt at a delivery, as it came out."""

from datetime import datetime
from typing import NamedTuple

from services.notify.retries import Answer, Delivered, GaveUp, Outcome, TryAgain
from services.notify.sending.leasing import LeasedDelivery


class Attempted(NamedTuple):
    """One attempt that was made, and what it came to."""

    delivery: LeasedDelivery
    at: datetime
    milliseconds: float
    answer: Answer
    outcome: Outcome


def outcome_name(outcome: Outcome) -> str:
    """The outcome as it is stored, logged and counted."""
    match outcome:
        case Delivered():
            return "delivered"
        case TryAgain():
            return "try_again"
        case GaveUp():
            return "gave_up"
