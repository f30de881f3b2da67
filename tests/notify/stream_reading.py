"""A reader of Server-Sent Events, as a browser is one: by the rules of the HTML standard."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    id: str
    event: str
    data: str

    @property
    def content(self) -> Any:
        """The data, read."""
        return orjson.loads(self.data)


class StreamReader:
    """A stream that is being read."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.messages: list[Message] = []
        self.comments: list[str] = []
        self.retry: int | None = None
        self.last_event_id = ""
        self.body = b""
        """The answer itself where it is no stream."""
        self.ended = False
        self.whole = False
        """Whether it came to its end by itself rather than broke off."""

    async def has(self, count: int) -> list[Message]:
        """The messages, once there are `count`."""

        async def enough() -> bool:
            assert len(self.messages) >= count or not self.ended, f"it ended: {self.comments}"
            return len(self.messages) >= count

        await wait_until(enough, f"{count} messages came")
        return self.messages

    async def has_ended(self, seconds: float = 15.0) -> None:
        """Wait until the server has ended it."""

        async def ended() -> bool:
            return self.ended

        await wait_until(ended, "the stream has ended", seconds)

    async def is_at(self, sequence: int) -> None:
        """Wait until it would resume from `sequence` or later."""

        async def moved() -> bool:
            return int(self.last_event_id or 0) >= sequence

        await wait_until(moved, f"the stream is at {sequence}")

    @property
    def subjects(self) -> list[str]:
        """Ids of the records that it was told of, in order."""
        return [one.content["subject"] for one in self.messages if one.event != "reset"]

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Read the answer to its end."""
        try:
            await self._read_head(reader)
            if self.headers["content-type"].startswith("text/event-stream"):
                await self._read_messages(_chunks(reader))
            else:
                self.body = await reader.readexactly(int(self.headers["content-length"]))
            self.whole = True
        except (asyncio.IncompleteReadError, ConnectionError):
            self.whole = False
        finally:
            self.ended = True

    async def _read_head(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])
        }
        self.status = int(head[0].split()[1])

    async def _read_messages(self, pieces: AsyncIterator[bytes]) -> None:
        rest = b""
        fields: dict[str, list[str]] = {}
        async for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line:
                    name, _, value = line.decode().partition(":")
                    fields.setdefault(name, []).append(value.removeprefix(" "))
                else:
                    self._take(fields)
                    fields = {}

    def _take(self, fields: dict[str, list[str]]) -> None:
        assert fields.keys() <= {"", "id", "event", "data", "retry"}, fields
        self.comments += fields.get("", [])
        if "retry" in fields:
            self.retry = int(fields["retry"][-1])
        if "id" in fields:
            self.last_event_id = fields["id"][-1]
        if "data" in fields:
            event = fields.get("event", ["message"])[-1]
            self.messages.append(Message(self.last_event_id, event, "\n".join(fields["data"])))


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(
    url: str, headers: dict[str, str] | None = None, receive_bytes: int = 65_536, **asked: Any
) -> Connection:
    """A connection on which the stream was asked for; it takes `receive_bytes` if nobody reads.

    Raises:
        OSError: nobody answers there.
    """
    parts = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.setblocking(False)
    address = (parts.hostname or "", parts.port or 80)
    try:
        await asyncio.get_running_loop().sock_connect(connection, address)
    except OSError:
        connection.close()
        raise
    reader, writer = await asyncio.open_connection(sock=connection, limit=receive_bytes)
    lines = [f"GET /stream?{urlencode(asked)} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    return reader, writer


@asynccontextmanager
async def read_stream(
    url: str, headers: dict[str, str] | None = None, **asked: Any
) -> AsyncIterator[StreamReader]:
    """The stream of notify at `url` while the block runs, from when it was let in or refused."""
    stream = StreamReader()
    reader, writer = await connect(url, headers, **asked)
    reading = asyncio.create_task(stream.read(reader))

    async def answered() -> bool:
        return stream.ended or bool(stream.last_event_id)

    try:
        await wait_until(answered, "the stream has begun")
        yield stream
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        writer.close()
