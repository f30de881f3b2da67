"""Whatever parameters, cursors and bodies are sent, the answer comes soon, and tells what is wrong.

Over real HTTP, to a real process.
"""

import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from shared.paging import encode_cursor
from tests.search.hostile_target import EVERY_FACET, Target, serve_target


@pytest.fixture(scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """Search with some partners in it."""
    async with serve_target(tmp_path_factory.mktemp("hostile")) as found:
        yield found


NUMBERS = [
    "nan", "-nan", "inf", "-inf", "Infinity", "1e400", "-1e400", "1e-400", "0x10", "1_0", "٣", "",
    " ", "-0.0", "9" * 400, "0." + "0" * 400 + "1", "1e" + "9" * 300, "+1", "1,", "½", "\x00",
    "90.0000001", "18446744073709551616", "-9223372036854775809",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
async def test_no_number_is_too_odd(target: Target, number: str) -> None:
    """Whatever a number may be, it is one that can be used, or a problem that names it."""
    for parameters in (
        {"near": f"{number},0,1"},
        {"near": f"0,{number},1"},
        {"near": f"0,0,{number}", "sort": "distance"},
        {"near": f"90,{number},20000", "sort": "distance"},
        {"near": ",".join([number] * 20)},
        {"year": number},
        {"year[gte]": number, "facets": "year"},
        {"year[lte]": number},
        {"created_at[gte]": number},
        {"modified_at[lte]": number},
        {"limit": number},
        {"explain": number},
        {"sort": number, "facets": number, "highlight": number, "cursor": number},
    ):
        answer = await target.get("/search", urlencode(parameters))
        if answer.status != 200:
            names = {error["pointer"].removeprefix("/query/") for error in answer.json["errors"]}
            assert names <= set(parameters)
            assert names or answer.kind == "bad-cursor"
    await target.get("/suggest", urlencode({"q": "plain", "limit": number}))
    await target.get("/search/facets/country", urlencode({"limit": number, "near": number}))
    await target.get(f"/similar/{target.partner_id}", urlencode({"limit": number}))


MOMENTS = [
    "0000-00-00", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59-23:59", "2026-02-30",
    "0001-01-01T00:00:00+23:59", "2026-W01-1", "2026-01-31T24:00:00Z", "20260131", "٢٠٢٦-٠١-٣١",
    "2026-01-31T00:00:00.000000000000000000001Z", "2026-01-31" * 40, "T", "-2026-01-31",
]  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS)
async def test_no_moment_is_too_odd(target: Target, moment: str) -> None:
    """At both ends of both ranges."""
    for name in ("created_at[gte]", "created_at[lte]", "modified_at[gte]", "modified_at[lte]"):
        answer = await target.get("/search", urlencode({name: moment, "facets": EVERY_FACET}))
        assert answer.status in {200, 422}


async def test_lists_of_thousands_are_refused(target: Target) -> None:
    """Of each filter, and of what is counted."""
    for name in EVERY_FACET.split(","):
        for values in (",".join(["a"] * 2_400), ",".join(f"{at}" for at in range(1_000, 2_000))):
            answer = await target.get("/search", urlencode({name: values}))
            assert (answer.status, answer.kind) == (422, "invalid-values")
    counted = ",".join(["country"] * 1_500)
    assert (await target.get("/search", urlencode({"facets": counted}))).status == 422
    many = "&".join(f"p{at}=1" for at in range(2_000))
    answer = await target.get("/search", many)
    assert (answer.status, answer.kind) == (400, "unknown-parameter")


ODD: dict[type, tuple[Any, ...]] = {
    int: (0, -1, 2**31, 2**62, 2**63, 2**64 - 1),
    float: (0.0, -0.0, -1.0, 5e-324, 1e308, -1e308),
    str: ("", "\x01", "\u202e", "\U0010ffff" * 200, "a" * 1_500),
    list: ([], [[[]]], {}, None, True),
}


@pytest.mark.parametrize("sort", ["relevance", "name", "newest", "modified", "distance"])
async def test_a_forged_cursor_orders_no_moon(target: Target, sort: str) -> None:
    """A real one, of which each part is replaced by the greatest and the oddest there are."""
    query = {"q": "what does", "near": "52,0.5,20000", "sort": sort, "limit": "1"}
    given = (await target.get("/search", urlencode(query))).json["next"]
    parts = orjson.loads(base64.urlsafe_b64decode(given + "=="))
    for at, part in enumerate(parts):
        for kind, odd in ((kind, odd) for kind, values in ODD.items() for odd in values):
            cursor = encode_cursor(*parts[:at], odd, *parts[at + 1 :])
            answer = await target.get("/search", urlencode({**query, "cursor": cursor}))
            assert answer.status == 200 or answer.kind == "bad-cursor"
            assert answer.status == 400 or isinstance(part, kind)
    for junk in ("a" * 5_000, "W10", "bnVsbA", "%00", "=" * 300, "e30", "W1tbW1tbW1tb" * 300):
        assert (await target.get("/search", f"q=a&cursor={junk}")).kind == "bad-cursor"


BODIES = {
    "open brackets": b"[" * 1_000_000,
    "brackets in brackets": b"[" * 100_000 + b"]" * 100_000,
    "objects in objects": b'{"terms":' * 50_000 + b"1" + b"}" * 50_000,
    "a long number": b'{"terms":[' + b"1" * 900_000 + b"]}",
    "a number out of range": b'{"terms":[1e400,"a"]}',
    "a long text": b'{"terms":["' + b"a" * 900_000 + b'","b"]}',
    "many terms": b'{"terms":[' + b'"a",' * 200_000 + b'"b"]}',
    "many fields": b"{" + b",".join(b'"%d":1' % at for at in range(80_000)) + b"}",
    "one field many times": b"{" + b'"terms":[],' * 80_000 + b'"note":"a"}',
    "lone surrogates": b'{"terms":["\\ud800a","b"]}',
    "NUL": b'{"terms":["a\\u0000","b"]}',
    "control characters": b'{"terms":["a\x01","b"]}',
    "right to left": '{"terms":["\u202ea","\u202eb"]}'.encode(),
    "invalid UTF-8": b'{"terms":["\xff\xfe","b"]}',
    "another encoding": '{"terms":["a","b"]}'.encode("utf-32"),
    "not numbers": b'{"terms":[NaN,Infinity]}',
    "nothing": b"",
    "only NUL": b"\x00" * 100_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_no_body_is_too_odd(target: Target, body: bytes) -> None:
    """Up to the size that a body may have."""
    answer = await target.post("/synonyms", body)
    assert answer.status in {201, 400, 409, 422}
