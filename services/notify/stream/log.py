"""The live stream as a consumer of the directory's log: it keeps the end of it in memory.

What it forgets when its process ends the directory still has, so its position is in memory too.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol
from uuid import UUID

import structlog

from services.notify.log_pages import LogChanged, LogPages
from services.notify.stream.accounts import RecentAccounts
from services.notify.stream.events import LoggedEvent, RecentEvents
from services.notify.stream.settings import StreamSettings
from services.notify.topics import TopicTree, fetch_topics
from shared.erasing import CONTACT_ERASED
from shared.log_follower import BATCH, Position
from shared.records import JsonObject
from shared.service_client import DirectoryClient

_AT_ONCE = 25
"""Events after which readers come to their turn."""
_log = structlog.get_logger()


class Listener(Protocol):
    """Who is told what the log brings."""

    def began(self) -> None:
        """The log is followed from its end on; whatever was before is no part of it."""

    def heard(self, events: Sequence[LoggedEvent], before: int) -> None:
        """`events` follow on the sequence `before`."""

    def account_changed(self, account_id: UUID) -> None:
        """What an account may see may have changed."""

    def topics_changed(self) -> None:
        """Topics may be narrower than others now."""


class StreamLog:
    """The log as far as the live stream needs it."""

    def __init__(self, settings: StreamSettings, directory: DirectoryClient) -> None:
        self.accounts = RecentAccounts()
        self.recent = RecentEvents(settings.stream_kept_events, settings.stream_kept_bytes)
        self.pages = LogPages(directory)
        self.tree = TopicTree()
        self._listener: Listener | None = None
        self.resume_events = settings.stream_resume_events
        """How many events behind a reader may come back and be told them."""
        self._kept_events = settings.stream_kept_events
        self._directory = directory
        self._topics: dict[str, JsonObject] = {}
        self._log_id: str | None = None
        self._begun = asyncio.Event()

    @property
    def end(self) -> Position | None:
        """The end of the log as far as it is known here; None while nothing is."""
        if self._log_id is None:
            return None
        return Position(self._log_id, self.recent.sequence)

    async def wait_until_begun(self, seconds: float) -> None:
        """Return as soon as the end of the log is known, or after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._begun.wait()

    async def end_at_directory(self) -> Position:
        """The end of the log as the directory has it.

        Raises:
            httpx.HTTPError: the directory does not answer.
        """
        page = (await self._directory.get("/changes", after=0, limit=1)).json()
        return Position(page["log_id"], page["head"])

    def listen(self, listener: Listener) -> None:
        """Tell `listener` from now on."""
        self._listener = listener

    async def load_position(self) -> Position | None:
        """Nothing is kept from a process before."""
        return None

    async def begin(self, reason: str) -> Position:
        """Begin at the end, with what led there, so that who was parted from resumes quickly.

        Raises:
            httpx.HTTPError: the directory does not answer.
            LogChanged: it began another log meanwhile.
        """
        topics = await fetch_topics(self._directory)
        end = await self.end_at_directory()
        events = await self._read_up_to(end)
        before = end.sequence
        if events:
            before = events[0]["sequence"] - 1
            end = Position(end.log_id, events[-1]["sequence"])
        self._log_id = end.log_id
        self._topics = {topic["id"]: topic for topic in topics}
        self._grow_tree()
        self.recent.begin(before)
        self._take_in(events, end.sequence)
        self._begun.set()
        if self._listener is not None:
            self._listener.began()
        _log.info("stream.began", reason=reason, log=end.log_id, sequence=end.sequence)
        return end

    async def apply(self, events: Sequence[JsonObject], position: Position) -> None:
        """Take `events` in and have them told; those that were taken in before change nothing."""
        fresh = [event for event in events if event["sequence"] > self.recent.sequence]
        for first in range(0, len(fresh), _AT_ONCE):
            self._apply_some(fresh[first : first + _AT_ONCE])
            # Readers come to their turn before there is more.
            await asyncio.sleep(0)

    def _apply_some(self, events: Sequence[JsonObject]) -> None:
        before = self.recent.sequence
        topics = [event["data"]["record"] for event in events if event["type"].startswith("topic.")]
        if topics:
            self._topics |= {topic["id"]: topic for topic in topics}
            self._grow_tree()
        accounts, logged = self._take_in(events, events[-1]["sequence"])
        for event in events:
            if event["type"] == CONTACT_ERASED:
                self.recent.forget(event["subject"], event["data"]["contact_point_ids"])
                self.pages.forget()
        if self._listener is None:
            return
        if topics:
            self._listener.topics_changed()
        for account_id in accounts:
            self._listener.account_changed(account_id)
        self._listener.heard(logged, before)

    async def set_aside(self, event: JsonObject, error: str, position: Position) -> None:
        """Pass over what cannot be taken in: a stream has no later at which to tell it."""
        self.recent.add([], max(self.recent.sequence, position.sequence))

    async def _read_up_to(self, end: Position) -> list[JsonObject]:
        """The events before `end` that are to be kept, and what has come after it meanwhile."""
        events: list[JsonObject] = []
        after = max(0, end.sequence - self._kept_events)
        while after < end.sequence:
            page = (await self._directory.get("/changes", after=after, limit=BATCH)).json()
            if page["log_id"] != end.log_id or not page["items"]:
                raise LogChanged(f"the log is {page['log_id']} up to {page['head']}")
            events += page["items"]
            after = page["next_after"]
        return events

    def _take_in(
        self, events: Sequence[JsonObject], sequence: int
    ) -> tuple[list[UUID], list[LoggedEvent]]:
        """Keep `events`, which lead to `sequence`; the accounts that they are about, and they."""
        accounts = [self.accounts.heed(event) for event in events]
        logged = [LoggedEvent(event) for event in events]
        self.recent.add(logged, sequence)
        return [account_id for account_id in accounts if account_id is not None], logged

    def _grow_tree(self) -> None:
        self.tree = TopicTree(
            (UUID(topic["id"]), topic["notation"], topic["broader"])
            for topic in self._topics.values()
        )
