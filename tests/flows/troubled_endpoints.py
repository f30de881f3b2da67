"""Endpoints of every kind of trouble: real servers that remember what they are sent.

They are written on bare sockets, because most of the troubles are nothing that an HTTP server
does, and because hundreds of thousands of requests must cost little.
"""

import asyncio
import socket
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
_SLOW_SECONDS = 1.5
_FLAP_SECONDS = 3
_GARBAGE = (b"SSH-2.0-OpenSSH_9.9\r\n", b"\x00\xff" * 500, b"HTTP/9 what\r\n\r\n", b"\r\n\r\n{}")


def _bound_socket() -> socket.socket:
    place = socket.socket()
    place.bind(("127.0.0.1", 0))
    return place


def _status(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {line}", *headers, "Content-Length: 0", "", ""]).encode()


class Connection(asyncio.Protocol):
    """One connection: reads requests and hands each to its endpoint."""

    transport: asyncio.Transport

    def __init__(self, endpoint: "Endpoint") -> None:
        self._endpoint = endpoint
        self._read = bytearray()
        self._may_write = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def pause_writing(self) -> None:
        """The other side reads no more for now."""
        self._may_write = False

    def resume_writing(self) -> None:
        """It reads again."""
        self._may_write = True

    def data_received(self, data: bytes) -> None:
        """Hand over each request that is complete."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            lines = bytes(self._read[:end]).decode("latin-1").lower().split("\r\n")[1:]
            headers = dict(line.split(": ", 1) for line in lines)
            size = end + 4 + int(headers.get("content-length", 0))
            if len(self._read) < size:
                return
            body = bytes(self._read[end + 4 : size])
            del self._read[:size]
            self._endpoint.answer(self, headers.get("webhook-id", ""), body)

    def write(self, data: bytes) -> None:
        """Send, unless the connection is gone."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def write_without_end(self, chunk: bytes) -> None:
        """Send until the other side has had enough."""
        if not self.transport.is_closing():
            if self._may_write:
                self.transport.write(chunk)
            asyncio.get_running_loop().call_later(0.005, self.write_without_end, chunk)


Trouble = Callable[["Endpoint", Connection, int], bool]
"""Answers a request, counted from 1; whether that was with a 2xx."""


@dataclass
class Endpoint:
    """An endpoint, and what it was sent."""

    name: str
    trouble: Trouble
    ordered: bool
    country: str | None
    """It is told of partners there; None: of all."""
    elsewhere: str = ""
    """Where it leads to, if it redirects."""
    place: socket.socket = field(default_factory=_bound_socket)
    """Bound from the beginning, so that nobody else listens there; refuses until it listens."""
    webhook_id: str = ""
    count: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    """How often it was sent each event."""
    taken: set[str] = field(default_factory=set)
    """The events that it has answered with a 2xx."""
    refused: set[str] = field(default_factory=set)
    """The events that were given up because it said it was gone."""
    sequences: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """What it was sent of each record, in the order in which it came."""
    is_well: bool = False
    """From now on it takes everything."""
    server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it listens, or would."""
        return f"http://127.0.0.1:{self.place.getsockname()[1]}/hook"

    def answer(self, connection: Connection, event_id: str, body: bytes) -> None:
        """Remember one request and answer it."""
        self.count += 1
        event = orjson.loads(body or b"{}")
        if "sequence" in event:
            self.requests[event_id] += 1
            self.sequences[event["subject"]].append(event["sequence"])
        trouble = healthy if self.is_well else self.trouble
        if trouble(self, connection, self.count):
            self.taken.add(event_id)

    async def listen(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Connection(self), sock=self.place)

    def close(self) -> None:
        """Stop listening."""
        if self.server is not None:
            self.server.close()
        self.place.close()


def healthy(_: Endpoint, connection: Connection, __: int) -> bool:
    """Takes everything at once."""
    connection.write(_TAKEN)
    return True


def slow(_: Endpoint, connection: Connection, __: int) -> bool:
    """Takes everything, after a while."""
    asyncio.get_running_loop().call_later(_SLOW_SECONDS, connection.write, _TAKEN)
    return True


def flapping(_: Endpoint, connection: Connection, number: int) -> bool:
    """Well for some seconds; for the next ones it resets connections or says it is unavailable."""
    if int(asyncio.get_running_loop().time()) % (2 * _FLAP_SECONDS) < _FLAP_SECONDS:
        connection.write(_TAKEN)
        return True
    if number % 2:
        connection.transport.abort()
    else:
        connection.write(_status("503 Service Unavailable"))
    return False


def hanging(_: Endpoint, __: Connection, ___: int) -> bool:
    """Reads, and never answers."""
    return False


def dead(_: Endpoint, __: Connection, ___: int) -> bool:
    """Does not even listen."""
    raise AssertionError("nothing listens there")


def redirecting(endpoint: Endpoint, connection: Connection, number: int) -> bool:
    """Leads to somewhere else, by each of the ways to do that."""
    status = ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect")
    connection.write(_status(status[number % 4], f"Location: {endpoint.elsewhere}"))
    return False


def gone(_: Endpoint, connection: Connection, __: int) -> bool:
    """Wants no more."""
    connection.write(_status("410 Gone"))
    return False


def overloaded(_: Endpoint, connection: Connection, number: int) -> bool:
    """Takes every other request, and wants a second's rest after the rest."""
    if number % 2:
        connection.write(_TAKEN)
        return True
    connection.write(_status("429 Too Many Requests", "Retry-After: 1"))
    return False


def closing_in_the_body(_: Endpoint, connection: Connection, __: int) -> bool:
    """Takes everything, and breaks off while it says so."""
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")
    connection.transport.close()
    return True


def closing_at_once(_: Endpoint, connection: Connection, number: int) -> bool:
    """Hangs up on every other request without an answer."""
    if number % 2:
        connection.transport.close()
        return False
    connection.write(_TAKEN)
    return True


def speaking_garbage(_: Endpoint, connection: Connection, number: int) -> bool:
    """Says to every other request something that is not HTTP."""
    if number % 2:
        connection.write(_GARBAGE[number // 2 % len(_GARBAGE)])
        connection.transport.close()
        return False
    connection.write(_TAKEN)
    return True


def answering_without_end(_: Endpoint, connection: Connection, __: int) -> bool:
    """Takes everything, and its answer has no end."""
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    connection.write_without_end(b"x" * 262_144)
    return True
