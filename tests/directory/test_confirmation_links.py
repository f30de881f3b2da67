"""What the link of a confirmation is good for, and what not; and the pages behind it."""

import base64
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from services.directory.signing_keys import SigningKeys
from shared.tokens import ALGORITHM
from tests.directory.contact_points import a_desk, ask, asked, let_an_hour_pass, point_of
from tests.served_directory import BOOTSTRAP, ServedDirectory

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
_numbers = iter(range(10_000))


async def _fresh(directory: ServedDirectory) -> tuple[dict[str, Any], str]:
    """A partner whose contact point has just been asked, and the link."""
    number = next(_numbers)
    desk = a_desk(f"fresh-{number}@example.org")
    record = await directory.create(f"Fresh {number}", contact_points=[desk])
    link = await asked(directory, record)
    return await directory.read(record["id"], await directory.signed_in()), link


def _keys(directory: ServedDirectory) -> SigningKeys:
    keys: SigningKeys = directory.app.state.signing_keys
    return keys


def _claims(link: str) -> dict[str, Any]:
    part = link.rpartition("/")[2].split(".")[1]
    found: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _with_token(link: str, token: str) -> str:
    return f"{link.rpartition('/')[0]}/{token}"


async def _refused(
    directory: ServedDirectory, record: dict[str, Any], link: str, status: int, words: str
) -> None:
    """By GET and POST, as a page and as a problem; and nothing is written."""
    before = await directory.read(record["id"], await directory.signed_in())
    for method, data in (("GET", None), ("POST", {"answer": "reached"})):
        page = await directory.client.request(method, link, data=data, headers=PAGE)
        assert (page.status_code, page.headers["Content-Type"]) == (
            status,
            "text/html; charset=utf-8",
        )
        assert words in page.text
        problem = await directory.client.request(method, link, data=data)
        assert problem.status_code == status
        assert problem.headers["Content-Type"] == "application/problem+json"
        assert words in problem.json()["detail"]
        for answer in (page, problem):
            assert answer.headers["Cache-Control"] == "no-store"
    assert await directory.read(record["id"], await directory.signed_in()) == before


async def test_what_is_not_a_link_of_ours_is_not_found(directory: ServedDirectory) -> None:
    """Nor what another key has signed, nor what ours has signed for something else."""
    record, link = await _fresh(directory)
    token, keys = link.rpartition("/")[2], _keys(directory)
    claims = _claims(link)
    header, body, signature = token.split(".")
    stranger = OKPKey.generate_key("Ed25519", {"kid": "0", "use": "sig", "alg": ALGORITHM})
    forged = [
        "x",
        "a.b.c",
        "%E2%82%AC.%00.%FF",
        f"{header}.{body}.",
        f"{header}.{body}.{signature[:-4]}",
        f"{header}.{body}.{signature}x",
        jwt.encode({"alg": ALGORITHM, "typ": "confirmation+jwt"}, claims, stranger, [ALGORITHM]),
        await directory.token(*BOOTSTRAP),
        keys.sign("at+jwt", claims),
        keys.sign("confirmation+jwt", {**claims, "aud": "partner-directory"}),
        keys.sign("confirmation+jwt", {**claims, "jti": "x"}),
        keys.sign("confirmation+jwt", {**claims, "exp": "never"}),
        keys.sign("confirmation+jwt", {**claims, "exp": 10**30}),
        keys.sign("confirmation+jwt", {"aud": "confirmation"}),
    ]
    for one in forged:
        await _refused(directory, record, _with_token(link, one), 404, "not a link of ours")
    for wrong in (claims | {"sub": claims["jti"]}, claims | {"jti": claims["sub"]}):
        other = _with_token(link, keys.sign("confirmation+jwt", wrong))
        await _refused(directory, record, other, 410, "not in the directory any more")
    assert (await directory.client.post(link, data={"answer": "reached"})).status_code == 200


async def test_a_link_signs_nobody_in(directory: ServedDirectory) -> None:
    """Neither as it is, nor with the claims of an access token in it."""
    _, link = await _fresh(directory)
    claims = _claims(link)
    account = {"sub": claims["sub"], "role": "secretariat", "partner_id": None}
    for token in (
        link.rpartition("/")[2],
        _keys(directory).sign("confirmation+jwt", {**claims, **account}),
    ):
        headers = {"Authorization": f"Bearer {token}"}
        assert (await directory.client.get("/partners", headers=headers)).status_code == 401


async def test_an_expired_link_does_not_count(directory: ServedDirectory) -> None:
    """The page says until when it did."""
    record, link = await _fresh(directory)
    claims = {**_claims(link), "exp": int(time.time()) - 1}
    expired = _with_token(link, _keys(directory).sign("confirmation+jwt", claims))
    await _refused(directory, record, expired, 410, "The link was good until 20")


async def test_only_the_newest_link_counts(directory: ServedDirectory) -> None:
    """The older one says so."""
    record, older = await _fresh(directory)
    await let_an_hour_pass(directory)
    newer = await asked(directory, record)
    assert newer != older
    await _refused(directory, record, older, 410, "Use the link in the newest one")
    assert (await directory.client.post(newer, data={"answer": "reached"})).status_code == 200


