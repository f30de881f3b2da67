"""What is known of the request under way: its id, its trace, and the one log line it ends in."""

import re
import secrets
import time
from contextvars import ContextVar

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)

REQUESTS = Counter("http_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "http_request_seconds",
    "Time until the answer was sent; of answers without an end of their own, until it began.",
    ["route"],
)
OPEN_ENDED = "open_ended"
"""In the request's `state`: whether the answer has no end of its own."""
FACTS = "facts"
"""In the request's `state`: what the log line says beside what it always does, by name."""

# Whoever has such an address may act by it, so what stands behind these is not written down.
_SECRET_BELOW = ("/confirmations/",)
_log = structlog.get_logger()


def shown_path(path: str) -> str:
    """`path` as it may be logged."""
    for place in _SECRET_BELOW:
        before, found, _ = path.partition(place)
        if found:
            return f"{before}{place}…"
    return path


def current_request_id() -> str:
    """Id of the request under way, or an empty string outside of one."""
    return _request_id.get()


def current_traceparent() -> str | None:
    """W3C trace context of the request under way, or None outside of one."""
    return _traceparent.get()


def _child_of(traceparent: str | None) -> str:
    """A span of our own in the caller's trace; a fresh trace where the caller named none."""
    span = secrets.token_hex(8)
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent):
        version, trace, _, flags = traceparent.split("-")
        return f"{version}-{trace}-{span}-{flags}"
    return f"00-{secrets.token_hex(16)}-{span}-00"


class RequestContext:
    """Gives each request an id and a trace, and writes one wide log line when it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid7())
        _request_id.set(request_id)
        _traceparent.set(_child_of(headers.get("traceparent")))
        started = time.perf_counter()
        status, began = 500, started

        async def send_with_id(message: Message) -> None:
            nonlocal status, began
            if message["type"] == "http.response.start":
                status, began = message["status"], time.perf_counter()
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            state = scope.get("state", {})
            route = getattr(scope.get("route"), "path_format", "unknown")
            REQUESTS.labels(scope["method"], route, status).inc()
            SECONDS.labels(route).observe(began - started if state.get(OPEN_ENDED) else seconds)
            _log.info(
                "request.answered",
                method=scope["method"],
                path=shown_path(scope["path"]),
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 2),
                request_id=request_id,
                traceparent=_traceparent.get(),
                account=state.get("account_id"),
                **state.get(FACTS, {}),
            )
