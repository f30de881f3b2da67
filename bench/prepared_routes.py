"""Routes that return prepared bytes: the least that an answer of the same app can cost.

They stand in front of all others, take nothing from the request and add no headers of their own,
so what they cost is the server, the framework and the middleware, and nothing else.
"""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request, Response

NAMES = ("one", "page", "answer")


def add_prepared_routes(app: FastAPI) -> None:
    """Add `GET /prepared/<name>`, and the `PUT` that gives each of them its bytes."""
    router = APIRouter(include_in_schema=False)
    prepared = dict.fromkeys(NAMES, b"")
    for name in NAMES:
        path = f"/prepared/{name}"
        router.add_api_route(path, _reading(prepared, name), methods=["GET"])
        router.add_api_route(path, _preparing(prepared, name), methods=["PUT"])
    app.include_router(router)
    routes = app.router.routes
    routes.insert(0, routes.pop())


def _reading(prepared: dict[str, bytes], name: str) -> Callable[[], Awaitable[Response]]:
    async def read_prepared() -> Response:
        return Response(prepared[name], media_type="application/json")

    return read_prepared


def _preparing(prepared: dict[str, bytes], name: str) -> Callable[[Request], Awaitable[Response]]:
    async def prepare(request: Request) -> Response:
        prepared[name] = await request.body()
        return Response(status_code=204)

    return prepare
