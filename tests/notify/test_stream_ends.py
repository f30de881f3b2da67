"""What ends a stream: a reader that takes nothing, a token, an account, the process; and limits."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwt
from prometheus_client import REGISTRY

from shared.tokens import ISSUER
from tests.network import Network
from tests.notify.served_notify import (
    ServedNotify,
    notify_settings,
    over_the_wire,
    serve_notify,
)
from tests.notify.stream_reading import StreamReader, connect, read_stream
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

LARGE = {"description": {f"x{letter}": "long " * 2_000 for letter in "abcdefghijklmnopqrst"}}


@asynccontextmanager
async def streaming(
    database_url: str, directory: ServedDirectory, **more: str
) -> AsyncIterator[tuple[ServedNotify, str]]:
    """A notify with settings of its own, and its address."""
    settings = notify_settings(database_url, directory.redis_url, **more)
    async with (
        serve_notify(settings, directory) as notify,
        over_the_wire(notify) as url,
    ):
        yield notify, url


def ended(why: str) -> float:
    """How many streams ended because of `why`."""
    return REGISTRY.get_sample_value("stream_ended_total", {"why": why}) or 0.0


def measured_seconds() -> float:
    """How long all answers of the route took, as it is measured."""
    return REGISTRY.get_sample_value("http_request_seconds_sum", {"route": "/stream"}) or 0.0


async def test_who_takes_nothing_is_cut_off_and_resumes(
    notify_database_url: str, directory: ServedDirectory
) -> None:
    """It holds up nobody else, its connection ends, and it comes back for what it did not take."""
    before = ended("stalled")
    made = await directory.create("Changes a lot")
    begin = (await directory.event_of(made["id"]))["sequence"]
    settings = {"STREAM_STALL_SECONDS": "0.4", "STREAM_KEPT_EVENTS": "5"}
    async with streaming(notify_database_url, directory, **settings) as (_, url):
        slow, writer = await connect(url, receive_bytes=4_096, last_event_id=begin)
        taken = StreamReader()
        count = 0
        async with read_stream(url, last_event_id=begin) as quick:

            async def is_cut_off() -> bool:
                nonlocal made, count
                answer = await directory.patch(made, {**LARGE, "established": 1_000 + count})
                assert answer.status_code == 200, answer.text
                made = answer.json()
                count += 1
                return ended("stalled") > before

            await wait_until(is_cut_off, "it is cut off")
            await quick.has(count)
        await taken.read(slow)
        writer.close()
        assert taken.ended
        assert not taken.whole
        assert len(taken.messages) < count
        last = taken.last_event_id
        async with read_stream(url, {"Last-Event-ID": last}) as resumed:
            await resumed.has(count - len(taken.messages))
    ids = [int(message.id) for message in (*taken.messages, *resumed.messages)]
    assert ids == list(range(begin + 1, begin + 1 + count))
    assert quick.messages == [*taken.messages, *resumed.messages]


async def test_there_is_an_end_to_how_many(
    notify_database_url: str, directory: ServedDirectory
) -> None:
    """Of all in a process (503), and of one caller (429); whoever leaves makes room."""
    limits = {"STREAM_READERS": "3", "STREAM_READERS_PER_CALLER": "2"}
    member = await directory.account("member")
    async with streaming(notify_database_url, directory, **limits) as (_, url):
        async with AsyncExitStack() as stack:
            for headers in ({}, {}, member):
                opened = await stack.enter_async_context(read_stream(url, headers))
                assert opened.status == 200
            async with read_stream(url, await directory.signed_in()) as all_taken:
                assert (all_taken.status, all_taken.headers["retry-after"]) == (503, "10")
                assert orjson.loads(all_taken.body)["type"].endswith(":too-many-readers")

        async def is_empty() -> bool:
            return REGISTRY.get_sample_value("stream_readers") == 0

        await wait_until(is_empty, "all have left")
        async with read_stream(url), read_stream(url):
            async with read_stream(url) as third:
                assert (third.status, third.headers["retry-after"]) == (429, "10")
                assert orjson.loads(third.body)["type"].endswith(":too-many-streams")
            async with read_stream(url, member) as other:
                assert other.status == 200


class FewFiles(Network):
    """The network with a notify that may open few files: 20 for streams, 20 for requests."""

    def _command(self, name: str) -> list[str]:
        if name != "notify":
            return super()._command(name)
        limited = (
            "import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, (240, 240)); "
            "runpy.run_module('services.notify', run_name='__main__')"
        )
        return [sys.executable, "-c", limited]


async def test_streams_leave_files_for_all_else(tmp_path: Path) -> None:
    """There are no more of them than the process may open files, and the others are refused."""
    async with FewFiles(tmp_path) as network, AsyncExitStack() as stack:
        url = network.urls["notify"]
        for _ in range(20):
            stream = await stack.enter_async_context(read_stream(url))
            assert stream.status == 200
        async with read_stream(url) as refused:
            assert refused.status == 503
        assert (await network.client.get(f"{url}/readyz")).status_code == 200


async def test_pages_of_other_origins_may_listen(
    notify_database_url: str, directory: ServedDirectory
) -> None:
    """If they are configured; they may say where they were, and read which log it is."""
    origin = "https://pages.example.org"
    settings = {"CORS_ORIGINS": origin}
    async with streaming(notify_database_url, directory, **settings) as (notify, url):
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "last-event-id, authorization",
        }
        assert (await notify.client.options("/stream", headers=asked)).status_code == 200
        async with read_stream(url, {"Origin": origin}) as stream:
            made = await directory.create("Heard elsewhere")
            await stream.has(1)
    assert stream.headers["access-control-allow-origin"] == origin
    assert {"X-Log-Id", "X-Sequence"} <= {
        *stream.headers["access-control-expose-headers"].split(", ")
    }
    assert stream.subjects == [made["id"]]


def token_until(directory: ServedDirectory, expires_at: int) -> dict[str, str]:
    """The header of a member whose token expires at that moment (Unix time)."""
    key = next(iter(directory.app.state.signing_keys.public.keys))
    claims = {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": "01890000-0000-7000-8000-000000000000",
        "role": "member",
        "iat": expires_at - 600,
        "exp": expires_at,
    }
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": key.kid}
    return {"Authorization": f"Bearer {jwt.encode(header, claims, key, algorithms=['EdDSA'])}"}


async def test_it_does_not_outlive_its_token(notify: ServedNotify, stream_url: str) -> None:
    """It ends when the token does, says why, and goes on by a new one where it was."""
    directory = notify.directory
    expires_at = int(time.time()) + 2
    before, opened = measured_seconds(), time.monotonic()
    async with read_stream(stream_url, token_until(directory, expires_at)) as stream:
        one = await directory.create("In its time", visibility="member")
        await stream.has_ended()
        assert time.time() >= expires_at
        assert stream.whole
        assert stream.comments[-1].startswith("the access token has expired")
    # How long it was open says nothing of how quick we are.
    assert measured_seconds() - before < 0.9 * (time.monotonic() - opened)
    two = await directory.create("Between", visibility="member")
    headers = {**await directory.account("member"), "Last-Event-ID": stream.last_event_id}
    async with read_stream(stream_url, headers) as again:
        await again.has(2 - len(stream.messages))
    assert [*stream.subjects, *again.subjects] == [one["id"], two["id"]]


async def make_account(directory: ServedDirectory, role: str) -> tuple[str, dict[str, str]]:
    """The address of a new account, and its header."""
    answer = await directory.client.post(
        "/accounts", json={"name": "A reader", "role": role}, headers=await directory.signed_in()
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    signed_in = await directory.signed_in((made["client_id"], made["client_secret"]))
    return f"/accounts/{made['id']}", signed_in


async def test_an_account_that_is_closed_reads_no_more(
    notify: ServedNotify, stream_url: str
) -> None:
    """Its streams end, others go on, and its token, which lasts for minutes yet, opens no other."""
    directory = notify.directory
    secretariat = await directory.signed_in()
    account, headers = await make_account(directory, "member")
    async with read_stream(stream_url, headers) as stream, read_stream(stream_url) as other:
        renamed = await directory.client.patch(
            account, json={"name": "Renamed"}, headers={**secretariat, "If-Match": '"1"'}
        )
        assert renamed.status_code == 200, renamed.text
        made = await directory.create("Before it is closed")
        await stream.has(1)
        assert (await directory.client.delete(account, headers=secretariat)).status_code == 204
        await stream.has_ended()
        after = await directory.create("After it was closed")
        await other.has(2)
        async with read_stream(stream_url, headers) as again:
            assert again.status == 401
    assert stream.comments[-1].startswith("the account has changed")
    assert stream.subjects == [made["id"]]
    assert other.subjects == [made["id"], after["id"]]
    assert not [message for message in other.messages if message.event.startswith("account.")]


async def test_a_process_that_stops_ends_its_streams(tmp_path: Path) -> None:
    """At once: it waits for no reader, not even for one that takes nothing; each has a log line."""
    async with Network(tmp_path, settings={"LOG_LEVEL": "info"}) as network:
        url = network.urls["notify"]
        headers = await network.signed_in()

        async def create(name: str, **more: Any) -> None:
            body = {"level": "national", "names": [{"value": name, "kinds": ["display"]}], **more}
            answer = await network.client.post(
                f"{network.urls['directory']}/partners", json=body, headers=headers
            )
            assert answer.status_code == 201, answer.text

        stuck, writer = await connect(url, receive_bytes=4_096)
        async with read_stream(url) as one, read_stream(url, headers) as two:
            for number in range(30):
                await create(f"Large {number}", **LARGE)
            await one.has(30)
            await two.has(30)
            begun = time.monotonic()
            network.processes["notify"].terminate()
            await one.has_ended()
            await two.has_ended()
            await asyncio.to_thread(network.processes["notify"].wait, 10)
            seconds = time.monotonic() - begun
        writer.close()
        assert not stuck.at_eof()
        assert one.whole
        assert one.comments[-1].startswith("the service stops")
        printed = (tmp_path / "notify.log").read_text().splitlines()
        lines = [orjson.loads(line) for line in printed if line.startswith("{")]
        streams = [line for line in lines if line.get("route") == "/stream"]
        told = sorted((line["events"], line["ended"], line["status"]) for line in streams)
        assert told[1:] == [(30, "shutdown", 200)] * 2
        assert told[0][0] < 30
        # A second is promised; this is twice that, for machines that are busy.
        assert seconds < 2
