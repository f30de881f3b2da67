"""Who is signed in to the console: a token of the directory's in a sealed cookie, nothing else.

Each form carries a value that is sealed in with the token: another site can make a browser send a
form here, but cannot know that value.
"""

import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import Depends, Form, Request, Response

from services.notify.console.errors import SIGN_IN, FormRefused
from services.notify.console.pages import HOME
from services.notify.parts import PartsOf
from shared.problems import NotSignedIn
from shared.sealing import Seal, WrongKey
from shared.tokens import Caller, TokenVerifier

_SESSION = "console_session"
# Of its own, because SameSite=Strict keeps the session's cookie back when somebody comes by a link
# from elsewhere: the form that is shown then must not put another one in its place.
_BEFORE_SESSION = "console_sign_in"
# What is sealed for another purpose is no session. The number changes with what is inside.
_PURPOSE = b"console session 1:"
_FORM_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie holds."""

    access_token: str
    form_token: str
    until: float
    """When the token expires (Unix time)."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is signed in."""

    caller: Caller
    session: Session


def begin_session(
    request: Request, response: Response, seal: Seal, access_token: str, seconds: int
) -> None:
    """Sign the visitor in until the token expires, in `seconds`."""
    session = orjson.dumps([access_token, make_form_token(), time.time() + seconds])
    _set_cookie(request, response, _SESSION, seal.close(_PURPOSE + session), HOME, seconds)


def end_session(request: Request, response: Response) -> None:
    """Have the browser forget the session."""
    _set_cookie(request, response, _SESSION, "", HOME, 0)


def make_form_token() -> str:
    """What nobody can guess."""
    return secrets.token_urlsafe(_FORM_TOKEN_BYTES)


def sign_in_token(request: Request) -> str:
    """The value that the sign-in form of this browser carries."""
    return request.cookies.get(_BEFORE_SESSION) or make_form_token()


def keep_sign_in_token(request: Request, response: Response, form_token: str) -> None:
    """Have the browser keep what the sign-in form carries, until it is closed."""
    _set_cookie(request, response, _BEFORE_SESSION, form_token, SIGN_IN, None)


def check_sign_in_form(request: Request, form_token: str) -> None:
    """Let the sign-in form pass if this browser was given it.

    Raises:
        FormRefused: it was not; somebody else wants it to sign in.
    """
    _compare(request.cookies.get(_BEFORE_SESSION, ""), form_token)


def _compare(kept: str, given: str) -> None:
    if not kept or not hmac.compare_digest(kept.encode(), given.encode()):
        raise FormRefused


def _set_cookie(
    request: Request, response: Response, name: str, value: str, path: str, seconds: int | None
) -> None:
    # Whoever made this header up made only his own cookie one that http does not send.
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=path,
        secure="https" in (request.url.scheme, forwarded),
        httponly=True,
        samesite="strict",
    )


def _read_session(request: Request, seal: Seal) -> Session:
    try:
        opened = seal.open(request.cookies.get(_SESSION, "").encode("ascii", "replace").decode())
    except WrongKey:
        opened = b""
    if not opened.startswith(_PURPOSE):
        raise NotSignedIn("Nobody is signed in.")
    return Session(*orjson.loads(opened.removeprefix(_PURPOSE)))


async def find_visitor(request: Request, parts: PartsOf) -> Visitor:
    """Who is signed in.

    Raises:
        NotSignedIn: nobody, or not any more.
        Unavailable: the directory's keys cannot be had right now.
    """
    session = _read_session(request, parts.seal)
    verifier: TokenVerifier = request.app.state.token_verifier
    caller = await verifier.caller_of(session.access_token)
    request.state.account_id = str(caller.account_id)
    return Visitor(caller, session)


VisitorOf = Annotated[Visitor, Depends(find_visitor)]


async def check_form(visitor: VisitorOf, form_token: Annotated[str, Form()] = "") -> Visitor:
    """Who is signed in and sent a form of its own.

    Raises:
        NotSignedIn: nobody is signed in.
        FormRefused: the form was not made for this session.
    """
    _compare(visitor.session.form_token, form_token)
    return visitor


ActingVisitor = Annotated[Visitor, Depends(check_form)]
