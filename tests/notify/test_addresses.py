"""What webhooks may reach: judged when registered, and again when dialled."""

import ipaddress
import socket
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from services.notify.addresses import Network, why_text_refused
from services.notify.sending.outbound import Outbound
from services.notify.webhooks.urls import UnacceptableUrl, check_url
from tests.notify.served_notify import ServedNotify, notify_settings, serve_notify
from tests.receiver import Receiver
from tests.served_directory import ServedDirectory

FOLDER = Path(__file__).parent / "vectors"
IPS: dict[str, Any] = orjson.loads((FOLDER / "ssrf_ips.json").read_bytes())
BLOCKED: list[str] = [item["ip"] for item in IPS["blocked"]]
ALLOWED: list[str] = [item["ip"] for item in IPS["allowed"]]
URLS: list[str] = [
    item["url"] for item in orjson.loads((FOLDER / "ssrf_urls.json").read_bytes())["urls"]
]
ODD = [
    "http://localhost/",
    "http://api.localhost:8080/",
    "https://example.org/#part",
    "https://user:pass@example.org/",
    "https://example.org:22/",
    "https://example.org:0/",
    "https://example.org:99999/",
    "https://example.org:/",
    "https://exa mple.org/",
    "https://example.org\\@127.0.0.1/",
    "https://1.2.3/",
    "https://0x7f.1/",
    "https:///path",
    "https://[::1/",
    "ftp://example.org/",
    "example.org/hook",
    "https://example.org/" + "a" * 2_048,
]
LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"),)


def written(ip: str) -> str:
    """A URL with the address `ip`."""
    return f"http://[{ip}]:8080/hook" if ":" in ip else f"http://{ip}:8080/hook"


class ChangingResolver(AbstractResolver):
    """A name server that says something else each time."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The next of the answers."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._answers.pop(0)
        ]

    async def close(self) -> None:
        """Nothing to close."""


def outbound(resolver: AbstractResolver | None = None, allowed: Any = ()) -> Outbound:
    """A client that gives up soon."""
    return Outbound(
        allowed=allowed,
        timeout_seconds=2,
        connect_timeout_seconds=1,
        kept_answer_bytes=1_000,
        resolver=resolver,
    )


@pytest.fixture(scope="module")
async def strict_notify(notify_database_url: str, directory: ServedDirectory) -> Any:
    """Notify as it is unless told otherwise: no private network is allowed."""
    settings = notify_settings(
        notify_database_url, directory.redis_url, WEBHOOK_ALLOWED_NETWORKS=""
    )
    async with serve_notify(settings, directory) as served:
        yield served


@pytest.mark.parametrize("url", [*URLS, *ODD, *map(written, BLOCKED)])
async def test_a_bad_url_is_refused_with_a_sentence(strict_notify: ServedNotify, url: str) -> None:
    """422, and the problem says what is wrong with it."""
    answer = await strict_notify.client.post(
        "/webhooks",
        json={"url": url, "event_types": ["*"]},
        headers=await strict_notify.directory.signed_in(),
    )
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["type"] == "urn:partner-directory:problem:unacceptable-url"
    assert problem["errors"][0]["pointer"] == "/url"
    assert len(problem["detail"]) > 30


@pytest.mark.parametrize("ip", ALLOWED)
def test_public_addresses_pass(ip: str) -> None:
    """A translated public address included."""
    assert why_text_refused(ip, ()) is None
    check_url(written(ip), ())


def test_a_network_can_be_allowed_by_name() -> None:
    """Then it passes, and nothing else does."""
    check_url("http://127.0.0.1:9000/", LOOPBACK)
    for url in ("http://127.1:9000/", "http://[::1]:9000/", "http://[::ffff:127.0.0.1]:9000/"):
        with pytest.raises(UnacceptableUrl):
            check_url(url, LOOPBACK)


@pytest.mark.parametrize("ip", BLOCKED)
async def test_a_bad_address_is_never_dialled(ip: str) -> None:
    """As a literal it is stopped at its socket; from a name it is stopped before."""
    for client, url in (
        (outbound(), written(ip)),
        (outbound(ChangingResolver([ip])), "http://rebound.example:8080/hook"),
        (outbound(ChangingResolver(["93.184.216.34", ip])), "http://mixed.example:8080/hook"),
    ):
        answer = await client.post(url, b"{}", {})
        await client.close()
        assert answer.status_code is None
        assert "refused" in (answer.error or ""), answer


async def test_a_name_that_moves_to_a_private_address_is_refused(receiver: Receiver) -> None:
    """The second answer of its name server does not get a request to the private address."""
    port = receiver.url.split(":")[2].split("/")[0]
    client = outbound(ChangingResolver(["127.0.0.1"], ["10.0.0.1"]), LOOPBACK)
    first = await client.post(f"http://moving.example:{port}/hook", b"{}", {})
    assert (first.status_code, len(receiver.requests)) == (204, 1)
    # Another port, so that neither a kept connection nor a remembered name answers.
    second = await client.post("http://moving.example:9/hook", b"{}", {})
    await client.close()
    assert "10.0.0.1" in (second.error or "")


async def test_the_socket_is_the_last_word(receiver: Receiver) -> None:
    """Loopback by literal, with nothing allowed, is stopped although a server listens there."""
    client = outbound(DefaultResolver())
    answer = await client.post(receiver.url, b"{}", {})
    await client.close()
    assert "refused" in (answer.error or "")
    assert receiver.requests == []
