"""What an answer means: delivered, to be tried again (when?), or given up (why?)."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

_GONE = 410
# They say 'too much for me', so the next attempt keeps a longer distance.
_OVERLOADED = frozenset({429, 503})


class Answer(NamedTuple):
    """What came of one request: a status, or the error that kept one from coming."""

    status_code: int | None = None
    error: str | None = None
    timed_out: bool = False
    unsent: bool = False
    """Whether no request was made at all, which says nothing about the endpoint."""
    retry_after: str | None = None
    body: str | None = None

    @property
    def is_overload(self) -> bool:
        """Whether it was too much for the endpoint: 429, 503, or no answer in time."""
        return self.timed_out or self.status_code in _OVERLOADED

    @property
    def is_success(self) -> bool:
        """Whether the endpoint took what it was sent: 2xx, and nothing wrong with the answer."""
        status = self.status_code
        return self.error is None and status is not None and 200 <= status < 300


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint took the event."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The attempt failed; another one follows."""

    reason: str
    after_seconds: float


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The attempt failed and was the last; `endpoint_gone` if the endpoint wants none any more."""

    reason: str
    endpoint_gone: bool = False


Outcome = Delivered | TryAgain | GaveUp


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """When to try again; every number is a setting."""

    waits_seconds: tuple[float, ...]
    jitter: float
    overload_seconds: float

    def outcome_of(self, answer: Answer, number: int, now: datetime) -> Outcome:
        """What attempt `number`, counted from 1, came to."""
        status = answer.status_code
        if answer.is_success:
            return Delivered()
        reason = answer.error or _reason_of(status)
        if status == _GONE:
            return GaveUp("the endpoint answered 410 Gone", endpoint_gone=True)
        if number >= len(self.waits_seconds):
            return GaveUp(f"{reason}; no attempt is left")
        return TryAgain(reason, self._wait_seconds(answer, number, now))

    def _wait_seconds(self, answer: Answer, number: int, now: datetime) -> float:
        step = self.waits_seconds[number]
        if answer.is_overload:
            step = max(step, self.overload_seconds)
        asked = retry_after_seconds(answer.retry_after, now)
        if asked is not None:
            return min(max(asked, step), 2 * step)
        # Not cryptography: it only keeps many retries from falling on one moment.
        wait = step * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311
        if answer.is_overload:
            return max(wait, self.overload_seconds)
        return wait


def _reason_of(status: int | None) -> str:
    if status is not None and 300 <= status < 400:
        return f"the endpoint answered {status}; redirects are not followed"
    return f"the endpoint answered {status}"


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """What a Retry-After header asks for, in seconds from `now`; None if it asks nothing."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value) if len(value) < 10 else None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
