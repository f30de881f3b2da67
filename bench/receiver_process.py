"""An endpoint for webhooks that notes when what arrived: `python -m bench.receiver_process PORT`.

Times are those of the monotonic clock, which all processes of a machine share.
"""

import sys
import time

import uvloop
from aiohttp import web


class Endpoint:
    """What has arrived since it was last emptied."""

    def __init__(self) -> None:
        self._arrived: list[tuple[float, dict[str, str], bytes]] = []

    async def receive(self, request: web.Request) -> web.Response:
        """Keep a request; nothing is looked at here that could wait."""
        body = await request.read()
        self._arrived.append((time.monotonic(), dict(request.headers), body))
        return web.Response(status=204)

    async def count(self, _: web.Request) -> web.Response:
        """How many there are."""
        return web.Response(text=str(len(self._arrived)))

    async def show(self, _: web.Request) -> web.Response:
        """All there are."""
        shown = [
            {"at": at, "headers": headers, "body": body.decode()}
            for at, headers, body in self._arrived
        ]
        return web.json_response(shown)

    async def empty(self, _: web.Request) -> web.Response:
        """Forget them."""
        self._arrived.clear()
        return web.Response(status=204)


def main() -> None:
    """Serve until a signal comes."""
    uvloop.install()
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_post("/hook", endpoint.receive)
    app.router.add_get("/count", endpoint.count)
    app.router.add_get("/arrivals", endpoint.show)
    app.router.add_delete("/arrivals", endpoint.empty)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
