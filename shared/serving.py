"""What the HTTP side of every service has in common: conventions, health, start and stop."""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Literal

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as OutOfTurn
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.body_limit import LargeBodiesAsProblems
from shared.logs import configure_logs
from shared.open_ended import OpenEndedHttp
from shared.problems import (
    AddressTooLong,
    BodyTooLarge,
    FieldError,
    HeadersTooLarge,
    InvalidValues,
    Problem,
    ProblemDetails,
    Unavailable,
    UnknownParameter,
    UnsupportedMediaType,
    answers,
    install_problems,
    pointer_of,
    problem_response,
)
from shared.request_context import RequestContext

_GRACEFUL_SECONDS = 5
# FastAPI's own routes, by their names.
_EXPLAINING = ("openapi", "swagger_ui_html", "swagger_ui_redirect", "redoc_html")
# What a page of another origin may read of an answer, beside what it always may.
_EXPOSED = [
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "X-Log-Id",
    "X-Request-ID",
    "X-Sequence",
]
_CANCEL_AGAIN_SECONDS = 1.0
_OBJECTS_BETWEEN_LOOKS = 20_000


def _query_names(dependant: Dependant) -> set[str]:
    names: set[str] = set()
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            names |= {info.alias or name for name, info in model.model_fields.items()}
        else:
            names.add(field.alias)
    for inner in dependant.dependencies:
        names |= _query_names(inner)
    return names


