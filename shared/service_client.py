"""How one of our services asks the directory: with a token of its own, renewed in time."""

import time
from typing import Any

import httpx

from shared.records import JsonObject

_RENEW_BEFORE_SECONDS = 30


class DirectoryClient:
    """Calls the directory as the account that our services share."""

    def __init__(
        self, directory_url: str, client_id: str, client_secret: str, client: httpx.AsyncClient
    ) -> None:
        self.url = directory_url
        self.client = client
        self._credentials = (client_id, client_secret)
        self._token = ""
        self._renew_at = 0.0

    async def authorization(self) -> dict[str, str]:
        """The header that signs a request in.

        Raises:
            httpx.HTTPError: the directory does not answer, or refuses the credentials.
        """
        if time.monotonic() >= self._renew_at:
            answer = await self.client.post(
                f"{self.url}/oauth/token",
                auth=self._credentials,
                data={"grant_type": "client_credentials"},
            )
            answer.raise_for_status()
            body = answer.json()
            self._token = body["access_token"]
            self._renew_at = time.monotonic() + body["expires_in"] - _RENEW_BEFORE_SECONDS
        return {"Authorization": f"Bearer {self._token}"}

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        """GET `path`; a token that was refused is renewed once.

        Raises:
            httpx.HTTPError: no answer, or an error for an answer.
        """
        return await self._ask("GET", path, params=parameters)

    async def post(self, path: str, body: JsonObject) -> httpx.Response:
        """POST `body` to `path`; a token that was refused is renewed once.

        Raises:
            httpx.HTTPError: no answer, or an error for an answer.
        """
        return await self._ask("POST", path, json=body)

    async def _ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        for last in (False, True):
            answer = await self.client.request(
                method, f"{self.url}{path}", headers=await self.authorization(), **what
            )
            if answer.status_code != httpx.codes.UNAUTHORIZED or last:
                break
            self._renew_at = 0.0
        answer.raise_for_status()
        return answer
