"""Signing in to the console, and out."""

from typing import Annotated

from fastapi import Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.notify.console.errors import SIGN_IN, page_to_return_to
from services.notify.console.pages import HOME, page
from services.notify.console.route import console_router
from services.notify.console.sessions import (
    ActingVisitor,
    begin_session,
    check_sign_in_form,
    end_session,
    keep_sign_in_token,
    sign_in_token,
)
from services.notify.console.signing_in import request_token
from services.notify.parts import PartsOf

router = console_router()


def _form(request: Request, to: str, *, client_id: str = "", wrong: bool = False) -> HTMLResponse:
    form_token = sign_in_token(request)
    answer = page(
        "sign_in.html",
        status=401 if wrong else 200,
        form_token=form_token,
        to=page_to_return_to(to),
        client_id=client_id,
        wrong=wrong,
    )
    keep_sign_in_token(request, answer, form_token)
    return answer


@router.get(SIGN_IN)
async def show_the_sign_in_form(
    request: Request, to: Annotated[str, Query(max_length=200)] = HOME
) -> Response:
    return _form(request, to)


@router.post(SIGN_IN)
async def sign_in(
    request: Request,
    parts: PartsOf,
    form_token: Annotated[str, Form()] = "",
    client_id: Annotated[str, Form()] = "",
    client_secret: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = HOME,
) -> Response:
    check_sign_in_form(request, form_token)
    granted = await request_token(parts.directory, client_id, client_secret)
    if granted is None:
        return _form(request, to, client_id=client_id, wrong=True)
    answer = RedirectResponse(page_to_return_to(to), status_code=303)
    begin_session(request, answer, parts.seal, granted.access_token, granted.seconds)
    return answer


@router.post(f"{HOME}/sign-out")
async def sign_out(request: Request, _: ActingVisitor) -> Response:
    answer = RedirectResponse(SIGN_IN, status_code=303)
    end_session(request, answer)
    return answer
