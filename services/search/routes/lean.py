"""Routes for what is asked most: they read their parameters themselves."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.problems import answers
from shared.serving import StrictRoute
from shared.tokens import find_caller

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class _Lean(APIRoute):
    def get_route_handler(self) -> Handle:
        (model,) = (
            field.field_info.annotation
            for field in self.dependant.query_params
            if isinstance(field.field_info.annotation, type)
            and issubclass(field.field_info.annotation, BaseModel)
        )

        async def handle(request: Request) -> Response:
            try:
                asked = model.model_validate(dict(request.query_params.multi_items()))
            except ValidationError as error:
                found = [{**one, "loc": ("query", *one["loc"])} for one in error.errors()]
                raise RequestValidationError(found) from error
            answer: Response = await self.endpoint(
                request, await find_caller(request), asked, **request.path_params
            )
            return answer

        return handle


class LeanRoute(StrictRoute, _Lean):
    """A route as strict and documented as any other that solves no dependencies when asked.

    FastAPI looks at the annotation of every parameter on every request, which took longer than
    the search itself (docs/decisions/search-in-the-event-loop.md). Its function takes the request,
    the caller and one model of the query, in this order, and then what is in the path.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Without the stacks on which dependencies would be closed; the application's own handlers
        # answer what is raised.
        self.app = _answering(self.get_route_handler())


def _answering(handle: Handle) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await handle(Request(scope, receive, send))
        await answer(scope, receive, send)

    return app


def lean_router(tag: str) -> APIRouter:
    """A router of such routes, to be put in front of all others of an application."""
    return APIRouter(
        route_class=LeanRoute,
        tags=[tag],
        responses=answers(),
        generate_unique_id_function=lambda route: route.name,
    )
