"""Signing in: the directory gives a token for client id and secret, which are kept nowhere."""

from dataclasses import dataclass

import httpx

from shared.problems import Unavailable
from shared.service_client import DirectoryClient

_REFUSED = (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED, httpx.codes.UNPROCESSABLE_ENTITY)


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, and for how many seconds."""

    access_token: str
    seconds: int


async def request_token(
    directory: DirectoryClient, client_id: str, client_secret: str
) -> Granted | None:
    """The token that the directory gives for these credentials; None where they are wrong.

    Raises:
        Unavailable: the directory does not answer as it should.
    """
    try:
        answer = await directory.client.post(
            f"{directory.url}/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": client_secret,
            },
        )
        if answer.status_code in _REFUSED:
            return None
        answer.raise_for_status()
        body = answer.json()
        return Granted(str(body["access_token"]), int(body["expires_in"]))
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(
            "Nobody can sign in now, because the directory does not answer. Try again in a moment."
        ) from error