class StrictRoute(APIRoute):
    """A route that refuses query parameters it does not know, and ones that are given twice."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = _query_names(self.dependant)

        async def handle_strictly(request: Request) -> Response:
            items = request.query_params.multi_items() if request.scope["query_string"] else ()
            names = {name for name, _ in items}
            if len(names) < len(items) or not known.issuperset(names):
                given = Counter(name for name, _ in items)
                wrong = [(name, "unknown") for name in given if name not in known]
                twice = [(name, "repeated") for name, times in given.items() if times > 1]
                raise UnknownParameter(
                    f"This address knows {', '.join(sorted(known)) or 'no parameters'}, "
                    "each at most once.",
                    errors=[
                        FieldError(pointer=pointer_of(("query", name)), detail=what)
                        for name, what in (wrong + twice)[:_MOST_ERRORS]
                    ],
                )
            try:
                answer = await handle(request)
            except RecursionError as error:
                # How deep is too deep depends on how deep the call is; a record is never so deep.
                raise InvalidValues(
                    "The body has values within values over hundreds of steps. No record has."
                ) from error
            return _head_of(answer) if _HEAD_ONLY in request.scope else answer

        return handle_strictly

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(_as_get(scope))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A copy, so that the server still sees HEAD and sends no body.
        await super().handle(_as_get(scope), receive, send)


_HEAD_ONLY = "partner_directory.head_only"
_MOST_ERRORS = 100


def _as_get(scope: Scope) -> Scope:
    """HEAD is answered wherever GET is, by the same function; it is not documented apart."""
    if scope["type"] == "http" and scope["method"] == "HEAD":
        return {**scope, "method": "GET", _HEAD_ONLY: True}
    return scope


def _head_of(answer: Response) -> Response:
    """`answer` without its body, which is not even made where it would be streamed."""
    head = Response(status_code=answer.status_code, headers=dict(answer.headers))
    if "content-length" not in answer.headers:
        del head.headers["content-length"]
    return head


def strict_router(tag: str) -> APIRouter:
    """A router whose routes are strict about their parameters."""
    return APIRouter(route_class=StrictRoute, tags=[tag])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = Field(description="Always `alive`.")


class DependencyState(BaseModel):
    """How something the service needs is doing."""

    name: str = Field(description="What it is.")
    ok: bool = Field(description="Whether it can be used.")
    required: bool = Field(description="Whether the service cannot serve without it.")
    detail: str = Field(description="State, lag or error.")


class Readiness(BaseModel):
    """Whether the service can serve."""

    status: Literal["ready", "not_ready"] = Field(description="`ready` with 200, else 503.")
    dependencies: list[DependencyState] = Field(description="What it stands on.")


CheckDependencies = Callable[[], Awaitable[list[DependencyState]]]


def _operations_router(check: CheckDependencies) -> APIRouter:
    router = strict_router("operation")

    @router.get("/healthz", summary="Is the process alive?")
    async def read_health() -> Alive:
        return Alive(status="alive")

    @router.get(
        "/readyz",
        summary="Can the service serve?",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "Not now; `dependencies` says why."}},
    )
    async def read_readiness(response: Response) -> Readiness:
        states = await check()
        ready = all(state.ok or not state.required for state in states)
        response.status_code = 200 if ready else 503
        return Readiness(status="ready" if ready else "not_ready", dependencies=states)

    @router.get("/metrics", summary="Measurements for Prometheus", response_class=Response)
    async def read_metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


class ServiceApp(FastAPI):
    """FastAPI with what must surround all of it, its answers to crashes and big bodies included."""

    def build_middleware_stack(self) -> ASGIApp:
        return RequestContext(LargeBodiesAsProblems(super().build_middleware_stack()))


def create_service_app(
    *,
    title: str,
    description: str,
    routers: list[APIRouter],
    in_front: Sequence[APIRouter] = (),
    check: CheckDependencies,
    lifespan: Any,
    cors_origins: list[str],
    max_body_bytes: int,
) -> FastAPI:
    """A FastAPI application with the conventions of docs/api.md.

    The routes of the routers `in_front` are tried first and are the application's own, with what
    their routers say of them: of a router that is included FastAPI looks every route up twice,
    behind three checks of the body's length.
    """
    app = ServiceApp(
        title=title,
        description=description,
        version="0.1.0",
        lifespan=lifespan,
        max_body_size=max_body_bytes,
        generate_unique_id_function=lambda route: route.name,
        responses=answers(),
        redirect_slashes=False,
    )
    included = (*routers, _operations_router(check))
    app.state.routers = (*in_front, *included)
    app.router.routes.extend(route for router in in_front for route in router.routes)
    for router in included:
        app.include_router(router)
    # What is asked most is tried first, the pages that explain the service last.
    app.router.routes.sort(key=lambda route: getattr(route, "name", "") in _EXPLAINING)
    install_problems(app)
    for waited in (OutOfTurn, OperationalError):
        app.add_exception_handler(waited, _answer_waited)
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
        )
    _describe_problems(app)
    return app


async def _answer_waited(request: Request, error: Exception) -> Response:
    """Who has waited in vain for its turn at the database is told to come again."""
    if not isinstance(error, OutOfTurn) and "database is locked" not in str(error):
        raise error
    problem = Unavailable(
        "Others are writing, and it takes long. Nothing was written. Try again in half a minute.",
        headers={"Retry-After": "30"},
    )
    return problem_response(request, problem)


def _described(*problems: type[Problem]) -> dict[str, Any]:
    of_these = {problem.status for problem in problems}
    return {
        str(status): answer for status, answer in answers(*problems).items() if status in of_these
    }


_OF_HEADS = _described(AddressTooLong, HeadersTooLarge)
_OF_BODIES = _described(BodyTooLarge, UnsupportedMediaType)


def _describe_problems(app: FastAPI) -> None:
    """Put the one shape of all errors into the OpenAPI document, in place of FastAPI's own."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs", {}))
            schemas["ProblemDetails"] = problem
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"] |= _OF_HEADS
                    if "requestBody" in operation:
                        operation["responses"] |= _OF_BODIES
            for webhook in document.get("webhooks", {}).values():
                # It is the receiver who answers there, not we.
                webhook["post"]["responses"].pop("422", None)
            for leftover in ("HTTPValidationError", "ValidationError"):
                schemas.pop(leftover, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


async def run_together(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run the worker loops of a service until cancelled."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        # A library may swallow a cancellation, so it is repeated; a task group would wait for ever.
        while pending := [task for task in tasks if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=_CANCEL_AGAIN_SECONDS)


async def stop_task(task: "asyncio.Task[None]") -> None:
    """Cancel `task` and wait until it is gone."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def keep_what_is_loaded() -> None:
    """Let the garbage collector look seldom, and not at what has been loaded so far.

    The code, models and routes of a service stay to the end of the process, and a full collection
    takes over a tenth of a second for them; all that is asked meanwhile waits.
    """
    gc.collect()
    gc.freeze()
    # By default it looks after 700 objects more, which is after every other record.
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, 20, 20)


def serve(app: FastAPI, *, service: str, host: str, port: int, log_level: str) -> None:
    """Serve `app` until a signal comes; requests under way have a few seconds to end."""
    configure_logs(service, log_level)
    keep_what_is_loaded()
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=OpenEndedHttp,
        access_log=False,
        log_config=None,
        # What it warns of is a request that is refused: we log that ourselves, in one line.
        log_level="error",
        server_header=False,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )
