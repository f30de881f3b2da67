"""Somebody who uses the services from outside: signs in, writes, searches, waits for what comes."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

_ASK_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 0.05

Found = TypeVar("Found")


class Disappointed(Exception):
    """Something did not come true; the text says what."""


def wait_for(look: Callable[[], Found | None], what: str, *, seconds: float) -> Found:
    """What `look` finds at last.

    Raises:
        Disappointed: it found nothing in time.
    """
    give_up_at = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > give_up_at:
            raise Disappointed(f"within {seconds:.0f} s it did not come true that {what}")
        time.sleep(_LOOK_EVERY_SECONDS)


class Visitor:
    """Calls the three services at their public addresses."""

    def __init__(self, urls: Mapping[str, str], client_id: str, client_secret: str) -> None:
        self._urls = urls
        self._credentials = (client_id, client_secret)
        self._http = httpx.Client(timeout=_ASK_SECONDS, trust_env=False)
        self._headers: dict[str, str] = {}

    def sign_in(self) -> None:
        """Get a token; it goes with every later request."""
        answer = self._http.post(
            f"{self._urls['directory']}/oauth/token",
            auth=self._credentials,
            data={"grant_type": "client_credentials"},
        )
        answer.raise_for_status()
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def ask(self, method: str, service: str, path: str, **options: Any) -> httpx.Response:
        """Send a request; an error for an answer is raised.

        Raises:
            Disappointed: the answer is an error.
        """
        headers = {**self._headers, **options.pop("headers", {})}
        url = f"{self._urls[service]}{path}"
        answer = self._http.request(method, url, headers=headers, **options)
        if answer.is_error:
            raise Disappointed(f"{method} {url} answers {answer.status_code}: {answer.text[:500]}")
        return answer

    def is_ready(self, service: str) -> bool:
        """Whether the service can serve."""
        try:
            return self._http.get(f"{self._urls[service]}/readyz").is_success
        except httpx.TransportError:
            return False

    def write_partner(self, name: str) -> httpx.Response:
        """Create a national partner with this display name."""
        names = [{"value": name, "kinds": ["display"]}]
        body = {"level": "national", "names": names}
        return self.ask("POST", "directory", "/partners", json=body)

    def finds(self, partner_id: str, name: str) -> bool:
        """Whether a search for `name` finds the partner."""
        answer = self.ask("GET", "search", "/search", params={"q": name})
        return any(item["id"] == partner_id for item in answer.json()["items"])
