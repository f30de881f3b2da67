"""Bad input: each is refused with a problem that helps, and leaves nothing behind."""

from typing import Any

import httpx
import orjson
import pytest

from tests.served_directory import ServedDirectory, a_partner

JSON = {"Content-Type": "application/json"}
NAME = b'{"level":"national","names":[{"value":"%s","kinds":["display"]}]}'
DESK = {"kind": "role", "purposes": ["press"], "channels": [{"kind": "post", "value": "x"}]}

# What is sent to POST /partners, and the status it must be answered with.
BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 422),
    "cut off": (b'{"level": "nat', 400),
    "not utf-8": (NAME % b"\xff", 400),
    "a list": (b"[]", 422),
    "null": (b"null", 422),
    "a number": (b"7", 422),
    "deep list": (b"[" * 100_000, 400),
    "deep closed list": (b"[" * 100_000 + b"]" * 100_000, 400),
    "deep object": (b'{"a":' * 50_000, 400),
    "deep value": (b'{"level":' + b"[" * 900 + b"]" * 900 + b"}", 422),
    "huge integer": (b'{"level":"national","established":' + b"9" * 5_000 + b"}", 400),
    "big integer": (b'{"level":"national","established":' + b"9" * 400 + b"}", 422),
    "NUL": (NAME % b"a\\u0000b", 422),
    "lone surrogate": (NAME % b"a\\ud800b", 422),
    "surrogate for a key": (b'{"\\ud800": 1, "level": "national"}', 422),
    "non-character": (NAME % "a\uffff".encode(), 422),
    "line feed in a name": (NAME % b"a\\nb", 422),
    "only spaces": (NAME % "\u00a0 ".encode(), 422),
    "grows when it is normalised": (NAME % ("\u0958" * 300).encode(), 422),
}

# What is put into an otherwise good partner, and the pointer to what is wrong with it.
VALUES: list[tuple[dict[str, Any], str]] = [
    ({"colour": "red"}, "/colour"),
    ({"a/b~c": 1}, "/a~1b~0c"),
    ({"level": "regional"}, "/level"),
    ({"level": 1}, "/level"),
    ({"names": []}, "/names"),
    ({"names": "x"}, "/names"),
    ({"names": [{"value": "n", "kinds": ["alias"]}]}, ""),
    ({"names": [{"value": "n", "kinds": ["display"]}, {"value": "m", "kinds": ["display"]}]}, ""),
    ({"names": [{"value": "n", "kinds": ["display"]}, {"value": "n"}]}, ""),
    ({"names": [{"value": str(n)} for n in range(10_000)]}, "/names"),
    ({"names": [{"value": "x" * 301, "kinds": ["display"]}]}, "/names/0/value"),
    ({"names": [{"value": "x", "kinds": ["display"], "lang": "english"}]}, "/names/0/lang"),
    ({"description": {"en": ""}}, "/description/en"),
    ({"description": {"\ufffd": "x"}}, "/description/\ufffd/[key]"),
    ({"country": "UK"}, "/country"),
    ({"country": "gb"}, "/country"),
    ({"areas": [{}]}, "/areas/0"),
    ({"areas": [{"code": "GB-XXX"}]}, "/areas/0/code"),
    ({"location": {"lat": 91, "lon": 0}}, "/location/lat"),
    ({"location": {"lat": 1}}, "/location"),
    ({"location": {"lat": "1", "lon": "2"}}, "/location/lat"),
    ({"domains": ["not a host"]}, "/domains/0"),
    ({"links": [{"url": "javascript:alert(1)"}]}, "/links/0/url"),
    ({"links": [{"url": "http://user:pass@example.org"}]}, "/links/0/url"),
    ({"links": [{"url": "http://[::1"}]}, "/links/0/url"),
    ({"established": 0}, "/established"),
    ({"established": "1999"}, "/established"),
    ({"established": True}, "/established"),
    ({"established": 1999.5}, "/established"),
    ({"status": "withdrawn"}, ""),
    ({"external_ids": [{"scheme": "ror", "value": "04xfq0f34"}]}, "/external_ids/0"),
    ({"external_ids": [{"scheme": "a", "value": "1"}] * 2}, ""),
    (
        {"external_ids": [{"scheme": "a", "value": "1", "preferred": "yes"}]},
        "/external_ids/0/preferred",
    ),
    ({"topics": [{"topic_id": "x", "role": "leads"}]}, "/topics/0/topic_id"),
    ({"relationships": [{"kind": "parent", "partner_id": 7}]}, "/relationships/0/partner_id"),
    ({"contact_points": [{**DESK, "channels": []}]}, "/contact_points/0/channels"),
    ({"contact_points": [{**DESK, "kind": "person"}]}, "/contact_points/0"),
    ({"contact_points": [{**DESK, "valid_to": 0}]}, "/contact_points/0/valid_to"),
    ({"contact_points": [{**DESK, "valid_to": "2026-02-30"}]}, "/contact_points/0/valid_to"),
    (
        {"contact_points": [{**DESK, "hours": {"text": "x", "time_zone": "Europe"}}]},
        "/contact_points/0/hours/time_zone",
    ),
    (
        {"contact_points": [{**DESK, "channels": [{"kind": "phone", "value": "0207 946"}]}]},
        "/contact_points/0/channels/0",
    ),
    (
        {"contact_points": [{**DESK, "channels": [{"kind": "email", "value": "me@"}]}]},
        "/contact_points/0/channels/0",
    ),
]


