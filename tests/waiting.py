"""Waiting for what must come true, with a limit and a name for what did not."""

import asyncio
import time
from collections.abc import Awaitable, Callable

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.2


async def wait_until(
    holds: Callable[[], Awaitable[object]], what: str, seconds: float = 90.0
) -> None:
    """Ask `holds` again and again until it is true, and less often the longer it takes.

    Raises:
        AssertionError: it was not within `seconds`.
    """
    limit, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    while not await holds():
        if time.monotonic() > limit:
            raise AssertionError(f"within {seconds} s it did not come true that {what}")
        # Between two looks, ever longer: what is waited for needs the processor that asking takes.
        await asyncio.sleep(pause)
        pause = min(_LONGEST_PAUSE_SECONDS, pause * 1.2)
