"""Whatever text is asked for is answered soon, with a result or a problem.

Over real HTTP, to a real process. `make test LONG=1` asks more.
"""

import os
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.search.hostile_target import Target, encoded, serve_target

LONG = bool(os.environ.get("LONG"))


@pytest.fixture(scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """Search with some partners in it."""
    async with serve_target(tmp_path_factory.mktemp("hostile")) as found:
        yield found


TEXTS: dict[str, str | bytes] = {
    "all the words there are": " ".join(["university of plain leicester council"] * 14)[:500],
    "thousands of words": "a " * 4_000,
    "words of one letter": "a " * 250,
    "letters of one word": "a" * 500,
    "a very long word": "a" * 5_000,
    "long words alike": " ".join(["leicesterleicesterleices"] * 20),
    "long words with errors": " ".join(f"univorsity{chr(97 + at)}" for at in range(26)),
    "words that nobody has": " ".join(f"xq{at}zj" for at in range(80)),
    "quotation marks": '"' * 500,
    "empty phrases": '"" ' * 166,
    "many phrases": '"plain council" ' * 31,
    "an endless phrase": '"' + "council " * 62,
    "minus signs": "-" * 500,
    "minus signs apart": "- " * 250,
    "excluded phrases": '-"plain council" ' * 29,
    "exclusions only": " ".join(["-council"] * 55),
    "commas": "," * 500,
    "thousands of commas": "a," * 2_500,
    "a regex bomb": "(a+)+$" * 83,
    "another": "^(([a-z])+.)+[A-Z]([a-z])+$ " + "a" * 200,
    "a glob": "*" * 250 + "?" * 250,
    "ranges": "[* TO *] {a TO z} year:[1 TO 2] " * 10,
    "fields and boosts": "title:a^1e400 AND NOT (names:* OR +id:1~9) " * 11,
    "markup": "<script>alert(1)</script>&amp;<mark>" * 13,
    "sql": "'; DROP TABLE synonym; -- " * 19,
    "json": '{"$gt": {"a": [' * 30,
    "a path": "../../../../etc/passwd",
    "formats": "%s%n%x{0.__class__}${jndi:ldap://x}" * 14,
    "NUL": "a\x00b \x00",
    "only NUL": "\x00" * 500,
    "control characters": "".join(map(chr, range(32))) + "council\x7f\x80\x9f",
    "line ends": "plain\r\n\u2028\u2029\x85council",
    "right to left": "\u202eplain\u202c \u2067council\u2069 \u200f\u061c",
    "only right to left": "\u202e" * 500,
    "no width": "pl\u200bain\u200dcoun\ufeffcil\u00ad",
    "lone surrogates": "\ud800 \udfff plain\udc00council \udbff\udbff",
    "invalid UTF-8": b"\xff\xfe\xc0\xaf\xed\xa0\x80\xf8\x88\x80\x80\x80 plain \xe2\x82",
    "marks upon marks": "a" + "\u0301" * 499,
    "marks without a letter": "\u0e48" * 500,
    "characters that grow": "\ufdfa" * 500,
    "characters that become words": "½" * 500,
    "joined families": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 100,
    "apostrophes": "o'" * 250,
    "digits": "1" * 500,
    "digits of all scripts": "٣३໓೩" * 125,
    "one sign of each plane": "".join(chr((plane << 16) + 0x1F4A) for plane in range(17)),
    "not characters": "\ufffe\uffff\U0001ffff\U0010ffff\ufdd0",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_no_text_is_too_odd(target: Target, text: str | bytes) -> None:
    """There is no syntax, so there are no errors but of length."""
    await target.ask_everywhere(text)
    answer = await target.get("/search", f"q={encoded(text)}")
    assert answer.status == (200 if len(text) <= 500 else 422)


@pytest.mark.parametrize("length", [40, 41, 100, 101, 255, 499])
@pytest.mark.parametrize("letters", ["a", "ab", "university", "é", "清", "\U0001d400"])
async def test_no_word_is_too_long(target: Target, letters: str, length: int) -> None:
    """Alone and among others, finished and not."""
    word = (letters * length)[:length]
    for q in (word, f"{word} council", f"{word} "[:500]):
        await target.ask_everywhere(q)


planes = st.integers(0, 16).flatmap(
    lambda plane: st.integers(plane << 16, (plane << 16) + 0xFFFF).map(chr)
)
pieces = st.one_of(
    st.text(planes, max_size=12),
    st.sampled_from([" ", '"', "-", "'", ",", "\x00", "\u0301", "\u202e", "plain", "council"]),
)


@settings(
    max_examples=600 if LONG else 40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.lists(pieces, max_size=20).map("".join))
async def test_no_plane_of_unicode_is_too_far(target: Target, text: str) -> None:
    """Characters of every plane, assigned or not, and what parts words between them."""
    await target.ask_everywhere(text)


async def test_every_character_can_be_asked_for(target: Target) -> None:
    """All 1,114,112 of them in the long form, one of 400 otherwise, 500 to a question."""
    every = [chr(code) for code in range(0, 0x110000, 1 if LONG else 400)]
    for at in range(0, len(every), 500):
        q = encoded("".join(every[at : at + 500]))
        # Of a lone surrogate come three characters, so those are too many.
        assert (await target.get("/search", f"q={q}")).status in {200, 422}
        assert (await target.get("/suggest", f"q={q}")).status in {200, 422}
