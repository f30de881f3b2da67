"""A real endpoint: an HTTP server that answers by a script and remembers what it was sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from tests.waiting import wait_until


@dataclass
class Received:
    """One request."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event(self) -> dict[str, Any]:
        """The body, read."""
        event: dict[str, Any] = orjson.loads(self.body)
        return event


@dataclass
class Reply:
    """One answer of the script."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    held_until: asyncio.Event | None = None
    echoing: str | None = None
    """Name of the value of `data` that is answered as JSON in the place of `body`."""


class Receiver:
    """An endpoint. Answers `script` one by one, and `usual` when the script is at its end."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.requests: list[Received] = []
        self.event_ids: set[str] = set()
        self.script: list[Reply] = []
        self.usual = Reply()
        self.at_once = 0
        self.most_at_once = 0
        self.forget: Callable[[], None] = self.requests.clear

    async def answer(self, request: web.Request) -> web.Response:
        """Remember the request and answer what stands next in the script."""
        body = await request.read()
        now = asyncio.get_running_loop().time()
        self.event_ids.add(request.headers.get("webhook-id", ""))
        self.requests.append(Received(dict(request.headers), body, now))
        reply = self.script.pop(0) if self.script else self.usual
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if reply.held_until is not None:
                await reply.held_until.wait()
        finally:
            self.at_once -= 1
        sent = reply.body
        if reply.echoing is not None:
            value = orjson.loads(body)["data"].get(reply.echoing)
            sent = orjson.dumps({reply.echoing: value})
        return web.Response(status=reply.status, headers=reply.headers, body=sent)

    async def got(self, count: int, what: str = "", seconds: float = 90.0) -> list[Received]:
        """The requests, once there are `count` of them."""

        async def arrived() -> bool:
            return len(self.requests) >= count

        await wait_until(arrived, what or f"{count} request(s) arrived at {self.url}", seconds)
        return self.requests


@asynccontextmanager
async def serve_receiver() -> AsyncIterator[Receiver]:
    """An endpoint on a free port while the block runs."""
    app = web.Application()
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    # The port is known only after the start, so the route finds its receiver when asked.
    receivers: list[Receiver] = []

    async def answer(request: web.Request) -> web.Response:
        return await receivers[0].answer(request)

    app.router.add_post("/hook", answer)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receivers.append(Receiver(runner.addresses[0][1]))
    try:
        yield receivers[0]
    finally:
        await runner.cleanup()
