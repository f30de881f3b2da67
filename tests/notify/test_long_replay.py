"""A long replay: it delays nobody else, and goes on where it was after a restart."""

import asyncio

from tests.notify.served_notify import ServedNotify, notify_settings, serve_notify
from tests.notify.test_replays import ended, fanned_out, head, replay, told
from tests.receiver import Receiver, Reply, serve_receiver
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

LIVE = 20


async def a_long_history(directory: ServedDirectory, partners: int, changes: int) -> int:
    """Place on the log behind which lie `partners` records with so many events each."""
    start = await head(directory)
    ids = await directory.create_many(f"Long history {number}" for number in range(partners))
    await directory.write_many(
        {"operation": "patch", "id": one, "version": version, "patch": {"established": version}}
        for version in range(1, changes)
        for one in ids
    )
    return start


async def median_seconds(notify: ServedNotify, receiver: Receiver) -> float:
    """From a change to its arrival, at the median of some live events."""
    receiver.forget()
    found = []
    for number in range(LIVE):
        asked = asyncio.get_running_loop().time()
        await notify.directory.create(f"Live {number}", level="local")
        await receiver.got(number + 1)
        found.append(receiver.requests[-1].at - asked)
    return sorted(found)[LIVE // 2]


async def test_a_long_replay_delays_nobody_and_survives_a_restart(
    notify_database_url: str, directory: ServedDirectory, receiver: Receiver
) -> None:
    """Live events reach others meanwhile, hardly later; each event of it comes, in order."""
    start = await a_long_history(directory, 10, 50)
    settings = notify_settings(notify_database_url, directory.redis_url)
    hold = asyncio.Event()
    async with serve_notify(settings, directory) as notify, serve_receiver() as other:
        await fanned_out(notify)
        webhook = await notify.register(receiver.url, filters={"level": ["national"]})
        await notify.register(other.url, filters={"level": ["local"]})
        quiet = await median_seconds(notify, other)
        receiver.usual = Reply(held_until=hold)
        begun = await replay(notify, webhook, after=start)
        await receiver.got(10)
        # Without a share of their own they would come when the endpoint answers: never.
        assert await median_seconds(notify, other) < 5 * quiet + 1.5
        shown = await notify.get(f"/replays/{begun['id']}")
        assert shown["state"] == "running"
        assert 0 < shown["owed"] < 500
        hold.set()
    async with serve_notify(settings, directory) as notify:
        done = await ended(notify, begun)
        assert (done["state"], done["owed"]) == ("done", 500)

        async def all_delivered() -> bool:
            path = f"/webhooks/{webhook['id']}/deliveries?state=pending,failed"
            return not (await notify.get(path))["items"]

        await wait_until(all_delivered, "nothing is owed any more")
    seen = told(receiver)
    assert len(set(seen)) == 500
    last: dict[str, int] = {}
    for subject, version in seen:
        # What was under way at the restart may have come twice.
        assert version in {last.get(subject, 0), last.get(subject, 0) + 1}
        last[subject] = version
    assert set(last.values()) == {50}
