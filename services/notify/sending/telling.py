"""Attempts told to ops: counted, timed, and one wide log line each."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import prometheus_client

from services.notify.retries import Delivered
from services.notify.sending.attempted import Attempted, outcome_name
from shared.logs import log_each

ATTEMPTS = prometheus_client.Counter(
    "webhook_attempts_total", "Attempts at deliveries by what they came to.", ["outcome"]
)
SECONDS = prometheus_client.Histogram("webhook_attempt_seconds", "Time an endpoint took.")


def tell_attempts(attempted: Sequence[Attempted]) -> None:
    """Tell what the attempts came to, once that is written down."""
    names = [outcome_name(one.outcome) for one in attempted]
    for name, count in Counter(names).items():
        ATTEMPTS.labels(name).inc(count)
    for one in attempted:
        SECONDS.observe(one.milliseconds / 1000)
    log_each("delivery.attempted", map(_line_of, attempted, names))


def _line_of(one: Attempted, outcome: str) -> dict[str, Any]:
    delivery = one.delivery
    return {
        "delivery": delivery.id,
        "webhook": delivery.endpoint.id,
        "event_id": delivery.event_id,
        "type": delivery.message.event_type,
        "subject": delivery.subject,
        "sequence": delivery.sequence,
        "number": delivery.number,
        "outcome": outcome,
        "reason": None if isinstance(one.outcome, Delivered) else one.outcome.reason,
        "status": one.answer.status_code,
        "milliseconds": one.milliseconds,
    }
