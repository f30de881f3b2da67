"""Waiting for what must come true, with a limit and a name for what did not."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def wait_until(
    holds: Callable[[], Awaitable[object]], what: str, seconds: float = 90.0
) -> None:
    """Ask `holds` again and again until it is true.

    Raises:
        AssertionError: it was not within `seconds`.
    """
    limit = time.monotonic() + seconds
    while not await holds():
        if time.monotonic() > limit:
            raise AssertionError(f"within {seconds} s it did not come true that {what}")
        await asyncio.sleep(0.02)
