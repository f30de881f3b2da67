"""Reading the index: always the newest commit of the live folder, whoever wrote it."""

import os
import time
from pathlib import Path

import structlog
from tantivy import Index, Searcher

from services.search.boundary import IndexFailed, tantivy_calls
from services.search.index import IndexHome, open_index
from services.search.view import View
from services.search.vocabulary import EMPTY, Vocabulary
from shared.problems import Unavailable

_LOOK_SECONDS = 0.004
_TELL_SECONDS = 1.0
_log = structlog.get_logger()

Stamp = tuple[int, int]


class IndexNotReady(Unavailable):
    """There is no index yet: it is being built from the directory."""

    title, kind = "The index is being built", "index-not-ready"


class IndexReader:
    """The searcher of the newest commit.

    Two `stat` calls tell whether the worker has committed or has put a rebuilt index in place. So
    it does not matter whether it runs in this process. They are made at most every few
    milliseconds, because under load they would be a good part of a query's time.
    """

    def __init__(self, home: IndexHome) -> None:
        self._home = home
        self._looked_at = float("-inf")
        self._pointer: Stamp | None = None
        self._pointer_path = str(home.pointer)
        self._commit_path = ""
        self._commit: Stamp | None = None
        self.index: Index | None = None
        self.folder: Path | None = None
        self._searcher: Searcher | None = None
        self._vocabulary = EMPTY
        self._view: View | None = None
        self.failures = 0
        """How often the index could not be read."""
        self.damage: str | None = None
        """What is known to be wrong with the live index, until another one is opened."""
        self._told_at = float("-inf")
        self.learned_commit_at: float | None = None
        """When the commit was made whose vocabulary it is, in seconds since 1970."""

    def view(self) -> View:
        """The newest commit, and the vocabulary as it was last learned from one.

        Raises:
            IndexNotReady: there is no index that can be opened.
        """
        searcher = self.searcher()
        view = self._view
        if view is None or view.searcher is not searcher or view.vocabulary is not self._vocabulary:
            view = self._view = View(searcher, self._vocabulary, view)
        return view

    def learn(self, vocabulary: Vocabulary, committed_at: float | None) -> None:
        """Use `vocabulary`, which is that of the commit of that moment, from now on."""
        self._vocabulary = vocabulary
        self.learned_commit_at = committed_at

    def failed(self, error: Exception) -> None:
        """Note that the index could not be read; DamageWatch looks into it."""
        self.failures += 1
        # Every search may fail in the same way.
        if time.monotonic() > self._told_at + _TELL_SECONDS:
            self._told_at = time.monotonic()
            folder = self.folder.name if self.folder else None
            _log.error("index.unreadable", folder=folder, error=str(error))

    def open_anew(self) -> None:
        """Open the files again; until that succeeds, what was opened before is read."""
        self.index = None

    def searcher(self) -> Searcher:
        """The searcher of the newest commit.

        Raises:
            IndexNotReady: there is no index that can be opened.
        """
        now = time.monotonic()
        if self._searcher is None or now > self._looked_at + _LOOK_SECONDS:
            # What was opened before stays readable; without it there is nothing to answer with.
            try:
                self.refresh()
            except IndexFailed as error:
                self.failed(error)
            self._looked_at = now
        if self._searcher is None:
            raise IndexNotReady("Search has no index yet. Try again in a moment.")
        return self._searcher

    def refresh(self) -> None:
        """Move on to the newest commit, if there is one that is not open yet.

        Raises:
            IndexFailed: it cannot be opened.
        """
        while True:
            pointer = _stamp_of(self._pointer_path)
            try:
                self._refresh_from(pointer)
            except IndexFailed:
                if _stamp_of(self._pointer_path) == pointer:
                    raise
            else:
                if self._commit is not None or _stamp_of(self._pointer_path) == pointer:
                    return
            # Another index has taken its place, and it was removed while it was opened.

    def _refresh_from(self, pointer: Stamp | None) -> None:
        if pointer != self._pointer or self.index is None:
            self._open_live(pointer)
        commit = _stamp_of(self._commit_path)
        if self.index is not None and commit is not None and commit != self._commit:
            with tantivy_calls():
                self.index.reload()
                self._searcher = self.index.searcher()
            self._commit = commit

    @property
    def committed_at(self) -> float | None:
        """When the newest commit was made, in seconds since 1970."""
        return None if self._commit is None else self._commit[1] / 1e9

    def _open_live(self, pointer: Stamp | None) -> None:
        folder = self._home.live()
        if folder is None:
            return
        self.index = open_index(folder)
        if folder != self.folder:
            self.damage = None
        self.folder = folder
        self._commit_path = str(folder / "meta.json")
        self._commit = None
        self._pointer = pointer


def _stamp_of(path: str) -> Stamp | None:
    # Both files are replaced, never changed, so a new one has another inode.
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, before each query
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
