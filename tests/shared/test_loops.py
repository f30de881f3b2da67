"""How a service's loops stop."""

import asyncio

import pytest

from shared.databases import Database
from shared.loops import Nudge, run_loop


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_step_under_way_ends_however_often_the_loop_is_stopped(
    database_url: str, times: int
) -> None:
    """What a step has begun is committed, and its connection is back, once the loop has stopped."""
    database = Database(database_url)
    begun, may_end = asyncio.Event(), asyncio.Event()
    ended: list[int] = []

    async def step() -> int:
        async with database.transaction():
            begun.set()
            await may_end.wait()
        ended.append(times)
        return 1

    loop = asyncio.create_task(run_loop("tested", step, Nudge(), 0.0))
    await begun.wait()
    for _ in range(times):
        loop.cancel()
        # One turn of the event loop, in which it takes notice; two at once would count as one.
        await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await loop
    await database.dispose()
    assert ended == [times]
