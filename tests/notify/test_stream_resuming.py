"""Coming back to the live stream: nothing is missing and nothing comes twice, or one is told so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import HTTPException
from prometheus_client import REGISTRY

from shared.broker import connect_broker
from tests.notify.served_notify import (
    ServedNotify,
    notify_settings,
    over_the_wire,
    serve_notify,
)
from tests.notify.stream_reading import Message, read_stream
from tests.search.scripted_directory import ScriptedDirectory, a_record
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

Json = dict[str, Any]


@pytest.fixture(scope="module")
async def short_memory(
    notify_database_url: str, directory: ServedDirectory
) -> AsyncIterator[tuple[ServedNotify, str]]:
    """A notify that keeps three events in memory and lets one resume over 150, and its address."""
    more = {"STREAM_KEPT_EVENTS": "3", "STREAM_RESUME_EVENTS": "150"}
    settings = notify_settings(notify_database_url, directory.redis_url, **more)
    async with (
        serve_notify(settings, directory) as notify,
        over_the_wire(notify) as url,
    ):
        yield notify, url


async def write(directory: ServedDirectory, count: int, name: str) -> tuple[list[str], int]:
    """Ids of `count` new partners, and the sequence of the last one's event."""
    made = await directory.create_many(f"{name} {number}" for number in range(count))
    return made, (await directory.event_of(made[-1]))["sequence"]


@pytest.mark.parametrize("way", ["header", "parameter", "header before parameter"])
async def test_what_was_missed_comes_first(notify: ServedNotify, stream_url: str, way: str) -> None:
    """By Last-Event-ID, or by the parameter for who cannot set it; the header is the newer one."""
    _, begin = await write(notify.directory, 1, "Had")
    missed, _ = await write(notify.directory, 5, "Missed")
    headers = {"Last-Event-ID": str(begin)} if way != "parameter" else {}
    query = {"last_event_id": begin if way == "parameter" else 0} if way != "header" else {}
    async with read_stream(stream_url, headers, **query) as stream:
        live, _ = await write(notify.directory, 2, "Live")
        messages = await stream.has(7)
    assert stream.subjects == [*missed, *live]
    assert [int(message.id) for message in messages] == list(range(begin + 1, begin + 8))


async def test_what_is_not_kept_in_memory_comes_from_the_directory(
    short_memory: tuple[ServedNotify, str],
) -> None:
    """However far back it is, up to a limit, and for several readers at once."""
    notify, url = short_memory
    _, begin = await write(notify.directory, 1, "Long ago")
    missed, _ = await write(notify.directory, 130, "Since then")
    async with (
        read_stream(url, last_event_id=begin) as one,
        read_stream(url, last_event_id=begin + 60) as two,
        read_stream(url, last_event_id=begin, event_types="topic.*") as three,
    ):
        await one.has(130)
        await two.has(70)
        await three.is_at(begin + 130)
        live, _ = await write(notify.directory, 1, "Live")
        await one.has(131)
        await two.has(71)
    assert one.subjects == [*missed, *live]
    assert two.subjects == [*missed[60:], *live]
    assert three.messages == []
    assert "catching up" in three.comments


async def test_no_gap_and_no_repeat_while_writes_go_on(
    notify: ServedNotify, stream_url: str
) -> None:
    """A reader that comes and goes, with Redis emptied meanwhile, has each event once, in order."""
    redis = connect_broker(notify.directory.redis_url)
    _, begin = await write(notify.directory, 1, "Begin")
    written: list[str] = []

    async def go_on_writing() -> None:
        for number in range(60):
            written.append((await notify.directory.create(f"Going on {number}"))["id"])
            if number % 20 == 10:
                await redis.flushdb()

    writing = asyncio.create_task(go_on_writing())
    told: list[Message] = []
    last = str(begin)
    while len(told) < 60:
        async with read_stream(stream_url, {"Last-Event-ID": last}) as stream:
            await stream.has(min(3, 60 - len(told)))
            told += stream.messages
            last = stream.last_event_id
    await writing
    await redis.aclose()
    assert [message.content["subject"] for message in told] == written
    assert [int(message.id) for message in told] == list(range(begin + 1, begin + 61))


async def test_a_heartbeat_moves_the_place_to_resume_from(
    notify: ServedNotify, stream_url: str
) -> None:
    """A reader that nothing concerned need not go through it all again, and proxies stay awake."""
    async with read_stream(stream_url, event_types="topic.*") as stream:
        _, end = await write(notify.directory, 3, "Not for this one")
        await stream.is_at(end)
        assert stream.messages == []
        assert "nothing new" in stream.comments


@pytest.mark.parametrize("behind", [150, 151])
async def test_who_is_too_far_behind_is_told_to_begin_anew(
    short_memory: tuple[ServedNotify, str], behind: int
) -> None:
    """`reset` says where the stream goes on; what comes after it follows on that."""
    notify, url = short_memory
    await write(notify.directory, 160, "Much")
    end = (await notify.directory.changes())["head"]
    async with read_stream(url) as newest:
        await newest.is_at(end)
    async with read_stream(url, last_event_id=end - behind) as stream:
        made, _ = await write(notify.directory, 1, "After all that")
        [first, *_] = await stream.has(2)
        if behind <= 150:
            assert first.event == "partner.created"
            return
        log = await notify.directory.changes()
        assert (first.event, first.id) == ("reset", str(end))
        assert first.content == {"log_id": log["log_id"], "sequence": end, "reason": "too_old"}
        assert stream.subjects == made


