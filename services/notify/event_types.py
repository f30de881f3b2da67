"""The types of events, told from their classes, so that the telling cannot drift."""

import inspect
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from services.notify.readings import EventTypeRead
from shared.events import EVENT_TYPES, event_class_of, json_schema_of
from shared.problems import NotFound

_EXAMPLES = Path(__file__).parent / "examples"


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
            example=example_of(event_type),
        )
        for event_type in EVENT_TYPES
    ]


@cache
def example_of(event_type: str) -> dict[str, Any]:
    """An event of `event_type` that was once received."""
    found: dict[str, Any] = orjson.loads((_EXAMPLES / f"{event_type}.json").read_bytes())
    return found


def read_schema(event_type: str) -> dict[str, Any]:
    """The JSON Schema of `event_type`.

    Raises:
        EventTypeNotFound: there is no such type.
    """
    if event_type not in EVENT_TYPES:
        raise EventTypeNotFound(f"The types are {', '.join(EVENT_TYPES)}.")
    return json_schema_of(event_type)
