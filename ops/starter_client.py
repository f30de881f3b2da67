"""How the loader speaks with the directory: signed in, and patient while it starts again."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx

from shared.records import JsonObject
from shared.service_client import DirectoryClient

_PATIENCE_SECONDS = 30.0
_TRY_AGAIN_SECONDS = 0.3
_PAGE = 200


class Refused(Exception):
    """The directory does not take what it was sent."""


class StarterClient:
    """Calls the directory as the bootstrap account."""

    def __init__(self, account: DirectoryClient) -> None:
        self._account = account

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        extra = options.pop("headers", {})
        while True:
            try:
                answer = await self._account.client.request(
                    method,
                    f"{self._account.url}{path}",
                    headers={**await self._account.authorization(), **extra},
                    **options,
                )
                if not answer.is_server_error:
                    return answer
                answer.raise_for_status()
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                # A wrong secret stays wrong; all else may pass: a service is being started again.
                status = error.response if isinstance(error, httpx.HTTPStatusError) else None
                if (status and status.is_client_error) or time.monotonic() > give_up_at:
                    raise
            await asyncio.sleep(_TRY_AGAIN_SECONDS)

    async def get(self, path: str, **parameters: str) -> httpx.Response:
        """GET `path`.

        Raises:
            httpx.HTTPError: no answer, or an error for one.
        """
        answer = await self._ask("GET", path, params=parameters)
        answer.raise_for_status()
        return answer

    async def list_all(self, path: str) -> list[JsonObject]:
        """Every record of a list."""
        items: list[JsonObject] = []
        page = {"limit": str(_PAGE)}
        while True:
            body = (await self.get(path, **page)).json()
            items += body["items"]
            if not body["next"]:
                return items
            page["cursor"] = body["next"]

    async def create(self, path: str, body: JsonObject) -> JsonObject | None:
        """POST `body`; None where the directory has it already.

        Raises:
            Refused: the directory does not take it.
        """
        answer = await self._ask("POST", path, json=body)
        if answer.status_code == httpx.codes.CONFLICT:
            return None
        _check(answer)
        created: JsonObject = answer.json()
        return created

    async def change(self, path: str, make: Callable[[JsonObject], JsonObject | None]) -> bool:
        """PATCH `path` with what `make` finds missing in the record; whether there was something.

        Raises:
            Refused: the directory does not take it.
        """
        while True:
            found = await self.get(path)
            patch = make(found.json())
            if patch is None:
                return False
            answer = await self._ask(
                "PATCH", path, json=patch, headers={"If-Match": found.headers["ETag"]}
            )
            # Writing a tie gives the other partner a new version too, so ours may be stale.
            if answer.status_code != httpx.codes.PRECONDITION_FAILED:
                _check(answer)
                return True


def _check(answer: httpx.Response) -> None:
    if answer.is_error:
        problem = answer.json()
        errors = "; ".join(f"{e['pointer']}: {e['detail']}" for e in problem.get("errors") or [])
        raise Refused(f"{answer.status_code} {problem.get('detail')} {errors}".strip())
