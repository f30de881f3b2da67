"""A request may have so much and no more, and whoever sends more is told so at once.

Over real HTTP, to a real process: the server reads before any of our code sees a request.
"""

import asyncio
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.head_limit import MOST_HEADER_BYTES, MOST_TARGET_BYTES
from tests.network import Network
from tests.search.raw_http import SLOWEST_SECONDS, a_post, a_request, send, send_several
from tests.waiting import wait_until

TEN_MB = 10_000_000
LAST = a_request("/healthz", b"Connection: close")
CHUNK = b"10000\r\n" + b"[" * 65_536 + b"\r\n"


@pytest.fixture(scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """All services, with a partner to be found."""
    async with Network(tmp_path_factory.mktemp("limits")) as running:
        made = await running.client.post(
            f"{running.urls['directory']}/partners",
            json={"level": "local", "names": [{"value": "Plain Council", "kinds": ["display"]}]},
            headers=await running.signed_in(),
        )
        assert made.status_code == 201, made.text

        async def is_found() -> bool:
            return await finds_the_partner(running)

        await wait_until(is_found, "the partner is found")
        yield running


async def finds_the_partner(network: Network) -> bool:
    """Whether a normal question is answered."""
    answer = await send(network.ports["search"], a_request("/search?q=plain"))
    assert answer.seconds < SLOWEST_SECONDS
    return answer.status == 200 and answer.json["total"] == 1


TOO_MUCH = {
    "a query of 10 MB": (a_request(b"/search?q=" + b"a" * TEN_MB), 414, "address-too-long"),
    "to suggest": (a_request(b"/suggest?q=" + b"%00" * (TEN_MB // 3)), 414, "address-too-long"),
    "to a facet": (
        a_request(b"/search/facets/" + b"a" * TEN_MB + b"?q=a"),
        414,
        "address-too-long",
    ),
    "to similar": (a_request(b"/similar/" + b"%25" * (TEN_MB // 3)), 414, "address-too-long"),
    "a path of 10 MB": (a_request(b"/" + b"a" * TEN_MB), 414, "address-too-long"),
    "200,000 parameters": (a_request(b"/search?" + b"a=1&" * 200_000), 414, "address-too-long"),
    "q 200,000 times": (a_request(b"/search?" + b"q=1&" * 200_000), 414, "address-too-long"),
    "a header of 10 MB": (
        a_request("/search?q=a", b"X-Long: " + b"a" * TEN_MB),
        431,
        "headers-too-large",
    ),
    "a header's name of 10 MB": (
        a_request("/search?q=a", b"X" * TEN_MB + b": a"),
        431,
        "headers-too-large",
    ),
    "200,000 headers": (
        a_request("/search?q=a", *[b"X-Many: 1"] * 200_000),
        431,
        "headers-too-large",
    ),
    "a token of 10 MB": (
        a_request("/search?q=a", b"Authorization: Bearer " + b"a" * TEN_MB),
        431,
        "headers-too-large",
    ),
    "a body of 10 MB": (a_post("/synonyms", b"[" * TEN_MB), 413, "body-too-large"),
    "a body where none belongs": (
        a_request("/search?q=a", b"Content-Length: %d" % TEN_MB) + b"[" * TEN_MB,
        413,
        "body-too-large",
    ),
}


@pytest.mark.parametrize(("request_", "status", "kind"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
async def test_what_is_too_much_is_refused(
    network: Network, request_: bytes, status: int, kind: str
) -> None:
    """With a problem, soon, though not all of it was read; then the service goes on."""
    answer = await send(network.ports["search"], request_)
    assert (answer.status, answer.kind) == (status, kind)
    assert answer.seconds < SLOWEST_SECONDS
    assert await finds_the_partner(network)


async def test_a_body_of_unsaid_length_is_refused(network: Network) -> None:
    """As soon as more has come than may."""
    token = (await network.signed_in())["Authorization"].encode()
    head = a_request(
        "/synonyms",
        b"Authorization: " + token,
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
        method=b"POST",
    )
    answer = await send(network.ports["search"], head + CHUNK * 160 + b"0\r\n\r\n")
    assert (answer.status, answer.kind) == (413, "body-too-large")
    assert answer.seconds < SLOWEST_SECONDS
    assert await finds_the_partner(network)


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 414)])
async def test_an_address_may_be_as_long_as_is_said(
    network: Network, over: int, status: int
) -> None:
    """Path and query together, to the byte."""
    target = "/search?q=plain" + "%20" * 100
    target += "&" * (MOST_TARGET_BYTES - len(target) + over)
    assert (await send(network.ports["search"], a_request(target))).status == status


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 431)])
async def test_headers_may_be_as_large_as_is_said(network: Network, over: int, status: int) -> None:
    """All together, to the byte."""
    before = len(b"Host: search.test\r\n") + len(b"X-Long: \r\n")
    value = b"a" * (MOST_HEADER_BYTES - before + over)
    asked = a_request("/search?q=plain", b"X-Long: " + value)
    assert (await send(network.ports["search"], asked)).status == status


@pytest.mark.parametrize(
    "request_",
    [
        a_request(b"/search?q=a\x00b"),
        a_request(b"/search?q=\xff\xfe"),
        a_request(b"/se\xffarch?q=a"),
        a_request(b"http://[::1/search?q=a"),
        a_request(b"/search?q=a b"),
        a_request("/search?q=a", b"X-Odd: a\x00b"),
        a_request("/search?q=a", b"Content-Length: many"),
        a_request("/search?q=a", b"Content-Length: 1", b"Content-Length: 2"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 1_000,
        b"\x00\xff" * 500_000,
    ],
    ids=range(10),
)
async def test_what_is_not_http_is_told_so(network: Network, request_: bytes) -> None:
    """Also that is a problem, and ends one connection only."""
    answer = await send(network.ports["search"], request_)
    assert (answer.status, answer.kind) == (400, "malformed-request")
    assert answer.seconds < SLOWEST_SECONDS
    assert await finds_the_partner(network)


async def test_requests_before_the_bad_one_are_answered_first(network: Network) -> None:
    """On one connection, each in its turn; what comes after the bad one is not."""
    plain = a_request("/search?q=plain&facets=level")
    long = a_request(b"/search?q=" + b"a" * 2 * MOST_TARGET_BYTES)
    answers = await send_several(network.ports["search"], plain, plain, long, plain)
    lines = [line for line in answers.split(b"\r\n") if b"HTTP/1.1 " in line]
    assert [line.rpartition(b"HTTP/1.1 ")[2][:3] for line in lines] == [b"200", b"200", b"414"]


async def test_who_sends_too_much_keeps_nobody_waiting(network: Network) -> None:
    """Many of them at once, and a normal question among them."""
    port = network.ports["search"]
    requests = [request for request, _, _ in TOO_MUCH.values()] * 2
    sending = [asyncio.create_task(send(port, request)) for request in requests]
    assert await finds_the_partner(network)
    answers = await asyncio.gather(*sending)
    assert {answer.status for answer in answers} == {413, 414, 431}
    assert await finds_the_partner(network)


async def test_long_questions_do_not_fill_the_memory(network: Network) -> None:
    """Answers are kept for a while, with what they were asked by, in so much room and no more."""
    port, process = network.ports["search"], network.processes["search"].pid

    async def ask(first: int) -> None:
        asked = [
            a_request(f"/search?q=plain&area={number:09}{'%20' * 4_900}")
            for number in range(first, first + 100)
        ]
        answers = await send_several(port, *asked, LAST)
        assert answers.count(b"HTTP/1.1 200") == len(asked) + 1

    await ask(0)
    before = resident_bytes(process)
    for first in range(100, 3_000, 100):
        await ask(first)
    assert resident_bytes(process) < before + 30_000_000


def resident_bytes(process: int) -> int:
    """Memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize()