def _assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert len(problem["detail"]) > 15
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert problem["type"].startswith("urn:partner-directory:problem:")
    assert isinstance(problem["errors"], list)
    return problem


@pytest.fixture
async def untouched(directory: ServedDirectory) -> Any:
    """Fails the test that has left anything behind: a record, a change, an event."""
    marker = await directory.create("Seen before and after")
    await directory.event_of(marker["id"])

    async def state() -> tuple[str, int]:
        headers = await directory.service()
        export = await directory.client.get("/partners/export.ndjson", headers=headers)
        return export.text, (await directory.changes(headers=headers))["head"]

    before = await state()
    yield marker
    # An event that was written would be numbered before that of a later change.
    later = await directory.create("Written after")
    await directory.event_of(later["id"])
    export, head = await state()
    lines = [line for line in export.splitlines() if later["id"] not in line]
    assert (lines, head - 1) == (before[0].splitlines(), before[1])


async def test_a_body_that_cannot_be_taken_is_refused(
    directory: ServedDirectory, untouched: dict[str, Any]
) -> None:
    """When a record is made and when it is replaced."""
    headers = {**await directory.signed_in(), **JSON, "If-Match": '"1"'}
    path = f"/partners/{untouched['id']}"
    for body, status in BODIES.values():
        for method, address in (("POST", "/partners"), ("PUT", path)):
            _assert_problem(
                await directory.client.request(method, address, content=body, headers=headers),
                status,
            )


async def test_the_problem_points_to_what_is_wrong(
    directory: ServedDirectory, untouched: dict[str, Any]
) -> None:
    """`errors` has a JSON pointer to it, in a new record and in a patch alike."""
    headers = {**await directory.signed_in(), **JSON}
    for value, pointer in VALUES:
        body = orjson.dumps(a_partner("Never made") | value)
        made = await directory.client.post("/partners", content=body, headers=headers)
        for answer in (made, await directory.patch(untouched, value)):
            problem = _assert_problem(answer, 422)
            assert len(problem["errors"]) <= 100
            assert pointer in [error["pointer"] for error in problem["errors"]], problem


@pytest.mark.parametrize(
    "patch",
    [
        b'{"established":NaN}',
        b'{"location":{"lat":Infinity,"lon":1}}',
        b'{"location":{"lat":1e999,"lon":1}}',
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"description":' * 60 + b"1" + b"}" * 60,
        b'{"names":null}',
        b'{"level":null}',
    ],
    ids=lambda patch: patch[:25].decode(),
)
async def test_a_patch_that_breaks_a_rule_is_refused(
    directory: ServedDirectory, untouched: dict[str, Any], patch: bytes
) -> None:
    """Not-numbers, depths without end, and the removal of what must be there."""
    headers = {**await directory.signed_in(), **JSON, "If-Match": '"1"'}
    path = f"/partners/{untouched['id']}"
    _assert_problem(await directory.client.patch(path, content=patch, headers=headers), 422)


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "x", "", None])
async def test_a_body_must_say_that_it_is_json(
    directory: ServedDirectory, untouched: dict[str, Any], media_type: str | None
) -> None:
    """Otherwise the answer says so, whatever is in it."""
    headers = await directory.signed_in()
    given = {} if media_type is None else {"Content-Type": media_type}
    body = orjson.dumps(a_partner("Never made"))
    answer = await directory.client.post("/partners", content=body, headers={**headers, **given})
    assert "application/json" in _assert_problem(answer, 415)["detail"]


