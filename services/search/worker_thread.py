"""The worker's loops beside the event loop that answers: a thread with an event loop of its own."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

import structlog

from services.search.settings import Settings
from services.search.worker import run_loops
from shared.loops import Nudge

_log = structlog.get_logger()


class WorkerThread:
    """Keeps the index while the process answers.

    Searches run in the event loop that answers, many between two looks at what else is ready. A
    worker in that loop would stand in line behind them at every step of a write's way.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._nudge = Nudge()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="search.worker", daemon=True)

    def start(self) -> None:
        """Begin, and return once it can be nudged and stopped."""
        self._thread.start()
        self._begun.wait()

    def nudge(self) -> None:
        """Tell the worker that something was asked of it."""
        self._call(self._nudge.now)

    async def stop(self) -> None:
        """End after the step under way."""
        self._call(self._working.cancel)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                asyncio.run(self._work())
        # Nobody waits for this thread, and without it the index stands still: whatever it was that
        # ended it is to stand in the log, in its format.
        except Exception as error:
            _log.exception("worker.broke_off", error=repr(error))

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._working = asyncio.create_task(run_loops(self._settings, self._nudge))
        self._begun.set()
        await self._working

    def _call(self, what: Callable[[], object]) -> None:
        # It may have ended by itself.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what)
