"""The link by which a contact point confirms itself: a signed token of its own kind.

It names the request and the contact point, and nobody's address. It is no access token, and no
access token is one: their types and audiences differ (RFC 8725, sections 3.9 and 3.11).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError

from services.directory.signing_keys import SigningKeys
from shared.problems import NotFound, Problem
from shared.tokens import ALGORITHM, ISSUER

KIND = "confirmation+jwt"
AUDIENCE = "confirmation"


class ConfirmationVoid(Problem):
    """The link of a confirmation does not count any more."""

    status, title, kind = 410, "The link does not count any more", "confirmation-void"


@dataclass(frozen=True, slots=True)
class LinkClaims:
    """What a link says."""

    confirmation_id: UUID
    contact_point_id: UUID


def write_link(keys: SigningKeys, public_url: str, claims: LinkClaims, expires_at: datetime) -> str:
    """The link that answers the request until `expires_at`."""
    token = keys.sign(
        KIND,
        {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": str(claims.confirmation_id),
            "sub": str(claims.contact_point_id),
            "exp": int(expires_at.timestamp()),
        },
    )
    return f"{public_url}/confirmations/{token}"


def read_link(keys: SigningKeys, token: str) -> LinkClaims:
    """What the link with `token` says.

    Raises:
        NotFound: it is not one of ours, or it was damaged on its way.
        ConfirmationVoid: it has expired.
    """
    try:
        decoded = jwt.decode(token, keys.public, algorithms=[ALGORITHM])
        claims = decoded.claims
        if decoded.header.get("typ") != KIND or claims["aud"] != AUDIENCE:
            raise ValueError("signed by us, for something else")
        found = LinkClaims(UUID(claims["jti"]), UUID(claims["sub"]))
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise NotFound(
            "This is not a link of ours, or a part of it is missing. Open it from the mail, whole."
        ) from error
    if expires_at <= datetime.now(UTC):
        raise ConfirmationVoid(
            f"The link was good until {expires_at:%Y-%m-%d}. Ask whoever keeps the record for "
            "another one."
        )
    return found