@pytest.mark.parametrize("told", [True, False], ids=["Content-Length", "chunked"])
async def test_a_body_over_the_limit_is_refused(
    directory: ServedDirectory, untouched: dict[str, Any], told: bool
) -> None:
    """A mebibyte by default, whether its length is told before or not."""
    body = b'"' + b"x" * 1_048_576 + b'"'

    async def parts() -> Any:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    answer = await directory.client.post(
        "/partners",
        content=body if told else parts(),
        headers={**await directory.signed_in(), **JSON},
    )
    _assert_problem(answer, 413)


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ("garbage", 400),
        ("1", 400),
        ('"1', 400),
        ('""', 400),
        ('"one"', 400),
        ('"-1"', 400),
        ('"¹"', 400),
        ('"1", "2"', 400),
        ("*", 400),
        ('"' + "9" * 90 + '"', 412),
        ('"' + "9" * 900 + '"', 422),
    ],
)
async def test_an_if_match_that_is_no_etag_is_refused(
    directory: ServedDirectory, untouched: dict[str, Any], tag: str, status: int
) -> None:
    """It must be the one of the record."""
    signed_in = (await directory.signed_in())["Authorization"]
    answer = await directory.client.patch(
        f"/partners/{untouched['id']}",
        json={"established": 1},
        headers={b"Authorization": signed_in.encode(), b"If-Match": tag.encode()},
    )
    _assert_problem(answer, status)
    assert (await directory.read(untouched["id"]))["established"] is None


@pytest.mark.parametrize("no_id", ["x", "%00", "%ED%A0%80", "1", "..%2F..", "0" * 33, "%0d%0aX:1"])
@pytest.mark.parametrize("noun", ["partners", "topics", "accounts"])
async def test_an_id_that_is_none_is_refused(
    directory: ServedDirectory, noun: str, no_id: str
) -> None:
    """As not acceptable, or as not there."""
    answer = await directory.client.get(f"/{noun}/{no_id}", headers=await directory.signed_in())
    _assert_problem(answer, 404 if "%2F" in no_id else 422)


@pytest.mark.parametrize("asked", ["topic", "name", "external_id", "country", "cursor", "sort"])
async def test_nul_is_no_text_to_ask_for(directory: ServedDirectory, asked: str) -> None:
    """PostgreSQL would not take it."""
    answer = await directory.client.get(f"/partners?{asked}=a:%00")
    _assert_problem(answer, 400 if asked == "cursor" else 422)
    assert (await directory.client.get("/topics?notation=%00")).status_code == 422


@pytest.mark.parametrize(
    "path", ["/nothing", "/partners/", "/partners/1/2/3", "/openapi.yaml", "//"]
)
async def test_an_address_that_is_none_is_a_problem(directory: ServedDirectory, path: str) -> None:
    """The router's own 404 has the same shape as all others."""
    _assert_problem(await directory.client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/partners", "GET, HEAD, POST"),
        ("POST", "/partners/{}", "DELETE, GET, HEAD, PATCH, PUT"),
        ("PUT", "/partners/export.ndjson", None),
        ("GET", "/partners/{}/assurance", "POST"),
        ("POST", "/changes", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
        ("OPTIONS", "/partners", "GET, HEAD, POST"),
    ],
)
async def test_a_method_that_is_not_known_here_is_told_which_are(
    directory: ServedDirectory, method: str, path: str, allowed: str | None
) -> None:
    """`Allow` names all that the address knows."""
    path = path.format("01890000-0000-7000-8000-000000000000")
    answer = await directory.client.request(method, path, headers=await directory.signed_in())
    if allowed is not None:
        _assert_problem(answer, 405)
        assert answer.headers["Allow"] == allowed
    assert answer.status_code < 500


@pytest.mark.parametrize("given", [b"a b", b"x" * 65, b"a\tb", "ä".encode(), b"{}", b"", b"a;b=c"])
async def test_a_request_id_that_is_none_is_replaced(
    directory: ServedDirectory, given: bytes
) -> None:
    """What comes back, and into the logs, is of plain signs only; a good one is kept."""
    answer = await directory.client.get("/healthz", headers={b"X-Request-ID": given})
    assert answer.headers["X-Request-ID"].encode() != given
    assert len(answer.headers["X-Request-ID"]) == 36
    kept = await directory.client.get("/healthz", headers={"X-Request-ID": "a-Good.one_1"})
    assert kept.headers["X-Request-ID"] == "a-Good.one_1"
