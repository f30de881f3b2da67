"""What the console has no page for, and what its pages look like."""

from fastapi import Response
from fastapi.responses import FileResponse, RedirectResponse

from services.notify.console.pages import HOME, STYLE
from services.notify.console.route import console_router
from shared.problems import NotFound

router = console_router()
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@router.get(f"{HOME}/style.css")
async def read_the_style() -> Response:
    return FileResponse(STYLE, media_type="text/css")


@router.get(f"{HOME}/")
async def lead_home() -> Response:
    return RedirectResponse(HOME, status_code=308)


@router.api_route(HOME, methods=_METHODS)
@router.api_route(f"{HOME}/{{rest:path}}", methods=_METHODS)
async def miss_a_page() -> Response:
    raise NotFound("There is no such page, or it is not for your account.")
