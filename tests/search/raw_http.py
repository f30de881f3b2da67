"""Requests as bytes on a socket, for what no client library would send."""

import asyncio
import http.client
import socket
import time
from dataclasses import dataclass
from typing import Any

import orjson

_TIMEOUT_SECONDS = 20.0
SLOWEST_SECONDS = 5.0
"""Five times what is promised, for machines that are busy."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back."""

    status: int
    media_type: str
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """The body, read."""
        return orjson.loads(self.body)

    @property
    def kind(self) -> str:
        """The kind of the problem that it is."""
        assert self.media_type == "application/problem+json", self
        problem = self.json
        assert problem["status"] == self.status
        assert problem["request_id"]
        return str(problem["type"]).rpartition(":")[2]


def a_request(target: str | bytes, *headers: bytes, method: bytes = b"GET") -> bytes:
    """A request without a body; `target` stands as it is."""
    address = target.encode("ascii") if isinstance(target, str) else target
    lines = [b"%b %b HTTP/1.1" % (method, address), b"Host: search.test", *headers, b"", b""]
    return b"\r\n".join(lines)


def a_post(path: str, body: bytes, *headers: bytes) -> bytes:
    """A request with a body that is said to be JSON."""
    told = (b"Content-Type: application/json", b"Content-Length: %d" % len(body))
    return a_request(path, *headers, *told, method=b"POST") + body


async def send(port: int, request: bytes) -> RawAnswer:
    """The answer to `request`, which is sent to its end whatever the server says meanwhile.

    Raises:
        OSError: the connection broke off before there was an answer, or nothing came.
    """
    return await asyncio.to_thread(_send, port, request)


def _send(port: int, request: bytes) -> RawAnswer:
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        body = answer.read()
        seconds = time.perf_counter() - started
        return RawAnswer(answer.status, answer.headers.get_content_type(), body, seconds)


async def send_several(port: int, *requests: bytes) -> bytes:
    """All that comes back to requests that are sent at once, until the server closes."""
    return await asyncio.to_thread(_send_several, port, b"".join(requests))


def _send_several(port: int, requests: bytes) -> bytes:
    received = b""
    with socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS) as connection:
        connection.sendall(requests)
        while piece := connection.recv(65_536):
            received += piece
    return received
