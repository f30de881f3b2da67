"""Planning in a process of its own, for imports that are long enough to be worth its start.

Python runs on one processor at a time: what plans beside the loop of a service would take turns
with what it writes and with the requests that it answers. Here another processor is used, and the
process ends with the import.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any
from uuid import UUID

import structlog

from services.directory.imports.phases import Job, PlannedLinks, PlannedRows
from services.directory.imports.planning import Planning
from services.directory.settings import Settings
from services.directory.state import open_database
from shared.logs import configure_logs
from shared.serving import keep_what_is_loaded

_MOST_LOST = 3
_log = structlog.get_logger()


class PlanningProcess:
    """See Planner; in a process that is started by `start`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None
        self._started: Future[None] | None = None
        self._lost = 0

    @property
    def is_ready(self) -> bool:
        """Whether it is up and can be asked."""
        started = self._started
        return started is not None and started.done() and started.exception() is None

    def start(self) -> None:
        """Have the process started where there is none; that takes a second or two.

        Where it was lost several times, none is started any more until `stop`.
        """
        if self._started is not None and self._started.done() and self._started.exception():
            self._lose()
        if self._pool is None and self._lost < _MOST_LOST:
            try:
                # Not a fork: this process has threads, and connections that are its own.
                self._pool = ProcessPoolExecutor(
                    1, multiprocessing.get_context("spawn"), _begin, (self._settings,)
                )
                self._started = self._pool.submit(_answer)
            except OSError:
                # No more processes, memory or files are to be had.
                self._lose()

    def stop(self) -> None:
        """End it as soon as it has done what it is at."""
        self._end()
        self._lost = 0

    def _lose(self) -> None:
        # Killed, perhaps for its memory. What it was asked for is planned without it.
        _log.warning("import.planning_process_lost")
        self._end()
        self._lost += 1

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._started = None

    async def page(self, job: Job) -> PlannedRows | None:
        """See Planner."""
        planned: PlannedRows | None = await self._ask(_plan_page, job)
        return planned

    async def links(self, job: Job, behind: UUID | None) -> PlannedLinks | None:
        """See Planner."""
        planned: PlannedLinks | None = await self._ask(_plan_links, job, behind)
        return planned

    async def _ask(self, planned: Callable[..., Any], *what: object) -> Any:
        if self._pool is None:
            raise RuntimeError("it was not started, or has been stopped")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, planned, *what)
        except BrokenProcessPool:
            self._lose()
            raise


class _Here:
    """What the process of its own holds."""

    planning: Planning
    runner: asyncio.Runner


def _begin(settings: Settings) -> None:
    # Whoever has started us is told to stop as well, and then ends us.
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    configure_logs("directory-planning", settings.log_level)
    _Here.planning = Planning(open_database(settings))
    _Here.runner = asyncio.Runner()
    # A third of the time went into looking for what could be given back, and nothing was found.
    keep_what_is_loaded()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    # Nothing is written here, so nothing can be half done.
    os._exit(0)


def _answer() -> None:
    """Answers, so that it is seen that the process is up."""


def _plan_page(job: Job) -> PlannedRows | None:
    return _Here.runner.run(_Here.planning.page(job))


def _plan_links(job: Job, behind: UUID | None) -> PlannedLinks | None:
    return _Here.runner.run(_Here.planning.links(job, behind))
