"""Events of notify's own: about a webhook, for its owner alone. They are not on the log."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.records import JsonObject
from shared.request_context import current_traceparent

SOURCE = "/notify"


def own_event(event_type: str, webhook_id: UUID, data: JsonObject, notify_url: str) -> JsonObject:
    """A new event of `event_type` about a webhook; `notify_url`: where its schema is found."""
    event = {
        "specversion": "1.0",
        "id": str(uuid7()),
        "source": SOURCE,
        "type": event_type,
        "subject": str(webhook_id),
        "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"{notify_url}/event-types/{event_type}/schema",
        "data": data,
    }
    if (traceparent := current_traceparent()) is not None:
        event["traceparent"] = traceparent
    return event
