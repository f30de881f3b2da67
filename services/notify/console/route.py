"""Routes of the console: strict like all others, but whatever they answer is a page."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from services.notify.console.errors import error_page
from services.notify.console.pages import HEADERS
from shared.problems import BodyTooLarge
from shared.serving import StrictRoute


class ConsoleRoute(StrictRoute):
    """A strict route whose errors are pages, and whose answers all carry the console's headers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_with_pages(request: Request) -> Response:
            try:
                answer = await handle(request)
            except Exception as error:
                if isinstance(error, HTTPException) and error.status_code == BodyTooLarge.status:
                    # Refused below the routes, in one way for all addresses.
                    raise
                answer = error_page(request, error)
            answer.headers.update(HEADERS)
            return answer

        return handle_with_pages


def console_router() -> APIRouter:
    """A router of pages, which the OpenAPI document does not know."""
    return APIRouter(route_class=ConsoleRoute, include_in_schema=False)
