"""Events as the live stream tells them: cut and written once, however many readers there are."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from typing import Any

import orjson
import structlog

from services.notify.matching import EventViews, passes
from services.notify.topics import Filters
from shared.erasing import with_contact_points_forgotten
from shared.records import JsonObject
from shared.vocabulary import Visibility

_log = structlog.get_logger()


def written(sequence: int, event: str, content: Any) -> bytes:
    """One message of the stream."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (sequence, event.encode(), orjson.dumps(content))


def written_position(sequence: int, comment: str) -> bytes:
    """What moves the position a reader resumes from, and is no message to it."""
    return b": %b\nid: %d\n\n" % (comment.encode(), sequence)


class LoggedEvent:
    """An event of the log; what each audience is told of it is made when the first one asks."""

    __slots__ = ("_messages", "_views", "sequence", "size", "type")

    def __init__(self, event: JsonObject) -> None:
        self.sequence = int(event["sequence"])
        self.type = str(event["type"])
        self.size = len(orjson.dumps(event))
        self._views = EventViews(event)
        self._messages: dict[Visibility, bytes] = {}

    def without(self, subject: str, contact_point_ids: Collection[str]) -> "LoggedEvent":
        """The event without these contact points, if it is about `subject`."""
        event = self._views.event
        if event["subject"] != subject:
            return self
        return LoggedEvent(with_contact_points_forgotten(event, contact_point_ids))

    def message_for(self, audience: Visibility, filters: Filters) -> bytes | None:
        """What `audience` is told of it, or None where there is nothing to tell or to pass."""
        try:
            seen = self._views.of(audience)
            if seen is None or not passes(filters, seen):
                return None
            if audience not in self._messages:
                self._messages[audience] = written(self.sequence, self.type, seen)
            return self._messages[audience]
        except Exception as error:
            # Nobody is shown what cannot be cut, and the events behind it go on.
            _log.error("stream.event_left_out", sequence=self.sequence, error=repr(error))
            return None


class RecentEvents:
    """The end of the log, kept in memory for all readers together, as far back as it may reach."""

    def __init__(self, most_events: int, most_bytes: int) -> None:
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._events: list[LoggedEvent] = []
        self._bytes = 0
        self.sequence = 0
        """How far the log was read."""
        self.floor = 0
        """Sequence of the last event that is not kept any more."""

    def begin(self, sequence: int) -> None:
        """Forget everything and go on from `sequence`."""
        self._events, self._bytes = [], 0
        self.sequence = self.floor = sequence

    def add(self, events: Sequence[LoggedEvent], sequence: int) -> None:
        """Take `events` in, which lead to `sequence`; the oldest make room for them."""
        self._events += events
        self._bytes += sum(event.size for event in events)
        self.sequence = sequence
        leaving = 0
        while leaving < len(self._events) and (
            len(self._events) - leaving > self._most_events or self._bytes > self._most_bytes
        ):
            self._bytes -= self._events[leaving].size
            self.floor = self._events[leaving].sequence
            leaving += 1
        del self._events[:leaving]

    def forget(self, subject: str, contact_point_ids: Collection[str]) -> None:
        """Keep the events about `subject` without these contact points."""
        self._events = [event.without(subject, contact_point_ids) for event in self._events]
        self._bytes = sum(event.size for event in self._events)

    def after(self, sequence: int) -> Sequence[LoggedEvent]:
        """The events after `sequence`, which must not lie below the floor."""
        return self._events[bisect_right(self._events, sequence, key=lambda one: one.sequence) :]
