"""One reader of the live stream: how far it has come, and what it is sent next."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from enum import StrEnum

import httpx

from services.notify.log_pages import LogChanged, LogPages
from services.notify.stream.events import LoggedEvent, RecentEvents, written, written_position
from services.notify.stream.selection import Piece, Selector
from shared.log_follower import Position

# Spread, so that readers that were parted from together do not come back together.
_RETRY_MILLISECONDS = (2_000, 5_000)
_FLUSH_SECONDS = 0.5
"""How long what was sent last may take to leave, once the stream has ended."""


class Ending(StrEnum):
    """Why a stream came to its end."""

    left = "left"
    stalled = "stalled"
    too_far_behind = "too_far_behind"
    token_expired = "token_expired"  # noqa: S105
    account_changed = "account_changed"
    log_unreadable = "log_unreadable"
    shutdown = "shutdown"


_FAREWELLS = {
    Ending.too_far_behind: "too far behind; come back for what is missing",
    Ending.token_expired: "the access token has expired; come back with a new one",
    Ending.account_changed: "the account has changed; come back with a new access token",
    Ending.log_unreadable: "what was missed cannot be read now; come back for it",
    Ending.shutdown: "the service stops; come back in a moment",
}


class Reader:
    """Keeps a place in the log, not a queue: what it has not had yet is there for all readers."""

    def __init__(
        self, selector: Selector, recent: RecentEvents, pages: LogPages, begin: Position
    ) -> None:
        self.selector = selector
        self.cursor = begin.sequence
        self.events = 0
        self.ending: Ending | None = None
        self.break_off: Callable[[], None] | None = None
        """Closes the connection at once, where the server can do that."""
        self._recent = recent
        self._pages = pages
        self._log_id = begin.log_id
        retry = random.randint(*_RETRY_MILLISECONDS)  # noqa: S311
        opening = written_position(begin.sequence, f"log {begin.log_id}")
        self._urgent = b"retry: %d\n%b" % (retry, opening)
        self._beat = False
        self._woken = asyncio.Event()
        self._sending_since: float | None = None
        self._fetching: asyncio.Task[Sequence[LoggedEvent]] | None = None

    async def next_piece(self) -> bytes:
        """What to send next, as soon as there is something; nothing when the stream is to end."""
        self._sending_since = None
        while self.ending is None:
            self._woken.clear()
            if piece := await self._collect():
                self._sending_since = time.monotonic()
                return piece
            if self.ending is None:
                await self._woken.wait()
        return self._take_urgent()

    def wake(self) -> None:
        """Look for something to send."""
        self._woken.set()

    def beat(self) -> None:
        """Send a sign of life, unless there is something better to send."""
        self._beat = True
        self._woken.set()

    def pass_over(self, before: int, after: int) -> None:
        """Move on from `before` to `after` without being woken: nothing there concerns it."""
        if self.cursor == before:
            self.cursor = after

    def reset(self, to: Position, reason: str) -> None:
        """Say that what it has does not lead to what comes, and go on at `to`."""
        told = {"log_id": to.log_id, "sequence": to.sequence, "reason": reason}
        self._urgent += written(to.sequence, "reset", told)
        self.cursor, self._log_id = to.sequence, to.log_id
        self._woken.set()

    def end(self, ending: Ending) -> None:
        """End the stream: at once where nothing is taken, else as soon as a farewell is said."""
        if self.ending is not None:
            return
        self.ending = ending
        self._urgent = b""
        if ending in _FAREWELLS:
            self._urgent = b": %b\n\n" % _FAREWELLS[ending].encode()
        self._woken.set()
        if self._fetching is not None:
            self._fetching.cancel()
        if self.break_off is None:
            return
        if self._sending_since is not None:
            self.break_off()
        else:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.break_off)

    def has_stalled(self, seconds: float) -> bool:
        """Whether it has taken nothing for `seconds` of what was being sent to it."""
        since = self._sending_since
        return since is not None and time.monotonic() > since + seconds

    def _take_urgent(self) -> bytes:
        urgent, self._urgent = self._urgent, b""
        return urgent

    async def _collect(self) -> bytes:
        if self._urgent:
            return self._take_urgent()
        if self.cursor < self._recent.floor:
            return await self._collect_older()
        return self._take(self.selector.next_piece(self._recent, self.cursor))

    async def _collect_older(self) -> bytes:
        begun = self.cursor
        self._fetching = asyncio.create_task(self._pages.after(self._log_id, begun))
        try:
            await asyncio.wait([self._fetching])
            events = [] if self._fetching.cancelled() else self._fetching.result()
        except (httpx.HTTPError, LogChanged):
            if not self._urgent:
                self.end(Ending.log_unreadable)
            return b""
        finally:
            self._fetching.cancel()
            self._fetching = None
        if self._urgent:
            # It was reset or ended meanwhile, so these events are not what comes next.
            return b""
        piece = self.selector.piece_of(events, begun, events[-1].sequence if events else begun)
        messages = self._take(piece)
        if messages or self.cursor == begun:
            return messages
        return written_position(self.cursor, "catching up")

    def _take(self, piece: Piece) -> bytes:
        self.cursor = piece.cursor
        self.events += piece.events
        if piece.messages:
            self._beat = False
            return piece.messages
        if self._beat:
            self._beat = False
            return written_position(self.cursor, "nothing new")
        return b""