async def _move(directory: ServedDirectory, record: dict[str, Any]) -> None:
    point = {**point_of(record), "channels": a_desk("moved@example.org")["channels"]}
    assert (await directory.patch(record, {"contact_points": [point]})).status_code == 200


async def _add_telephone(directory: ServedDirectory, record: dict[str, Any]) -> None:
    point = point_of(record)
    point["channels"].append({"kind": "phone", "value": "+442079460009"})
    assert (await directory.patch(record, {"contact_points": [point]})).status_code == 200


async def _remove(directory: ServedDirectory, record: dict[str, Any]) -> None:
    assert (await directory.patch(record, {"contact_points": []})).status_code == 200


async def _end(directory: ServedDirectory, record: dict[str, Any]) -> None:
    point = {**point_of(record), "valid_to": "2011-12-31"}
    assert (await directory.patch(record, {"contact_points": [point]})).status_code == 200


async def _hide(directory: ServedDirectory, record: dict[str, Any]) -> None:
    assert (await directory.patch(record, {"visibility": "secretariat"})).status_code == 200


async def _withdraw(directory: ServedDirectory, record: dict[str, Any]) -> None:
    answer = await directory.client.delete(
        f"/partners/{record['id']}",
        headers={**await directory.signed_in(), "If-Match": f'"{record["version"]}"'},
    )
    assert answer.status_code == 204


@pytest.mark.parametrize("change", [_move, _add_telephone, _remove, _end, _hide])
async def test_a_link_is_for_what_was_asked(
    directory: ServedDirectory,
    change: Callable[[ServedDirectory, dict[str, Any]], Awaitable[None]],
) -> None:
    """When the channels, the contact point or its readers have changed it counts no more."""
    record, link = await _fresh(directory)
    await change(directory, record)
    await _refused(directory, record, link, 410, "not as it was when it was asked")


async def test_a_link_of_a_withdrawn_partner_does_not_count(directory: ServedDirectory) -> None:
    """Nobody is to be reached there any more."""
    record, link = await _fresh(directory)
    await _withdraw(directory, record)
    assert (await directory.client.post(link, data={"answer": "reached"})).status_code == 410


async def test_a_link_follows_a_merge(directory: ServedDirectory) -> None:
    """The contact point is the other partner's then, by whose name the page asks."""
    record, link = await _fresh(directory)
    kept = await directory.create("The one that stays")
    merged = await directory.client.post(
        "/partners/merge",
        json={"from": record["id"], "into": kept["id"]},
        headers=await directory.signed_in(),
    )
    assert point_of(merged.json())["verification"]["status"] == "pending"
    assert "The one that stays" in (await directory.client.get(link, headers=PAGE)).text
    assert (await directory.client.post(link, data={"answer": "reached"})).status_code == 200
    shown = await directory.read(kept["id"])
    assert point_of(shown)["verification"]["status"] == "verified"


def _check_headers(answer: httpx.Response) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_page_loads_nothing_and_escapes_all(directory: ServedDirectory) -> None:
    """Names are text, whatever they look like; no address of anybody else is in the page."""
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=y>"
    desk = a_desk("hostile@example.org", name=hostile)
    record = await directory.create(hostile, contact_points=[desk])
    link = await asked(directory, record)
    pages = [
        await directory.client.get(link, headers=PAGE),
        await directory.client.post(link, data={"answer": "no"}, headers=PAGE),
        await directory.client.post(link, data={"answer": "reached"}, headers=PAGE),
        await directory.client.get(link, headers=PAGE),
        await directory.client.get(_with_token(link, "x"), headers=PAGE),
    ]
    assert [page.status_code for page in pages] == [200, 422, 200, 200, 404]
    for page in pages:
        _check_headers(page)
        assert not re.search(
            r"<(script|img|iframe|link|a)\b|https?:|<[^>]*\bsrc=|@example", page.text
        )
    assert pages[0].text.count("&lt;script&gt;") == 2


async def test_an_answer_that_we_do_not_know_is_refused(directory: ServedDirectory) -> None:
    """Nothing happens by it, nor by a HEAD."""
    record, link = await _fresh(directory)
    for data in ({}, {"answer": ""}, {"answer": "reached", "x": "y" * 10}, {"other": "reached"}):
        answer = await directory.client.post(f"{link}?x=1", data=data)
        assert answer.status_code == 400
        if data.get("answer") != "reached":
            assert (await directory.client.post(link, data=data)).status_code == 422
    assert (await directory.client.post(link, json={"answer": "reached"})).status_code == 422
    head = await directory.client.head(link, headers=PAGE)
    assert (head.status_code, head.content) == (200, b"")
    _check_headers(head)
    shown = await directory.read(record["id"])
    assert point_of(shown)["verification"]["status"] == "pending"
    assert (await ask(directory, record)).status_code == 429
