"""Hostile addresses against a webhook that is there: in a change, at dialling, in its headers."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.notify.served_notify import ServedNotify, notify_settings, serve_notify
from tests.notify.test_addresses import BLOCKED, ODD, URLS, outbound, written
from tests.receiver import Receiver
from tests.served_directory import ServedDirectory

URL = "https://partner.example.org/hooks"


@pytest.fixture(scope="module")
async def strict_notify(
    notify_database_url: str, directory: ServedDirectory
) -> AsyncIterator[ServedNotify]:
    """Notify as it is unless told otherwise: no private network is allowed."""
    settings = notify_settings(
        notify_database_url, directory.redis_url, WEBHOOK_ALLOWED_NETWORKS=""
    )
    async with serve_notify(settings, directory) as served:
        yield served


@pytest.fixture(scope="module")
async def webhook(strict_notify: ServedNotify) -> dict[str, Any]:
    """A webhook with a good URL."""
    return await strict_notify.register(URL)


@pytest.mark.parametrize("url", [*URLS, *ODD, *map(written, BLOCKED)])
async def test_a_webhook_cannot_be_moved_to_a_bad_url(
    strict_notify: ServedNotify, webhook: dict[str, Any], url: str
) -> None:
    """It is refused as at the registration, and the webhook stays where it was."""
    path, headers = f"/webhooks/{webhook['id']}", await strict_notify.directory.signed_in()
    answer = await strict_notify.client.patch(path, json={"url": url}, headers=headers)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["type"] == "urn:partner-directory:problem:unacceptable-url"
    assert problem["errors"][0]["pointer"] == "/url"
    assert (await strict_notify.get(path))["url"] == URL


def on_port_of(receiver: Receiver, url: str) -> str:
    """`url` with the port and path of a server that listens on loopback, where it names a host."""
    parts = urlsplit(url)
    if parts.scheme != "http":
        return url
    host = parts.netloc.removesuffix(":6379")
    return f"http://{host}:{urlsplit(receiver.url).port}/hook"


@pytest.mark.parametrize("url", URLS)
async def test_no_spelling_reaches_loopback(receiver: Receiver, url: str) -> None:
    """Though a server listens there: whatever gets past the registration is stopped at dialling."""
    client = outbound()
    answer = await client.post(on_port_of(receiver, url), b"{}", {})
    await client.close()
    assert answer.status_code is None
    assert "Connect call failed" not in (answer.error or "")
    assert receiver.requests == []


SMUGGLED: list[dict[str, str]] = [
    {"X-A": "1\r\nHost: internal"},
    {"X-A": "1\r\n\r\nGET / HTTP/1.1"},
    {"X-A": "1\nX-B: 2"},
    {"X-A": "1\rX-B: 2"},
    {"X-A": "1\x00"},
    {"X-A": "1\x0b"},
    {"X-A": "\x7f"},
    {"X-A": "é"},
    {"X-A": " padded"},
    {"X-A\r\nX-B": "1"},
    {"X-A:": "1"},
    {"X-A\x00": "1"},
    {"X-Ä": "1"},
    {"": "1"},
    {":authority": "internal"},
    {"Host": "internal"},
    {"hOsT": "internal"},
    {"Transfer-Encoding": "chunked"},
    {"TE": "trailers"},
    {"Trailer": "X-A"},
    {"Content-Length": "0"},
    {"Content-Encoding": "gzip"},
    {"Content-Type": "text/plain"},
    {"Connection": "close, X-Api-Key"},
    {"Keep-Alive": "timeout=1"},
    {"Upgrade": "h2c"},
    {"Expect": "100-continue"},
    {"Proxy-Authorization": "Basic eDp5"},
    {"Webhook-Id": "another"},
    {"webhook-signature": "v1,x"},
    {"traceparent": "00-00"},
]


@pytest.mark.parametrize("headers", SMUGGLED, ids=repr)
async def test_own_headers_smuggle_nothing(
    strict_notify: ServedNotify, webhook: dict[str, Any], headers: dict[str, str]
) -> None:
    """Neither at the registration nor by a change: no line of their own, none of the request's."""
    signed_in = await strict_notify.directory.signed_in()
    made = await strict_notify.client.post(
        "/webhooks",
        json={"url": URL, "event_types": ["*"], "headers": headers},
        headers=signed_in,
    )
    path = f"/webhooks/{webhook['id']}"
    changed = await strict_notify.client.patch(path, json={"headers": headers}, headers=signed_in)
    for answer in (made, changed):
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"].startswith("/headers")
    assert (await strict_notify.get(path))["header_names"] == []
