"""Writing the index: changes and the position they lead to, in one commit."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from prometheus_client import Counter, Histogram
from tantivy import Document, Index, IndexWriter, Query, Searcher

from services.search.boundary import tantivy_calls
from services.search.index import open_index
from services.search.merges import let_merges_give_way
from services.search.schema import make_document
from shared.log_follower import Position

POSITION_ID = "position"
_HEAP_BYTES = 50_000_000
# A writer's threads have no name before they first run, so one look may come too early.
_LOOKS_FOR_MERGES = 3

COMMITS = Counter("search_commits_total", "Commits to the search index.")
COMMIT_SECONDS = Histogram("search_commit_seconds", "Time to write and commit a batch.")


@dataclass(frozen=True, slots=True)
class Change:
    """What a record is to become in the index: its documents, or none when it is to be gone."""

    record_id: str
    sequence: int
    version: int | None
    documents: Sequence[Document]


@dataclass(frozen=True, slots=True)
class StoredPosition:
    """What the position document says."""

    position: Position
    snapshot: int
    """Sequence of the snapshot that the index was built from."""


@dataclass(frozen=True, slots=True)
class _State:
    sequence: int
    version: int


def read_position(index: Index, searcher: Searcher) -> StoredPosition | None:
    """The position that was committed together with what `searcher` sees."""
    query = Query.term_query(index.schema, "id", POSITION_ID)
    with tantivy_calls():
        hits = searcher.search(query, limit=1).hits
        if not hits:
            return None
        stored = orjson.loads(searcher.doc(hits[0][1]).get_first("record") or b"{}")
    return StoredPosition(Position(stored["log_id"], stored["sequence"]), stored["snapshot"])


class Writing:
    """The one writer of the index in a folder. Its calls block: run them in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = open_index(folder)
        with tantivy_calls():
            self._writer: IndexWriter = self._index.writer(_HEAP_BYTES, num_threads=1)
            # A commit that broke off may have left files, and would be repeated under their names:
            # to tantivy a file that is there already is an error, each time anew.
            self._writer.garbage_collect_files()
        for leftover in folder.glob(".tmp*"):
            leftover.unlink(missing_ok=True)
        self._schema = self._index.schema
        self._looks_left = _LOOKS_FOR_MERGES
        self._stored = read_position(self._index, self._index.searcher())

    @property
    def stored(self) -> StoredPosition | None:
        """The position of the last commit; None before the first."""
        return self._stored

    def fill(self, documents: Iterable[Document]) -> None:
        """Add documents to an index under construction, without looking for older ones."""
        with tantivy_calls():
            for document in documents:
                self._writer.add_document(document)

    def apply(self, changes: Sequence[Change], stored: StoredPosition) -> int:
        """Commit what is new in `changes` together with `stored`; how many records it touched.

        A change is old, and left out, when the index has a later event of its record or a newer
        version; so repeats, and replays of events that were set aside, never bring back the past.
        A record that goes leaves a gravestone, which no audience finds, for the same reason.

        Raises:
            IndexFailed: nothing was committed; open the index again before the next try.
        """
        started = time.perf_counter()
        if self._looks_left:
            let_merges_give_way()
            self._looks_left -= 1
        with tantivy_calls():
            fresh = self._newest(changes, stored.snapshot)
            for change in fresh:
                self._replace(change)
            self._writer.delete_documents_by_term("id", POSITION_ID)
            self._writer.add_document(_position_document(stored))
            self._writer.commit()
            self._index.reload()
        self._stored = stored
        COMMITS.inc()
        COMMIT_SECONDS.observe(time.perf_counter() - started)
        return len(fresh)

    def close(self) -> None:
        """Give the folder free for another writer, once running merges are done."""
        with tantivy_calls():
            self._writer.wait_merging_threads()

    def abandon(self) -> None:
        """Give the folder free at once, and forget what was not committed."""
        del self._writer

    def _newest(self, changes: Sequence[Change], snapshot: int) -> list[Change]:
        known = self._states([change.record_id for change in changes])
        newest: dict[str, Change] = {}
        for change in sorted(changes, key=lambda change: change.sequence):
            state = known.get(change.record_id, _State(snapshot, 0))
            if (
                change.sequence <= state.sequence
                or (change.version or state.version) < state.version
            ):
                continue
            known[change.record_id] = _State(change.sequence, change.version or state.version)
            newest[change.record_id] = change
        return list(newest.values())

    def _states(self, record_ids: list[str]) -> dict[str, _State]:
        if not record_ids:
            return {}
        searcher = self._index.searcher()
        query = Query.term_set_query(self._schema, "id", record_ids)
        states: dict[str, _State] = {}
        for _, address in searcher.search(query, limit=3 * len(record_ids), count=False).hits:
            found = searcher.doc(address)
            states[str(found.get_first("id"))] = _State(
                int(found.get_first("sequence") or 0), int(found.get_first("version") or 0)
            )
        return states

    def _replace(self, change: Change) -> None:
        self._writer.delete_documents_by_term("id", change.record_id)
        for document in change.documents or [_gravestone(change)]:
            self._writer.add_document(document)


def _gravestone(change: Change) -> Document:
    return make_document(
        {"id": change.record_id, "sequence": change.sequence, "version": change.version or 0}
    )


def _position_document(stored: StoredPosition) -> Document:
    content = {
        "log_id": stored.position.log_id,
        "sequence": stored.position.sequence,
        "snapshot": stored.snapshot,
    }
    return make_document({"id": POSITION_ID, "record": orjson.dumps(content)})