async def test_an_id_ahead_of_the_log_is_reset(notify: ServedNotify, stream_url: str) -> None:
    """The log is not the one that it came from, whatever else it is."""
    _, end = await write(notify.directory, 1, "The end")
    async with read_stream(stream_url) as newest:
        await newest.is_at(end)
    async with read_stream(stream_url, last_event_id=end + 1_000) as stream:
        [first] = await stream.has(1)
    assert (first.event, first.content["reason"]) == ("reset", "ahead_of_the_log")
    assert first.content["sequence"] >= end


async def test_another_log_is_noticed_by_its_id(notify: ServedNotify, stream_url: str) -> None:
    """Who names the log that its place is in is never told of another one by mistake."""
    log = await notify.directory.changes()
    async with (
        read_stream(stream_url, last_event_id=1, log_id="an older one") as other,
        read_stream(stream_url, last_event_id=log["head"], log_id=log["log_id"]) as same,
    ):
        [first] = await other.has(1)
        made, _ = await write(notify.directory, 1, "In this log")
        await same.has(1)
    assert (first.event, first.content["reason"]) == ("reset", "another_log")
    assert same.subjects == made


IDS = [f"0190000{number}-0000-7000-8000-000000000000" for number in range(6)]


@asynccontextmanager
async def notify_of(
    scripted: ScriptedDirectory, database_url: str, broker_url: str, **more: str
) -> AsyncIterator[str]:
    """The address of a notify that follows `scripted`, which has told of `IDS`, in the block."""
    for record_id in IDS:
        scripted.say(record_id, None)
    settings = notify_settings(database_url, f"{broker_url}/7", **more)
    async with (
        httpx.AsyncClient() as client,
        serve_notify(settings, ServedDirectory(scripted.app, client, settings.redis_url)) as notify,
        over_the_wire(notify) as url,
    ):
        yield url


class ForgetfulDirectory(ScriptedDirectory):
    """A directory whose log cannot be read for a while, or only slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.thinks = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    async def _changes(self, after: int, limit: int) -> Json:
        if self.away:
            raise HTTPException(503)
        self.thinks.set()
        await self.answers.wait()
        return await super()._changes(after, limit)


async def test_who_missed_much_waits_for_the_directory(
    notify_database_url: str, broker_url: str
) -> None:
    """What memory does not have cannot be told while it is away: the stream ends and says so."""
    scripted = ForgetfulDirectory()
    async with notify_of(scripted, notify_database_url, broker_url, STREAM_KEPT_EVENTS="2") as url:
        async with read_stream(url, last_event_id=4) as near:
            await near.has(2)
        scripted.away = True
        async with read_stream(url, last_event_id=4) as near, read_stream(url) as newest:
            await near.has(2)
            async with read_stream(url, last_event_id=1) as far:
                await far.has_ended()
            assert not newest.ended
        scripted.away = False
        async with read_stream(url, {"Last-Event-ID": far.last_event_id}) as again:
            await again.has(5)
    assert (far.whole, far.messages, far.last_event_id) == (True, [], "1")
    assert far.comments[-1].startswith("what was missed cannot be read now")
    assert near.subjects == IDS[4:]
    assert again.subjects == IDS[1:]


async def test_who_leaves_does_not_wait_for_the_directory(
    notify_database_url: str, broker_url: str
) -> None:
    """Its place is free at once, although what it missed is still being asked for."""
    scripted = ForgetfulDirectory()
    async with notify_of(scripted, notify_database_url, broker_url, STREAM_KEPT_EVENTS="2") as url:

        async def nobody_reads() -> bool:
            return REGISTRY.get_sample_value("stream_readers") == 0

        async with read_stream(url):
            pass
        await wait_until(nobody_reads, "the first one has left")
        scripted.thinks.clear()
        scripted.answers.clear()
        async with read_stream(url, last_event_id=1):
            await scripted.thinks.wait()
        await wait_until(nobody_reads, "the second one has left")
        scripted.answers.set()


async def test_a_directory_that_begins_another_log_resets_its_readers(
    notify_database_url: str, broker_url: str
) -> None:
    """Also when it was restored from a backup: its log is the same, and shorter."""
    scripted = ScriptedDirectory()
    async with (
        notify_of(scripted, notify_database_url, broker_url) as url,
        read_stream(url) as stream,
    ):
        assert stream.last_event_id == "6"
        del scripted.events[2:]
        [restored] = await stream.has(1)
        scripted.log_id = "another"
        record_id = "01900009-0000-7000-8000-000000000000"
        [_, other] = await stream.has(2)
        scripted.say(record_id, a_record(record_id, 1, "In the new log"))
        messages = await stream.has(3)
    assert (restored.event, restored.id) == ("reset", "2")
    assert (other.event, other.id, other.content["log_id"]) == ("reset", "2", "another")
    assert (messages[2].event, messages[2].id) == ("partner.updated", "3")
