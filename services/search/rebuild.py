"""Building the index anew from the directory's snapshot, in a folder beside the live one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import structlog
from prometheus_client import Counter

from services.search.changes import change_of_event, change_of_partner, change_of_topic
from services.search.index import IndexHome, create_index
from services.search.writing import Change, StoredPosition, Writing
from shared.log_follower import Position
from shared.records import JsonObject
from shared.service_client import DirectoryClient

REBUILDS = Counter("search_rebuilds_total", "Times the index was built anew.")
LEFT_OUT = Counter("search_records_left_out_total", "Records that could not be indexed.")
_BATCH = 500
_CHANGES = 500
_log = structlog.get_logger()

ChangeOf = Callable[[JsonObject, int], Change]
_EXPORTS: tuple[tuple[str, ChangeOf], ...] = (
    ("/topics/export.ndjson", change_of_topic),
    ("/partners/export.ndjson", change_of_partner),
)


class SnapshotTorn(OSError):
    """The directory began another log between two parts of the snapshot: take a new one."""


@dataclass(slots=True)
class Construction:
    """An index that is complete up to its position and not live yet."""

    writing: Writing
    stored: StoredPosition

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.writing.folder

    async def catch_up(self, directory: DirectoryClient, goal: int) -> None:
        """Apply the events from its position up to `goal`, which is where the live index stands.

        An event that cannot be handled is left out: the live index has set it aside already.
        """
        while self.stored.position.sequence < goal:
            at = self.stored.position
            limit = min(_CHANGES, goal - at.sequence)
            answer = await directory.get("/changes", after=at.sequence, limit=limit)
            page = answer.json()
            if page["log_id"] != at.log_id or not page["items"]:
                raise SnapshotTorn("the directory's log does not reach the live index any more")
            changes = await asyncio.to_thread(_changes_of, page["items"])
            position = Position(at.log_id, int(page["items"][-1]["sequence"]))
            self.stored = StoredPosition(position, self.stored.snapshot)
            await asyncio.to_thread(self.writing.apply, changes, self.stored)

    def discard(self, home: IndexHome) -> None:
        """Remove it."""
        self.writing.close()
        home.give_up(self.folder)


async def build_from_snapshot(
    home: IndexHome, directory: DirectoryClient, reason: str
) -> Construction:
    """An index of all that the directory exports now, standing where the snapshot stands.

    Raises:
        OSError: the snapshot broke off or the disk is full; what was built is removed.
        httpx.HTTPError: the directory does not answer.
    """
    started = time.perf_counter()
    _log.warning("index.rebuild_began", reason=reason)
    folder = await asyncio.to_thread(home.new_folder)
    try:
        await asyncio.to_thread(create_index, folder)
        writing = await asyncio.to_thread(Writing, folder)
        stands: list[Position] = []
        records = 0
        for path, change_of in _EXPORTS:
            position, count = await _fill_from(directory, path, change_of, writing)
            stands.append(position)
            records += count
        if len({position.log_id for position in stands}) > 1:
            raise SnapshotTorn("the directory began another log meanwhile")
        # What changed between the two parts is in the log after the earlier one.
        earliest = min(stands, key=lambda position: position.sequence)
        stored = StoredPosition(earliest, earliest.sequence)
        await asyncio.to_thread(writing.apply, [], stored)
    except BaseException:
        home.give_up(folder)
        raise
    REBUILDS.inc()
    _log.warning(
        "index.rebuilt",
        reason=reason,
        folder=folder.name,
        records=records,
        position=stored.position.sequence,
        seconds=round(time.perf_counter() - started, 2),
    )
    return Construction(writing, stored)


async def _fill_from(
    directory: DirectoryClient, path: str, change_of: ChangeOf, writing: Writing
) -> tuple[Position, int]:
    """Stream one export into the index; where it stands, and how many records it had."""
    # A short question first: it renews a token that is refused, which a stream cannot.
    await directory.get("/changes", after=0, limit=1)
    count = 0
    async with directory.client.stream(
        "GET",
        f"{directory.url}{path}",
        headers=await directory.authorization(),
        timeout=httpx.Timeout(30, read=120),
    ) as answer:
        answer.raise_for_status()
        position = Position(answer.headers["X-Log-Id"], int(answer.headers["X-Sequence"]))
        async for lines in _batches_of_lines(answer.aiter_bytes()):
            count += await asyncio.to_thread(_fill, writing, lines, change_of, position)
    return position, count


async def _batches_of_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    # httpx's own lines also end at U+2028 and its like, which JSON may have inside a text.
    lines: list[bytes] = []
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        lines += whole
        if len(lines) >= _BATCH:
            yield lines
            lines = []
    yield [*lines, rest]


def _fill(writing: Writing, lines: Sequence[bytes], change_of: ChangeOf, stand: Position) -> int:
    count = 0
    for line in lines:
        if not line:
            continue
        record = orjson.loads(line)
        try:
            change = change_of(record, stand.sequence)
        except Exception as error:
            # One record that does not fit must not keep all others from being found.
            LEFT_OUT.inc()
            _log.error("index.record_left_out", record=record.get("id"), error=repr(error))
            continue
        writing.fill(change.documents)
        count += 1
    return count


def _changes_of(events: Sequence[JsonObject]) -> list[Change]:
    changes = []
    for event in events:
        try:
            change = change_of_event(event)
        except Exception as error:
            # The live index met the same event and set it aside; here it must not stop the rest.
            _log.warning("index.event_left_out", event_id=event.get("id"), error=repr(error))
            continue
        if change is not None:
            changes.append(change)
    return changes
