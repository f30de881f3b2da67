"""Types of events over HTTP: what one can subscribe to, and what arrives then."""

from typing import Any

from services.notify.event_types import EventTypeNotFound, list_event_types, read_schema
from services.notify.readings import EventTypePage
from shared.event_documents import asyncapi_document
from shared.problems import answers
from shared.serving import strict_router

router = strict_router("events")


@router.get("/event-types", summary="List the types of events")
async def list_all_event_types() -> EventTypePage:
    """What webhooks can be told of, with the JSON Schema of what they receive."""
    return EventTypePage(items=list_event_types(), next=None)


@router.get("/asyncapi.json", summary="AsyncAPI document of all events")
async def read_asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0, made from the same classes that the events are."""
    return asyncapi_document()


@router.get(
    "/event-types/{event_type}/schema",
    summary="JSON Schema of a type of event",
    responses=answers(EventTypeNotFound),
)
async def read_an_event_type_schema(event_type: str) -> dict[str, Any]:
    """The `dataschema` of test events leads here."""
    return read_schema(event_type)
