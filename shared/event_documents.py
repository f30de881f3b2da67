"""Documents about the events, made from the event classes so that they cannot drift from them."""

import inspect
from typing import Any

from fastapi import APIRouter

from shared.events import EVENT_CLASSES, EVENT_TYPES, Envelope, json_schema_of
from shared.log_follower import STREAM


def description_of(event_class: type[Envelope]) -> str:
    """What the event means: the docstring of its class."""
    return inspect.cleandoc(event_class.__doc__ or "")


def _message(event_type: str, event_class: type[Envelope]) -> dict[str, Any]:
    return {
        "name": event_type,
        "title": event_class.__name__,
        "summary": description_of(event_class),
        "contentType": "application/cloudevents+json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": json_schema_of(event_type),
        },
    }


def _channel(address: str | None, title: str, description: str) -> dict[str, Any]:
    return {
        "address": address,
        "title": title,
        "description": description,
        "messages": {
            event_type: {"$ref": f"#/components/messages/{event_type}"}
            for event_type in EVENT_TYPES
        },
    }


def asyncapi_document() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of everything that is announced."""
    channels = {
        "log": _channel(
            STREAM,
            "The log on Redis",
            "One entry an event: fields `event` (this JSON) and `log_id`; entry id "
            "`<sequence>-0`. For the network's own services; partner systems read `GET /changes`.",
        ),
        "webhook": _channel(
            None,
            "Webhooks",
            "One POST an event to the URL of each endpoint that asked for its type, with the "
            "headers of Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature.",
        ),
        "stream": _channel(
            "/stream",
            "The live stream",
            "Server-Sent Events of `GET /stream` at notify: `id` is the sequence, `event` the "
            "type, `data` this JSON. Only what is on the log comes here, nothing of webhooks.",
        ),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of the partner directory",
            "version": "0.1.0",
            "description": "CloudEvents 1.0 in structured JSON. Every event carries the whole "
            "record as its reader may see it.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": {
            f"send_{name}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}
            for name in channels
        },
        "components": {
            "messages": {
                event_type: _message(event_type, event_class)
                for event_type, event_class in zip(EVENT_TYPES, EVENT_CLASSES, strict=True)
            }
        },
    }


def describe_webhooks(webhooks: APIRouter) -> None:
    """Add every event to `webhooks`, the section of that name in an OpenAPI document."""
    for event_type, event_class in zip(EVENT_TYPES, EVENT_CLASSES, strict=True):

        async def receive(event: Any) -> None:
            """Answer with any 2xx within the timeout; everything else is tried again."""

        receive.__annotations__["event"] = event_class
        webhooks.post(
            event_type,
            operation_id=f"receive_{event_type.replace('.', '_')}",
            summary=description_of(event_class),
            responses={"2XX": {"description": "Received."}},
            status_code=204,
        )(receive)
