"""Signing in: OAuth 2 client credentials (RFC 6749), metadata (RFC 8414), keys (RFC 7517)."""

import base64
import binascii
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from fastapi import Form, Header, Request, Response
from pydantic import BaseModel, Field

from services.directory.client_secrets import sign_in
from services.directory.signing_keys import SigningKeys
from shared.databases import Reading
from shared.problems import Problem, answers
from shared.serving import strict_router

router = strict_router("sign in")


class WrongCredentials(Problem):
    """Client id and secret do not belong together, or the account is disabled."""

    status, title, kind = 401, "Client id or secret is wrong", "wrong-credentials"


class UnsupportedGrant(Problem):
    """Another grant than client_credentials was asked for."""

    status, title, kind = 400, "Only client_credentials is possible", "unsupported-grant"


class Token(BaseModel):
    """An access token."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: Literal["Bearer"] = Field(description="Always `Bearer`.")
    expires_in: int = Field(description="Seconds until it expires.")


def _wrong(detail: str) -> WrongCredentials:
    return WrongCredentials(
        detail, headers={"WWW-Authenticate": 'Basic realm="oauth"'}, error="invalid_client"
    )


def _from_header(authorization: str) -> list[tuple[str, str]]:
    """Client id and secret as they stand in the header, and as they read when form-decoded.

    RFC 6749, section 2.3.1, has both form-encoded before they are joined; most clients leave that
    out, and then `+` and `%` in a secret stand for themselves.
    """
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError("not basic")
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (ValueError, binascii.Error) as error:
        raise _wrong("Send client id and secret as HTTP basic auth or as form fields.") from error
    client_id, _, client_secret = decoded.partition(":")
    plain = (client_id, client_secret)
    return list(dict.fromkeys([plain, (unquote_plus(client_id), unquote_plus(client_secret))]))


@router.post(
    "/oauth/token",
    summary="Get an access token",
    responses=answers(WrongCredentials, UnsupportedGrant),
)
async def create_token(
    request: Request,
    response: Response,
    session: Reading,
    grant_type: Annotated[str, Form(description="`client_credentials`.", max_length=100)],
    client_id: Annotated[str | None, Form(max_length=200)] = None,
    client_secret: Annotated[str | None, Form(max_length=200)] = None,
    scope: Annotated[str | None, Form(max_length=1_000, description="Not used.")] = None,
    authorization: Annotated[str | None, Header(max_length=1_000)] = None,
) -> Token:
    """Client id and secret go into HTTP basic auth, or into the form."""
    if grant_type != "client_credentials":
        raise UnsupportedGrant(
            "Send grant_type=client_credentials.", error="unsupported_grant_type"
        )
    given = [(client_id or "", client_secret or "")]
    if authorization is not None:
        given = _from_header(authorization)
    if not all(given[0]):
        raise _wrong("Send client id and secret as HTTP basic auth or as form fields.")
    account = None
    for one_id, one_secret in given:
        account = account or await sign_in(session, one_id, one_secret)
    if account is None:
        raise _wrong("No active account has this client id and secret. Ask the secretariat.")
    keys: SigningKeys = request.app.state.signing_keys
    response.headers["Cache-Control"] = "no-store"
    return Token(
        access_token=keys.access_token(account),
        token_type="Bearer",  # noqa: S106 - the type of the token, not a token
        expires_in=keys.token_seconds,
    )


class ServerMetadata(BaseModel):
    """What a client needs to know of this authorisation server."""

    issuer: str = Field(description="`iss` of the tokens.")
    token_endpoint: str = Field(description="Where tokens are had.")
    jwks_uri: str = Field(description="Where the keys are.")
    grant_types_supported: list[str] = Field(description="How tokens are had.")
    response_types_supported: list[str] = Field(description="None: there is no authorisation page.")
    token_endpoint_auth_methods_supported: list[str] = Field(description="How to send the secret.")


@router.get("/.well-known/oauth-authorization-server", summary="OAuth 2 server metadata")
async def read_server_metadata(request: Request) -> ServerMetadata:
    url = request.app.state.settings.public_url
    return ServerMetadata(
        issuer=url,
        token_endpoint=f"{url}/oauth/token",
        jwks_uri=f"{url}/.well-known/jwks.json",
        grant_types_supported=["client_credentials"],
        response_types_supported=[],
        token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post"],
    )


class PublishedKeySet(BaseModel):
    """The public keys (RFC 7517)."""

    keys: list[dict[str, Any]] = Field(description="One JWK for each key.")


@router.get("/.well-known/jwks.json", summary="The keys that sign access tokens")
async def read_keys(request: Request) -> PublishedKeySet:
    keys: SigningKeys = request.app.state.signing_keys
    return PublishedKeySet.model_validate(keys.published())
