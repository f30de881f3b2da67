"""Many deliveries at once: in order for each record, and no endpoint at another's expense."""

import asyncio

from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, Reply, serve_receiver
from tests.waiting import wait_until


async def test_events_of_one_record_arrive_in_order(
    notify: ServedNotify, receiver: Receiver
) -> None:
    """Also when attempts fail: a later state never overtakes an earlier one."""
    await notify.register(receiver.url)
    receiver.script = [Reply(500), Reply(204), Reply(500), Reply(500), Reply(204), Reply(500)]
    record = await notify.directory.create("Order")
    for year in range(2001, 2006):
        answer = await notify.directory.patch(record, {"established": year})
        record = answer.json()
    await receiver.got(10)
    versions = [request.event["data"]["record"]["version"] for request in receiver.requests]
    assert versions == sorted(versions)
    assert sorted(set(versions)) == [1, 2, 3, 4, 5, 6]


async def test_a_slow_endpoint_holds_up_nobody_else(notify: ServedNotify) -> None:
    """It gets its share of requests at a time and no more; the others are told at once."""
    hold = asyncio.Event()
    async with serve_receiver() as slow, serve_receiver() as quick:
        slow.usual = Reply(held_until=hold)
        await notify.register(slow.url)
        await notify.register(quick.url)
        await notify.directory.create_many(f"Partner {number}" for number in range(60))
        await quick.got(60, "the quick endpoint has everything while the slow one hangs")
        await slow.got(20)
        assert slow.most_at_once == 20
        assert len(slow.requests) == 20
        hold.set()

        async def has_all() -> bool:
            # On a slow machine some of the first may have run out of time, and come again.
            return len({request.event["id"] for request in slow.requests}) == 60

        await wait_until(has_all, "the slow endpoint has everything too")
        assert slow.most_at_once == 20
