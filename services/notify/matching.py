"""Whether a webhook wants an event: its patterns, its filters and its audience decide together."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from services.notify.models import Ordering, WebhookState
from services.notify.topics import Filters
from shared.audience import cut_event
from shared.events import event_pattern_matches
from shared.records import JsonObject
from shared.vocabulary import Visibility


@dataclass(frozen=True, slots=True)
class Interest:
    """What a webhook asked for."""

    webhook_id: UUID
    audience: Visibility
    event_types: list[str]
    filters: Filters
    state: WebhookState = WebhookState.active
    ordering: Ordering = Ordering.ordered


class EventViews:
    """One event as the different audiences see it, each cut only once."""

    def __init__(self, event: JsonObject) -> None:
        self.event = event
        self._views: dict[Visibility, JsonObject | None] = {}

    def of(self, audience: Visibility) -> JsonObject | None:
        """The event as `audience` sees it, or None where it sees nothing."""
        if audience not in self._views:
            self._views[audience] = cut_event(self.event, audience)
        return self._views[audience]


def wants(interest: Interest, views: EventViews) -> bool:
    """Whether the event is owed to the webhook of `interest`."""
    event_type = views.event["type"]
    if not any(event_pattern_matches(pattern, event_type) for pattern in interest.event_types):
        return False
    seen = views.of(interest.audience)
    return seen is not None and passes(interest.filters, seen)


def passes(filters: Filters, seen: JsonObject) -> bool:
    """Whether what its reader sees of the event passes all filters; any value of a list will do.

    A record that has gone out of sight can be judged by its id alone. It passes the other filters:
    a subscriber that never had it loses nothing by being told to forget it.
    """
    record = seen["data"].get("record")
    if (record_ids := filters.get("record_ids")) and not _is_one_of(record_ids, seen, record):
        return False
    if record is None:
        return True
    return all(
        not asked or bool(_values_of(record, name).intersection(asked))
        for name, asked in filters.items()
        if name != "record_ids"
    )


def _is_one_of(record_ids: Collection[str], seen: JsonObject, record: JsonObject | None) -> bool:
    """Whether the event is about one of these records, or about what took the place of one."""
    former = record.get("former_ids", ()) if record is not None else ()
    return seen["subject"] in record_ids or any(one in record_ids for one in former)


def _values_of(record: JsonObject, name: str) -> set[str]:
    if name == "sector":
        return set(record.get("sectors", ()))
    if name == "topic":
        own = {record["notation"], record["id"]} if "notation" in record else set()
        return own.union(
            value
            for topic in record.get("topics", ())
            for value in (topic["topic_id"], topic["notation"])
        )
    value = record.get(name)
    return set() if value is None else {value}
