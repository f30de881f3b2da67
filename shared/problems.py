"""One shape for every error: RFC 9457 problem details, each with a sentence on what to do."""

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from shared.request_context import current_request_id, shown_path

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger()


class FieldError(BaseModel):
    """One thing that is wrong with the request."""

    pointer: str = Field(description="JSON pointer (RFC 6901) to the value; `/query/…` for others.")
    detail: str = Field(description="What is wrong with it.")


class ProblemDetails(BaseModel):
    """An error answer (RFC 9457)."""

    type: str = Field(description="Names the kind of problem; see docs/problems.md.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened here, and what to do.")
    instance: str = Field(description="The path that was asked.")
    request_id: str = Field(description="Quote it when you ask for help.")
    errors: list[FieldError] = Field(description="What is wrong, value by value.")


class Problem(Exception):
    """An answer other than success. Each subclass stands beside the code that raises it."""

    status: int = 500
    title: str = "Something went wrong here"
    kind: str = "internal-error"

    def __init__(
        self,
        detail: str,
        *,
        errors: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.headers = dict(headers or {})
        self.extra = extra


class MalformedRequest(Problem):
    """The request could not be read at all."""

    status, title, kind = 400, "The request cannot be read", "malformed-request"


class UnknownParameter(Problem):
    """A query parameter that the address does not know."""

    status, title, kind = 400, "Unknown query parameter", "unknown-parameter"


class InvalidValues(Problem):
    """The request was read, and some values in it are not acceptable."""

    status, title, kind = 422, "Some values are not acceptable", "invalid-values"


class BodyTooLarge(Problem):
    """The body is larger than MAX_BODY_BYTES."""

    status, title, kind = 413, "The body is too large", "body-too-large"


class AddressTooLong(Problem):
    """The path and the query of the address are together longer than 16 KiB."""

    status, title, kind = 414, "The address is too long", "address-too-long"


class HeadersTooLarge(Problem):
    """The headers of the request are together larger than 32 KiB."""

    status, title, kind = 431, "The headers are too large", "headers-too-large"


class UnsupportedMediaType(Problem):
    """The body is not of a media type that this address reads."""

    status, title, kind = 415, "Unsupported media type", "unsupported-media-type"


class NotSignedIn(Problem):
    """No valid access token came with the request."""

    status, title, kind = 401, "Sign in first", "not-signed-in"

    def __init__(self, detail: str, error: str = "invalid_token") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": f'Bearer error="{error}"'})


class NotAllowed(Problem):
    """The account may not do this."""

    status, title, kind = 403, "Your account may not do this", "not-allowed"


class NotFound(Problem):
    """There is nothing at this address."""

    status, title, kind = 404, "Not found", "not-found"


class Unavailable(Problem):
    """Something this service needs does not answer."""

    status, title, kind = 503, "Not available right now", "unavailable"


SEND_LESS = "The body is over the limit of this service. Send less at a time."
_OF_STATUS: dict[int, tuple[str, str, str]] = {
    400: (
        "malformed-request",
        "The request cannot be read",
        "The body cannot be parsed. Check that it is what its Content-Type says, in UTF-8.",
    ),
    404: ("not-found", "Not found", "There is no such address; /openapi.json lists them all."),
    405: ("method-not-allowed", "Method not allowed", "See the Allow header for what is possible."),
    413: (BodyTooLarge.kind, BodyTooLarge.title, SEND_LESS),
}


def problem_response(request: Request, problem: Problem) -> Response:
    """The answer that tells of `problem`."""
    return Response(
        orjson.dumps(problem_content(request.url.path, problem), default=str),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )


def problem_content(path: str, problem: Problem) -> dict[str, Any]:
    """`problem` as it is written, for a request of `path`."""
    return {
        "type": f"urn:partner-directory:problem:{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
        "request_id": current_request_id(),
        "errors": [error.model_dump() for error in problem.errors],
        **problem.extra,
    }


def pointer_of(location: tuple[int | str, ...]) -> str:
    """JSON pointer of a place in the request, the body being the document pointed into."""
    steps = location[1:] if location and location[0] == "body" else location
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def field_errors(errors: list[Any]) -> list[FieldError]:
    """Pydantic's findings in our shape, at most a hundred of them."""
    return [
        FieldError(pointer=pointer_of(tuple(error["loc"])), detail=str(error["msg"]))
        for error in errors[:100]
    ]


async def answer_problem(request: Request, problem: Exception) -> Response:
    """The answer to `problem`, which is raised again if it is none."""
    if not isinstance(problem, Problem):
        raise problem
    return problem_response(request, problem)


async def _answer_validation(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    findings = list(error.errors())
    if findings and findings[0]["type"] == "json_invalid":
        reason, place = findings[0]["ctx"]["error"], findings[0]["loc"][1]
        unreadable = f"The body is not valid JSON: {reason} at character {place}."
        return problem_response(request, MalformedRequest(unreadable))
    # A body that is not said to be JSON comes unparsed.
    if isinstance(error.body, bytes):
        given = request.headers.get("content-type")
        advice = (
            "Send the body as JSON, with Content-Type: application/json; this one was sent "
            f"{'without a Content-Type' if given is None else 'as ' + given[:100]}."
        )
        return problem_response(request, UnsupportedMediaType(advice))
    found = field_errors(findings)
    first = f" First: {found[0].pointer or 'the body'}: {found[0].detail}." if found else ""
    return problem_response(
        request,
        InvalidValues(
            f"{len(findings)} value(s) are not acceptable; `errors` lists them.{first}",
            errors=found,
        ),
    )


async def _answer_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    kind, title, advice = _OF_STATUS.get(
        error.status_code, ("http-error", str(error.detail), str(error.detail))
    )
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(methods_at(request)) or headers["Allow"]
    problem = Problem(advice, headers=headers)
    problem.status, problem.title, problem.kind = error.status_code, title, kind
    return problem_response(request, problem)


def methods_at(request: Request) -> list[str]:
    """All methods that the path of `request` knows; the router names those of one route only."""
    found: set[str] = set()
    for router in request.app.state.routers:
        for route in router.routes:
            if route.path_regex.match(request.url.path):
                found |= route.methods
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


async def _answer_crash(request: Request, error: Exception) -> Response:
    _log.error("request.crashed", path=shown_path(request.url.path), exc_info=error)
    return problem_response(
        request,
        Problem("This is our fault, and it is logged under the request_id. Try again later."),
    )


def install_problems(app: FastAPI) -> None:
    """Make every error of `app` a problem, the router's own 404 and 405 included."""
    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_crash)


def answers(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: its problems, several of one status under one entry."""
    found: dict[int | str, dict[str, Any]] = {}
    listed: tuple[type[Problem], ...] = (*problems, MalformedRequest, InvalidValues)
    for problem in listed:
        entry = found.setdefault(
            problem.status,
            {"description": "", "content": {MEDIA_TYPE: {"schema": _PROBLEM_REF}}},
        )
        sentence = (problem.__doc__ or "").strip().splitlines()[0]
        entry["description"] = f"{entry['description']} {sentence}".strip()
    return found


_PROBLEM_REF = {"$ref": "#/components/schemas/ProblemDetails"}
