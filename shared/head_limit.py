"""Heads of requests over the limit: refused before they are read to their end.

The server reads an address and headers of any length into memory before the application sees
them, so the limits lie below it, in the protocol.
"""

from typing import Any

import orjson
import structlog
from uuid_utils.compat import uuid7
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from shared.problems import (
    MEDIA_TYPE,
    AddressTooLong,
    HeadersTooLarge,
    MalformedRequest,
    Problem,
    problem_content,
)
from shared.request_context import REQUESTS, shown_path

MOST_TARGET_BYTES = 16_384
"""Of the path and the query of an address together."""
MOST_HEADER_BYTES = 32_768
"""Of all headers of a request together."""

_LINGER_SECONDS = 2.0
_PATH_SHOWN = 200
_log = structlog.get_logger()


class LimitedHttp(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with limits to what it reads before it is known what is asked.

    What is refused here never becomes a request. It is answered after the requests before it on
    the same connection, which then ends. What still comes is read and forgotten for a moment: a
    socket that is closed over unread bytes is reset, and the answer is lost on its way.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_head = False
        self._began = False
        """Whether the head under way began in the newest piece."""
        self._arrived = 0
        """Bytes of the head under way, those of the newest piece left out."""
        self._piece = 0
        self._reason: Problem | None = None
        self._refused = False

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._began = False
        self._piece = len(data)
        super().data_received(data)
        # A piece in which a head begins may hold whole requests before it, so it does not count.
        if self._in_head and not self._began and not self._refused:
            self._arrived += len(data)
            if self._arrived > MOST_TARGET_BYTES + MOST_HEADER_BYTES:
                self._refuse(_headers_too_large())

    def on_message_begin(self) -> None:
        self._in_head, self._began, self._arrived = True, True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MOST_TARGET_BYTES:
            self._reason = AddressTooLong(
                f"An address has at most {MOST_TARGET_BYTES:,} bytes, its query included. Send "
                "fewer or shorter parameters."
            )
            # The parser stops, and the protocol comes to send_400_response.
            raise self._reason

    def on_headers_complete(self) -> None:
        self._in_head = False
        # Hardly ever are the headers worth counting.
        if self._arrived + self._piece > MOST_HEADER_BYTES:
            size = sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)
            if size > MOST_HEADER_BYTES:
                self._reason = _headers_too_large()
                raise self._reason
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not go on with."""
        unreadable = MalformedRequest("This is not HTTP/1.1, so the connection is closed.")
        self._refuse(self._reason or unreadable)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._refused and self.cycle.response_complete:
            self._answer()

    def _refuse(self, problem: Problem) -> None:
        self._refused, self._reason = True, problem
        if self.cycle is None or self.cycle.response_complete:
            self._answer()

    def _answer(self) -> None:
        if self._reason is None or self.transport.is_closing():
            return
        problem, request_id = self._reason, str(uuid7())
        path = self.url.partition(b"?")[0][:_PATH_SHOWN].decode("ascii", "replace")
        body = orjson.dumps({**problem_content(path, problem), "request_id": request_id})
        headers = [
            *self.server_state.default_headers,
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[problem.status], lines, body))
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)
        REQUESTS.labels("unknown", "unknown", problem.status).inc()
        _log.info(
            "request.refused",
            status=problem.status,
            path=shown_path(path),
            request_id=request_id,
        )


def _headers_too_large() -> Problem:
    return HeadersTooLarge(
        f"The headers of a request have at most {MOST_HEADER_BYTES:,} bytes together. Send less."
    )
