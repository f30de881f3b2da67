"""The live stream of this process: its readers, how many there may be, and what ends them."""

import time
from collections import Counter as Tally
from collections.abc import Sequence
from uuid import UUID

from prometheus_client import Counter, Gauge

from services.notify.stream.begin import ANOTHER_LOG
from services.notify.stream.events import LoggedEvent
from services.notify.stream.log import StreamLog
from services.notify.stream.reader import Ending, Reader
from services.notify.stream.selection import Selection, Selector
from services.notify.stream.settings import StreamSettings
from shared.log_follower import Position
from shared.problems import Problem

READERS = Gauge("stream_readers", "Streams that are open.")
SENT = Counter("stream_events_sent_total", "Events sent, counted for each reader.")
ENDED = Counter("stream_ended_total", "Streams that ended, by why.", ["why"])
_RETRY_AFTER = {"Retry-After": "10"}


class TooManyReaders(Problem):
    """As many streams are open as the process may have."""

    status, title, kind = 503, "Too many streams are open", "too-many-readers"


class TooManyStreams(Problem):
    """The account, or the address that has not signed in, has as many streams as it may have."""

    status, title, kind = 429, "You have too many streams open", "too-many-streams"


class LiveStream:
    """All readers. They are woken together, and only those whom something concerns."""

    def __init__(self, settings: StreamSettings, log: StreamLog, most: int) -> None:
        """`most`: readers at a time."""
        self.log = log
        self._settings = settings
        self._most = most
        self._readers: dict[Reader, str] = {}
        self._selectors: dict[Selection, Selector] = {}
        self._of_caller: Tally[str] = Tally()
        self._beat_at = time.monotonic() + settings.stream_heartbeat_seconds
        log.listen(self)

    def check_room(self, caller: str) -> None:
        """Let another stream of `caller` be opened.

        Raises:
            TooManyReaders, TooManyStreams: there are enough.
        """
        if len(self._readers) >= self._most:
            raise TooManyReaders(
                f"{self._most} streams are open, and more this process does not serve. Try again "
                "later, or follow GET /changes at the directory.",
                headers=_RETRY_AFTER,
            )
        most = self._settings.stream_readers_per_caller
        if self._of_caller[caller] >= most:
            raise TooManyStreams(
                f"You have {most} streams open already. Close one, or let one stream do the work "
                "of several: its filters take lists.",
                headers=_RETRY_AFTER,
            )

    def join(self, selection: Selection, begin: Position, caller: str) -> Reader:
        """A new reader, which is sent what follows on `begin`."""
        selector = self._selectors.get(selection)
        if selector is None:
            selector = self._selectors[selection] = Selector(selection, self.log.tree)
        reader = Reader(selector, self.log.recent, self.log.pages, begin)
        end = self.log.end
        if end is not None and end.log_id != begin.log_id:
            # It began while the reader was let in.
            reader.reset(end, ANOTHER_LOG)
        selector.readers += 1
        self._readers[reader] = caller
        self._of_caller[caller] += 1
        READERS.inc()
        return reader

    def leave(self, reader: Reader) -> None:
        """Forget a reader."""
        caller = self._readers.pop(reader)
        self._of_caller[caller] -= 1
        if not self._of_caller[caller]:
            del self._of_caller[caller]
        reader.selector.readers -= 1
        if not reader.selector.readers:
            del self._selectors[reader.selector.selection]
        READERS.dec()
        ENDED.labels(str(reader.ending)).inc()

    def began(self) -> None:
        """Another log is followed: nobody's place is in it."""
        end = self.log.end
        for selector in self._selectors.values():
            selector.learn(self.log.tree)
        for reader in self._readers:
            if end is not None:
                reader.reset(end, ANOTHER_LOG)

    def heard(self, events: Sequence[LoggedEvent], before: int) -> None:
        """Wake those whom one of `events` concerns."""
        after = self.log.recent.sequence
        concerned = {selector for selector in self._selectors.values() if selector.concerns(events)}
        for reader in self._readers:
            if reader.selector in concerned:
                reader.wake()
            else:
                reader.pass_over(before, after)

    def topics_changed(self) -> None:
        """Let filters by topic mean what they mean now."""
        for selector in self._selectors.values():
            selector.learn(self.log.tree)

    def account_changed(self, account_id: UUID) -> None:
        """End the account's streams, unless it sees by them what it may see."""
        for reader, caller in self._readers.items():
            if caller == str(account_id):
                seen = reader.selector.selection.audience
                if self.log.accounts.audience_of(account_id, seen) is not seen:
                    reader.end(Ending.account_changed)

    async def watch(self) -> int:
        """Cut off who takes nothing, and give signs of life. Always 0, so that its loop pauses."""
        # Twice as far as one may resume: who was let in with just so many must not be parted from
        # because another event came.
        oldest = self.log.recent.sequence - 2 * self._settings.stream_resume_events
        beats = time.monotonic() >= self._beat_at
        if beats:
            self._beat_at = time.monotonic() + self._settings.stream_heartbeat_seconds
        for reader in self._readers:
            if reader.has_stalled(self._settings.stream_stall_seconds):
                reader.end(Ending.stalled)
            elif reader.cursor < oldest:
                reader.end(Ending.too_far_behind)
            elif beats:
                reader.beat()
        return 0

    async def close(self) -> None:
        """End what is left."""
        for reader in self._readers:
            reader.end(Ending.shutdown)
        await self.log.pages.close()
