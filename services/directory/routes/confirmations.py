"""The link of a confirmation over HTTP: a page with two buttons, or the same as JSON.

Mail scanners follow links, so looking changes nothing; only a button, or a POST, does.
"""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from services.directory.contact_points.answering import (
    Answer,
    Asked,
    answer_confirmation,
    find_asked,
)
from services.directory.contact_points.links import ConfirmationVoid
from services.directory.contact_points.pages import HEADERS, page
from shared.databases import Reading, Transaction
from shared.problems import InvalidValues, NotFound, Problem, answers, problem_response
from shared.records import Verification
from shared.request_context import current_request_id
from shared.serving import StrictRoute
from shared.vocabulary import ContactPurpose, VerificationStatus

_HTML = "text/html"


class Confirmation(BaseModel):
    """What a contact point is asked, and what is known of it."""

    partner_name: str = Field(description="The partner that one means to reach.")
    contact_point_name: str | None = Field(description="Name of the person or desk.")
    purposes: list[ContactPurpose] = Field(description="What it is for.")
    verification: Verification = Field(description="`pending` until it is answered.")
    expires_at: datetime = Field(description="Until when it can be answered.")


def _wants_page(request: Request) -> bool:
    return _HTML in request.headers.get("accept", "")


class _PageRoute(StrictRoute):
    """A strict route that answers whoever accepts HTML with a page, also to say what is wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_with_pages(request: Request) -> Response:
            try:
                answer = await handle(request)
            except Problem as problem:
                answer = _refusal(request, problem)
            except RequestValidationError:
                if not _wants_page(request):
                    raise
                why = "The form has no answer, or one that we do not know. Nothing was done."
                answer = _refusal(request, InvalidValues(why))
            answer.headers.update(HEADERS)
            return answer

        return handle_with_pages


def _refusal(request: Request, problem: Problem) -> Response:
    if not _wants_page(request):
        return problem_response(request, problem)
    return page(
        "refused.html",
        status=problem.status,
        title=problem.title,
        sentence=problem.detail,
        request_id=current_request_id(),
    )


def _as_pages(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """`answers(…)`, each also as a page; and the page of what was asked for."""
    responses = answers(*problems)
    for response in responses.values():
        response["content"][_HTML] = {}
    return {200: {"content": {_HTML: {}}}, **responses}


router = APIRouter(route_class=_PageRoute, tags=["contact points"])


@router.get(
    "/confirmations/{token}",
    summary="What a contact point is asked",
    response_model=Confirmation,
    responses=_as_pages(NotFound, ConfirmationVoid),
)
async def show_a_confirmation(request: Request, token: str, session: Reading) -> Response:
    """The link in the mail. Nothing changes by it: mail scanners follow links."""
    asked = await find_asked(session, request.app.state.signing_keys, token)
    return _shown(request, asked)


@router.post(
    "/confirmations/{token}",
    summary="Answer for a contact point",
    response_model=Confirmation,
    responses=_as_pages(NotFound, ConfirmationVoid),
)
async def answer_a_confirmation(
    request: Request,
    token: str,
    session: Transaction,
    answer: Annotated[
        Answer,
        Form(description="`reached`: it is `verified`; `not_reached`: it is `bounced`."),
    ],
) -> Response:
    """Whoever has the link may answer, without an account. The same answer again is no error."""
    asked = await answer_confirmation(session, request.app.state.signing_keys, token, answer)
    return _shown(request, asked)


def _shown(request: Request, asked: Asked) -> Response:
    point, verification = asked.point, Verification.model_validate(asked.point["verification"])
    if not _wants_page(request):
        shown = Confirmation(
            partner_name=asked.row.display_name,
            contact_point_name=point["name"],
            purposes=point["purposes"],
            verification=verification,
            expires_at=asked.expires_at,
        )
        return Response(shown.model_dump_json(), media_type="application/json")
    if asked.is_open:
        return page(
            "ask.html",
            partner=asked.row.display_name,
            name=point["name"],
            purposes=[purpose.replace("_", " ") for purpose in point["purposes"]],
            expires_at=asked.expires_at,
        )
    return page(
        "answered.html",
        partner=asked.row.display_name,
        works=asked.status is VerificationStatus.verified,
        at=verification.at,
        again=not asked.answered_now,
    )
