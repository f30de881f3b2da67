"""The types of events, told from their classes, so that the telling cannot drift."""

import inspect
from typing import Any

from services.notify.readings import EventTypeRead
from shared.events import EVENT_TYPES, event_class_of, json_schema_of
from shared.problems import NotFound


class EventTypeNotFound(NotFound):
    """There is no such type of event."""

    title, kind = "No such type of event", "event-type-not-found"


def list_event_types() -> list[EventTypeRead]:
    """Every type of event."""
    return [
        EventTypeRead(
            type=event_type,
            description=inspect.getdoc(event_class_of(event_type)) or "",
            json_schema=json_schema_of(event_type),
        )
        for event_type in EVENT_TYPES
    ]


def read_schema(event_type: str) -> dict[str, Any]:
    """The JSON Schema of `event_type`.

    Raises:
        EventTypeNotFound: there is no such type.
    """
    if event_type not in EVENT_TYPES:
        raise EventTypeNotFound(f"The types are {', '.join(EVENT_TYPES)}.")
    return json_schema_of(event_type)
