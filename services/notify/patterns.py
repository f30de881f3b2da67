"""Patterns of event types, as webhooks and streams ask for them."""

from collections.abc import Sequence

from shared.events import EVENT_TYPES
from shared.problems import FieldError, InvalidValues


class UnknownEventPattern(InvalidValues):
    """A pattern names no type of event that there is."""

    title, kind = "There is no such type of event", "unknown-event-type"


def check_patterns(patterns: Sequence[str]) -> None:
    """Let `patterns` pass if each of them can match an event.

    Raises:
        UnknownEventPattern: one of them never can.
    """
    nouns = {event_type.partition(".")[0] + ".*" for event_type in EVENT_TYPES}
    unknown = [
        (place, pattern)
        for place, pattern in enumerate(patterns)
        if pattern != "*" and pattern not in nouns and pattern not in EVENT_TYPES
    ]
    if unknown:
        choice = ", ".join(["*", *sorted(nouns), *EVENT_TYPES])
        raise UnknownEventPattern(
            f"{', '.join(repr(pattern) for _, pattern in unknown)}: no event has such a type. "
            f"Choose from: {choice}.",
            errors=[
                FieldError(pointer=f"/event_types/{place}", detail="unknown")
                for place, _ in unknown
            ],
        )
