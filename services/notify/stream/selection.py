"""What a reader of the live stream asks for, and what is done once for all who ask for the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.notify.stream.events import LoggedEvent, RecentEvents
from services.notify.topics import Filters, TopicTree
from shared.events import EVENT_TYPES, event_pattern_matches
from shared.vocabulary import Visibility

_PIECE_BYTES = 32_768
"""After so many a piece is sent, so that a reader that takes nothing holds up no more memory."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events, and as which audience."""

    audience: Visibility
    event_types: frozenset[str]
    filters: tuple[tuple[str, tuple[str, ...]], ...]


def select(audience: Visibility, patterns: Sequence[str], filters: Filters) -> Selection:
    """The selection of what `patterns` and `filters` let pass; no patterns stand for all types."""
    return Selection(
        audience=audience,
        event_types=frozenset(
            event_type
            for event_type in EVENT_TYPES
            if not patterns or any(event_pattern_matches(one, event_type) for one in patterns)
        ),
        filters=tuple(sorted((name, tuple(sorted(some))) for name, some in filters.items())),
    )


@dataclass(frozen=True, slots=True)
class Piece:
    """What is sent at once."""

    messages: bytes
    events: int
    cursor: int
    """Sequence up to which everything was looked at, whether it is in the piece or not."""


class Selector:
    """Chooses and writes for all readers of one selection.

    Those that have come equally far, as nearly all have, are sent the very same bytes.
    """

    def __init__(self, selection: Selection, tree: TopicTree) -> None:
        self.selection = selection
        self.readers = 0
        self._filters: Filters = {}
        self._last: tuple[int, int, Piece] | None = None
        self.learn(tree)

    def learn(self, tree: TopicTree) -> None:
        """Let `tree` say from now on which topics are narrower than those asked for."""
        self._filters = tree.with_narrower(dict(self.selection.filters))
        self._last = None

    def concerns(self, events: Sequence[LoggedEvent]) -> bool:
        """Whether any of `events` is told to its readers."""
        return any(self._message_of(event) is not None for event in events)

    def next_piece(self, recent: RecentEvents, cursor: int) -> Piece:
        """What follows on `cursor`, which must not lie below the floor of `recent`."""
        end = recent.sequence
        if cursor >= end:
            return Piece(b"", 0, cursor)
        if self._last is not None and self._last[:2] == (cursor, end):
            return self._last[2]
        piece = self.piece_of(recent.after(cursor), cursor, end)
        if self.readers > 1:
            self._last = (cursor, end, piece)
        return piece

    def piece_of(self, events: Sequence[LoggedEvent], cursor: int, end: int) -> Piece:
        """As many of `events` as go into a piece, which comes to `end` if all of them do."""
        messages: list[bytes] = []
        size = 0
        for event in events:
            if size >= _PIECE_BYTES:
                return Piece(b"".join(messages), len(messages), cursor)
            cursor = event.sequence
            if (message := self._message_of(event)) is not None:
                messages.append(message)
                size += len(message)
        return Piece(b"".join(messages), len(messages), end)

    def _message_of(self, event: LoggedEvent) -> bytes | None:
        if event.type not in self.selection.event_types:
            return None
        return event.message_for(self.selection.audience, self._filters)
