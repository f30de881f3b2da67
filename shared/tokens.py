"""Access tokens: what they say, how they are checked, and what the caller may do by them.

Tokens are JWTs (RFC 9068) signed with Ed25519. The directory signs them; every service checks
them with the directory's published keys, without asking back.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import httpx
from fastapi import Depends, Request
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import OAuth2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.audience import audience_of_role
from shared.problems import NotAllowed, NotSignedIn, Unavailable
from shared.vocabulary import Role, Visibility

ISSUER = "partner-directory"
ALGORITHM = "EdDSA"
_REMEMBERED_TOKENS = 10_000
_CLOCK_SKEW_SECONDS = 5
_JWKS_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an account with a role, or nobody in particular."""

    account_id: UUID | None
    role: Role | None
    partner_id: UUID | None
    audience: Visibility
    expires_at: float | None
    """When its token expires (Unix time); None for nobody in particular."""

    def edits(self, partner_id: UUID) -> bool:
        """Whether the caller keeps this partner's record: its editor, or the secretariat."""
        return self.role is Role.secretariat or (
            self.role is Role.editor and self.partner_id == partner_id
        )


NOBODY = Caller(
    account_id=None, role=None, partner_id=None, audience=Visibility.public, expires_at=None
)

FindKeys = Callable[[bool], Awaitable[KeySet]]
"""Gives the keys that sign tokens; True asks for a fresh look, because a key was not known."""


class TokenVerifier:
    """Checks access tokens; one that was checked is remembered until it expires."""

    def __init__(self, find_keys: FindKeys) -> None:
        self._find_keys = find_keys
        self._remembered: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    async def caller_of(self, token: str) -> Caller:
        """The caller that `token` stands for.

        Raises:
            NotSignedIn: the token is forged, expired or not one of ours.
            Unavailable: the keys cannot be had right now.
        """
        remembered = self._remembered.get(token)
        if remembered is not None and remembered[0] > time.time():
            return remembered[1]
        expires_at, caller = await self._verify(token)
        self._remembered[token] = (expires_at, caller)
        while len(self._remembered) > _REMEMBERED_TOKENS:
            self._remembered.popitem(last=False)
        return caller

    async def _verify(self, token: str) -> tuple[float, Caller]:
        try:
            decoded = jwt.decode(token, await self._find_keys(False), algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            # The key may be newer than the ones we know: look once more, then refuse.
            try:
                decoded = jwt.decode(token, await self._find_keys(True), algorithms=[ALGORITHM])
            except (JoseError, ValueError) as error:
                raise NotSignedIn(
                    "The access token was not issued here or is damaged. "
                    "Get a new one from POST /oauth/token at the directory."
                ) from error
        claims = decoded.claims
        try:
            expires_at = float(claims["exp"])
            if claims["iss"] != ISSUER or claims["aud"] != ISSUER:
                raise ValueError("not issued here, or not for here")
            role = Role(claims["role"])
            partner_id = claims.get("partner_id")
            caller = Caller(
                account_id=UUID(claims["sub"]),
                role=role,
                partner_id=UUID(partner_id) if partner_id else None,
                audience=audience_of_role(role),
                expires_at=expires_at,
            )
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise NotSignedIn("The access token is not one for this directory.") from error
        if expires_at + _CLOCK_SKEW_SECONDS < time.time():
            raise NotSignedIn("The access token has expired. Get a new one from POST /oauth/token.")
        return expires_at, caller


class PublishedKeys:
    """The directory's keys, fetched when first needed and again when an unknown one turns up."""

    def __init__(self, directory_url: str, client: httpx.AsyncClient) -> None:
        self._url = f"{directory_url}/.well-known/jwks.json"
        self._client = client
        self._keys: KeySet | None = None
        self._asked_at = 0.0

    async def find(self, fresh: bool) -> KeySet:
        """The keys. Asks at most every few seconds, so forged tokens cause no traffic.

        Raises:
            Unavailable: the directory does not answer and no keys are known yet.
        """
        too_soon = time.monotonic() - self._asked_at < _JWKS_RETRY_SECONDS
        if self._keys is not None and (not fresh or too_soon):
            return self._keys
        self._asked_at = time.monotonic()
        try:
            answer = await self._client.get(self._url)
            answer.raise_for_status()
            self._keys = KeySet.import_key_set(answer.json())
        except (httpx.HTTPError, ValueError) as error:
            if self._keys is None:
                raise Unavailable(
                    "Access tokens cannot be checked because the directory does not answer. "
                    "Try again in a moment."
                ) from error
        return self._keys


_scheme = OAuth2(
    flows=OAuthFlows(clientCredentials=OAuthFlowClientCredentials(tokenUrl="/oauth/token")),
    auto_error=False,
    description="A token from `POST /oauth/token`; without one the answer is the public's.",
)


async def find_caller(
    request: Request, _: Annotated[str | None, Depends(_scheme)] = None
) -> Caller:
    """The caller of `request`; without an Authorization header it is nobody in particular."""
    header = request.headers.get("authorization")
    if header is None:
        return NOBODY
    scheme, _separator, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn(
            "Send 'Authorization: Bearer <token>', with a token from POST /oauth/token.",
            error="invalid_request",
        )
    verifier: TokenVerifier = request.app.state.token_verifier
    caller = await verifier.caller_of(token.strip())
    request.state.account_id = str(caller.account_id)
    return caller


CallerOf = Annotated[Caller, Depends(find_caller)]


def require_account(caller: CallerOf) -> Caller:
    """The caller, who must have signed in."""
    if caller.role is None:
        raise NotSignedIn(
            "This needs an account. Get a token from POST /oauth/token and send it as "
            "'Authorization: Bearer <token>'.",
            error="invalid_request",
        )
    return caller


SignedIn = Annotated[Caller, Depends(require_account)]


def require_secretariat(caller: SignedIn) -> Caller:
    """The caller, who must be of the secretariat."""
    if caller.role is not Role.secretariat:
        raise NotAllowed("Only the secretariat may do this. Ask it to do it for you.")
    return caller


OfSecretariat = Annotated[Caller, Depends(require_secretariat)]
