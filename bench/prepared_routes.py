"""Routes that return prepared bytes: the least that an answer of the same app can cost.

They stand in front of all others, take nothing from the request and add no headers of their own,
so what they cost is the server, the framework and the middleware, and nothing else.
"""

from fastapi import APIRouter, FastAPI, Request, Response


def add_prepared_routes(app: FastAPI) -> None:
    """Add `GET /prepared/{name}`, and the `PUT` that gives each name its bytes."""
    router = APIRouter(include_in_schema=False)
    prepared: dict[str, bytes] = {}

    async def read_prepared(request: Request) -> Response:
        body = prepared[request.path_params["name"]]
        return Response(body, media_type="application/json")

    async def prepare(request: Request) -> Response:
        prepared[request.path_params["name"]] = await request.body()
        return Response(status_code=204)

    router.add_api_route("/prepared/{name}", read_prepared, methods=["GET"])
    router.add_api_route("/prepared/{name}", prepare, methods=["PUT"])
    app.include_router(router)
    routes = app.router.routes
    routes.insert(0, routes.pop())
