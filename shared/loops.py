"""Loops around steps. A step does one batch and says how many; a loop decides when to go on."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from prometheus_client import Counter

Step = Callable[[], Awaitable[int]]

FAILURES = Counter("loop_failures_total", "Steps that failed and were tried again.", ["loop"])
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 5.0
_LONGEST_END_SECONDS = 5.0
_LONGEST_ROLLBACK_SECONDS = 1.0
_log = structlog.get_logger()


class Nudge:
    """Wakes a loop before its pause is over; several nudges in a row wake it once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def now(self) -> None:
        """Wake the loop."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return on a nudge or after `seconds`."""
        # Not wait_for: before Python 3.12 it swallows a cancellation that meets a nudge, and then
        # the loop, and with it the whole process, does not stop any more.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()


async def _run_to_its_end(step: Step) -> int:
    """Run one step whole, also when the loop is cancelled meanwhile.

    A step that was cut off inside a transaction would keep its connection and its locks; on SQLite
    that is the one connection that writes.
    """
    running = asyncio.ensure_future(step())
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await _wait_out(running, _LONGEST_END_SECONDS)
        if not running.done():
            running.cancel()
            await _wait_out(running, _LONGEST_ROLLBACK_SECONDS)
        if running.done() and not running.cancelled():
            running.exception()  # Seen; the loop ends anyhow.
        raise


async def _wait_out(running: "asyncio.Future[int]", seconds: float) -> None:
    """Wait for `running`, however often we are cancelled: whoever stops a loop may say it again."""
    ends_at = time.monotonic() + seconds
    while not running.done() and (left := ends_at - time.monotonic()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.wait([running], timeout=left)


async def run_loop(name: str, step: Step, nudge: Nudge, idle_seconds: float) -> None:
    """Repeat `step`: at once while it finds work, after a nudge or `idle_seconds` when it does not.

    A step that raises is repeated after a pause that doubles up to five seconds: what it works on
    is in a database, so nothing is lost by waiting. A cancelled loop ends after the step under way.
    """
    pause_seconds = _FIRST_PAUSE_SECONDS
    while True:
        try:
            done = await _run_to_its_end(step)
        except Exception as error:
            FAILURES.labels(name).inc()
            _log.warning("loop.step_failed", loop=name, error=repr(error), again_in=pause_seconds)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
            continue
        pause_seconds = _FIRST_PAUSE_SECONDS
        if not done:
            await nudge.wait(idle_seconds)
