"""The event log over HTTP, and the schemas of what is on it."""

from typing import Annotated, Any

import orjson
from fastapi import Query, Response
from pydantic import BaseModel, Field

from services.directory.outbox import read_changes
from shared.databases import Reading
from shared.events import EVENT_TYPES, INNER_EVENT_TYPES, RecordEvent, json_schema_of
from shared.problems import NotFound, NotSignedIn, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import CallerOf

router = strict_router("events")


class Changes(BaseModel):
    """A part of the event log, as the caller may see it."""

    items: list[RecordEvent] = Field(description="CloudEvents, in the order of the log.")
    next_after: int = Field(description="Ask for what comes after this next time.")
    log_id: str = Field(description="Identity of the log; when it changes, begin from an export.")
    head: int = Field(description="Sequence of the newest event on the log.")


@router.get(
    "/changes",
    summary="What has happened since",
    response_model=Changes,
    responses=answers(NotSignedIn, UnknownParameter),
)
async def read_some_changes(
    session: Reading,
    caller: CallerOf,
    after: Annotated[
        int, Query(ge=0, le=2**53, description="The last sequence you have; 0 for all.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Events looked at a page.")] = 200,
) -> Response:
    """Events that say nothing to you are left out; `next_after` moves on all the same.

    This network's own services are given the inner events as well.
    When `next_after` equals `head` you are up to date.
    """
    page = await read_changes(session, caller, after, limit)
    tail = {"next_after": page.next_after, "log_id": str(page.log_id), "head": page.head}
    body = b'{"items":[' + b",".join(page.items) + b"]," + orjson.dumps(tail)[1:]
    return Response(body, media_type="application/json")


@router.get(
    "/event-schemas/{event_type}",
    summary="JSON Schema of an event",
    responses=answers(NotFound),
)
async def read_event_schema(event_type: str) -> dict[str, Any]:
    """What `dataschema` of an event leads to."""
    if event_type not in (*EVENT_TYPES, *INNER_EVENT_TYPES):
        raise NotFound(f"There is no event {event_type!r}. There are: {', '.join(EVENT_TYPES)}.")
    return json_schema_of(event_type)
