"""The consumer of the directory's log: it keeps the live index up with it."""

import asyncio
from collections.abc import Sequence

import orjson
import structlog

from services.search.boundary import IndexFailed
from services.search.changes import change_of_event
from services.search.dead_events import (
    find_replayed,
    find_replays,
    forget_dead_events,
    keep_dead_event,
    note_replay,
)
from services.search.index import IndexHome, damage_in
from services.search.rebuild import Construction, SnapshotTorn, build_from_snapshot
from services.search.writing import Change, StoredPosition, Writing
from shared.databases import Database
from shared.erasing import CONTACT_ERASED
from shared.log_follower import Position
from shared.records import JsonObject
from shared.service_client import DirectoryClient

_log = structlog.get_logger()


class IndexConsumer:
    """Lets events take effect in the live index, and puts a rebuilt one in its place.

    One lock is held by whatever changes the live index, so a rebuilt index takes its place between
    two commits: no event is applied to the one that is about to go.
    """

    def __init__(self, home: IndexHome, directory: DirectoryClient, database: Database) -> None:
        self._home = home
        self._directory = directory
        self._database = database
        self._live: Writing | None = None
        self._changing = asyncio.Lock()
        self._replayed: set[str] = set()

    async def load_position(self) -> Position | None:
        """Where the live index stands; None where there is none that can be used."""
        async with self._changing:
            await self._close()
            folder = self._home.live()
            if folder is None:
                _log.warning("index.missing", root=self._home.root.name)
                return None
            damage = await asyncio.to_thread(damage_in, folder)
            if damage is not None:
                _log.error("index.damaged", folder=folder.name, error=damage)
                return None
            self._live = await asyncio.to_thread(Writing, folder)
            stored = self._live.stored
            await asyncio.to_thread(self._home.remove_others, folder)
            return stored.position if stored else None

    async def begin(self, reason: str) -> Position:
        """Build the index anew from the directory's snapshot; what was live serves meanwhile."""
        construction = await build_from_snapshot(self._home, self._directory, reason)
        try:
            async with self._changing:
                await self._put_in_place(construction)
        except BaseException:
            await self._give_up(construction)
            raise
        return construction.stored.position

    async def apply(self, events: Sequence[JsonObject], position: Position) -> None:
        """Commit the changes of `events` together with `position`."""
        for event in events:
            if event["type"] == CONTACT_ERASED:
                await self._forget_past(event["subject"], event["sequence"])
        changes = await asyncio.to_thread(_changes_of, events)
        await self._commit(changes, position)

    async def set_aside(self, event: JsonObject, error: str, position: Position) -> None:
        """Keep `event` in the database first, then move on: a crash between repeats the keeping."""
        async with self._database.transaction() as session:
            await keep_dead_event(session, event, error, position)
        await self._commit([], position)

    async def rebuild(self, reason: str) -> None:
        """Build the index anew beside the live one, catch up with it, and take its place.

        Raises:
            OSError: the directory began another log meanwhile, or the disk is full.
        """
        construction = await build_from_snapshot(self._home, self._directory, reason)
        try:
            # Most of the way in peace; under the lock only what came in the meantime is left.
            await self._catch_up(construction)
            async with self._changing:
                await self._catch_up(construction)
                await self._put_in_place(construction)
        except BaseException:
            await self._give_up(construction)
            raise

    async def replay(self) -> int:
        """Try again the events for which that was asked; how many there were.

        What another replica has replayed takes effect here too: each has an index of its own.
        """
        done = await self._follow_replays()
        async with self._database.reading() as session:
            owed = await find_replays(session)
        for dead_event in owed:
            error = await self._replay(dead_event.log_id, dead_event.event)
            async with self._database.transaction() as session:
                await note_replay(session, dead_event.id, error)
            if error is None:
                self._replayed.add(dead_event.id)
        return done + len(owed)

    async def _forget_past(self, record_id: str, sequence: int) -> None:
        """Keep nothing of what the record was before an erasure.

        What an index has deleted its files keep until they are merged, so it is built anew. That
        is asked for before the commit: else a crash in between would lose it.
        """
        self._home.request_rebuild()
        async with self._database.transaction() as session:
            forgotten = await forget_dead_events(session, record_id, sequence)
        if forgotten:
            await self._database.drop_past()

    async def _follow_replays(self) -> int:
        stored = self._live.stored if self._live else None
        if stored is None:
            return 0
        async with self._database.reading() as session:
            found = await find_replayed(session, stored.position.log_id, self._replayed)
        for dead_event in found:
            # After a start most of them are old, and change nothing.
            error = await self._replay(dead_event.log_id, dead_event.event)
            self._replayed.add(dead_event.id)
            _log.info("index.replay_followed", dead_event=dead_event.id, error=error)
        return len(found)

    async def close(self) -> None:
        """Give the live index free."""
        async with self._changing:
            await self._close()

    async def _replay(self, log_id: str, event: str) -> str | None:
        stored = self._writing().stored
        if stored is None or stored.position.log_id != log_id:
            return "The directory has begun another log since; its snapshot has replaced this."
        try:
            changes = await asyncio.to_thread(_changes_of, [orjson.loads(event)])
        except Exception as error:
            # Whatever is wrong with the event is the outcome of the replay, for a person to read.
            return repr(error)
        await self._commit(changes, stored.position)
        return None

    async def _commit(self, changes: Sequence[Change], position: Position) -> None:
        async with self._changing:
            live = self._writing()
            snapshot = live.stored.snapshot if live.stored else position.sequence
            try:
                await asyncio.to_thread(live.apply, changes, StoredPosition(position, snapshot))
            except BaseException:
                # A writer whose commit failed or was cut off may hold half of it: open it anew.
                self._live = None
                live.abandon()
                raise

    def _writing(self) -> Writing:
        if self._live is None:
            folder = self._home.live()
            if folder is None:
                raise IndexFailed("the live index is gone")
            self._live = Writing(folder)
        return self._live

    async def _catch_up(self, construction: Construction) -> None:
        stored = self._writing().stored
        if stored is None or stored.position.log_id != construction.stored.position.log_id:
            raise SnapshotTorn("the directory began another log meanwhile")
        await construction.catch_up(self._directory, stored.position.sequence)

    async def _give_up(self, construction: Construction) -> None:
        # Once it is live, what broke off was only the tidying up behind it.
        if self._home.live() != construction.folder:
            await asyncio.to_thread(construction.discard, self._home)

    async def _put_in_place(self, construction: Construction) -> None:
        await self._close()
        self._home.make_live(construction.folder)
        self._live = construction.writing
        await asyncio.to_thread(self._home.remove_others, construction.folder)

    async def _close(self) -> None:
        live, self._live = self._live, None
        if live is None:
            return
        try:
            await asyncio.to_thread(live.close)
        except IndexFailed as error:
            # Its merges cannot end in a damaged index; the one that replaces it must not wait.
            _log.warning("index.closed_badly", folder=live.folder.name, error=str(error))


def _changes_of(events: Sequence[JsonObject]) -> list[Change]:
    changes = [change_of_event(event) for event in events]
    return [change for change in changes if change is not None]
