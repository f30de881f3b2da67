"""What goes wrong in the console, as pages: in words for people, not for those who call the API."""

import re
from urllib.parse import urlencode

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from services.notify.accounts import AccountClosed
from services.notify.console.pages import HOME, page
from services.notify.deliveries.listing import DeliveryNotFound
from services.notify.deliveries.resending import DeliveryUnderWay
from services.notify.webhooks.keys import TooManyKeys
from services.notify.webhooks.registering import (
    WebhookDisabled,
    WebhookNotFound,
    WebhookUnverified,
    WebhookVerified,
)
from shared.paging import BadCursor
from shared.preconditions import StaleVersion
from shared.problems import (
    InvalidValues,
    MalformedRequest,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Problem,
    UnknownParameter,
)
from shared.request_context import current_request_id

SIGN_IN = f"{HOME}/sign-in"
_PAGE = re.compile(rf"{HOME}(/(webhooks|deliveries)/[0-9a-fA-F-]{{36}})?")
_log = structlog.get_logger()

_NO_SUCH_PAGE = NotFound("There is no such page, or it is not for your account.")
_UNREADABLE = MalformedRequest("The form cannot be read. Go back, reload the page and try again.")
_SENTENCES: dict[type[Problem], str] = {
    WebhookNotFound: "None of your webhooks has this id.",
    DeliveryNotFound: "No delivery of your webhooks has this id; it may have been deleted.",
    AccountClosed: "Its account is closed, so nothing is sent to it. The secretariat can open the "
    "account again.",
    DeliveryUnderWay: "It is being sent at this moment. Look in some seconds what came of it.",
    WebhookDisabled: "Nothing is sent to it. Let it go on first.",
    WebhookUnverified: "Its endpoint has to answer the challenge first. Send another one.",
    WebhookVerified: "Nothing needs to be done: its endpoint has answered already.",
    TooManyKeys: "Too many keys still sign. Wait until some end, or let the new one replace them "
    "at once.",
    BadCursor: "The list cannot be continued from there. Begin at its first page.",
    UnknownParameter: "The address has something behind the question mark that this page does not "
    "know.",
}


class FormRefused(NotAllowed):
    """The form was not made for this session."""

    title = "The form is out of date"

    def __init__(self) -> None:
        super().__init__("Nothing was done. Go back, reload the page and try again.")


class KeyReplaced(StaleVersion):
    """The key that was to be replaced is not the newest any more."""

    title = "The key was replaced already"

    def __init__(self) -> None:
        super().__init__(
            "Nothing was done now. A new secret is shown only once, on the page that comes after "
            "the rotation; if nobody has it, rotate again."
        )


def page_to_return_to(path: str) -> str:
    """The console's page that `path` is, or belongs to; the first page where it is none."""
    for one in (path, path.rpartition("/")[0]):
        if _PAGE.fullmatch(one):
            return one
    return HOME


def error_page(request: Request, error: Exception) -> Response:
    """The page that tells of `error`; the way to sign in where nobody is signed in."""
    if isinstance(error, NotSignedIn):
        page_wanted = page_to_return_to(request.url.path)
        query = f"?{urlencode({'to': page_wanted})}" if page_wanted != HOME else ""
        return RedirectResponse(SIGN_IN + query, status_code=303)
    problem = _problem_of(request, error)
    return page(
        "error.html",
        status=problem.status,
        title=problem.title,
        sentence=_SENTENCES.get(type(problem), problem.detail),
        request_id=current_request_id(),
    )


def _problem_of(request: Request, error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _problem_of_values({place["loc"][0] for place in error.errors()})
        case HTTPException(status_code=400):
            return _UNREADABLE
    _log.error("request.crashed", path=request.url.path, exc_info=error)
    return Problem("This is our fault, and it is logged. Try again later.")


def _problem_of_values(places: set[object]) -> Problem:
    """`places`: in which parts of the request values are wrong. None of them is shown: secrets."""
    if "body" in places:
        return InvalidValues("The form has values that this page does not know. Nothing was done.")
    if "query" in places:
        return InvalidValues("The address has a value that this page does not know.")
    return _NO_SUCH_PAGE
