"""A client that blocks and does next to nothing, so that what it times is the server."""

import re
import socket
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_PIECE = 65_536
_TIMEOUT_SECONDS = 30


class Refused(Exception):
    """The server did not answer with success."""


class KeepAlive:
    """One connection to a server, used again for each request."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(url)
        lines = [f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._headers = "".join(f"{line}\r\n" for line in lines)
        self._socket = socket.create_connection(
            (parts.hostname or "", parts.port or 80), _TIMEOUT_SECONDS
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._socket.close()

    def get(self, target: str) -> bytes:
        """The body at `target`."""
        return self._exchange(f"GET {target} HTTP/1.1\r\n{self._headers}\r\n".encode())

    def post(self, target: str, body: bytes) -> bytes:
        """The body of the answer to `body` (JSON)."""
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        head = f"POST {target} HTTP/1.1\r\n{self._headers}{kind}\r\n"
        return self._exchange(head.encode() + body)

    def _exchange(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        received = bytearray()
        head = -1
        while head < 0:
            received += self._receive()
            head = received.find(b"\r\n\r\n")
        length = _LENGTH.search(received, 0, head)
        whole = head + 4 + (int(length[1]) if length else 0)
        while len(received) < whole:
            received += self._receive()
        if not received.startswith(b"HTTP/1.1 2"):
            raise Refused(received.decode(errors="replace"))
        return bytes(received[head + 4 :])

    def _receive(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise Refused("the server closed the connection")
        return piece
