"""The bodies of messages: an event cut to an audience, made once for all who are sent it."""

from collections import OrderedDict
from collections.abc import Set
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import EVENTS
from services.notify.webhooks.signing import body_for
from shared.databases import is_one_of
from shared.vocabulary import Visibility

_MOST_BYTES = 16 * 1024 * 1024
# What Python takes for an entry besides.
_EACH = 500

Wanted = tuple[UUID, Visibility]
"""An event, and the audience that is to be told."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one audience is told of an event."""

    event_type: str
    body: bytes | None
    """None where the event has nothing to tell that audience."""


class MessageBook:
    """Makes messages, and remembers those that were made last: an event often goes to many."""

    def __init__(self) -> None:
        self._remembered: OrderedDict[Wanted, Message] = OrderedDict()
        self._bytes = 0
        self._erasures = 0

    async def read(
        self, session: AsyncSession, wanted: Set[Wanted], erasures: int
    ) -> dict[Wanted, Message]:
        """The messages that are `wanted`; `erasures`: how often events were rewritten until now."""
        if erasures != self._erasures:
            self._remembered.clear()
            self._bytes, self._erasures = 0, erasures
        found = {one: self._remembered[one] for one in wanted if one in self._remembered}
        missing = [one for one in wanted if one not in found]
        if not missing:
            return found
        columns = EVENTS.c
        rows = await session.execute(
            select(columns.id, columns.type, columns.envelope).where(
                is_one_of(session, columns.id, {event_id for event_id, _ in missing})
            )
        )
        events = {row.id: row for row in rows}
        for event_id, audience in missing:
            row = events[event_id]
            message = Message(row.type, body_for(row.envelope, audience))
            found[event_id, audience] = message
            self._keep((event_id, audience), message)
        return found

    def _keep(self, one: Wanted, message: Message) -> None:
        self._remembered[one] = message
        self._bytes += _size_of(message)
        while self._bytes > _MOST_BYTES:
            _, oldest = self._remembered.popitem(last=False)
            self._bytes -= _size_of(oldest)


def _size_of(message: Message) -> int:
    return len(message.body or b"") + _EACH
