"""Pages cover all hits once, and no question breaks the service."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.paging import encode_cursor
from tests.search.served_search import ServedSearch

COUNT = 45


@pytest.fixture(scope="module", autouse=True)
async def many(search: ServedSearch) -> None:
    """Partners of which many score the same."""
    for number in range(COUNT):
        name = (
            "Equal Council" if number % 3 else f"Council {'of many words ' * (number % 4)}{number}"
        )
        await search.directory.create(name, status="inactive" if number % 5 == 0 else "active")
    await search.caught_up()


@pytest.mark.parametrize("limit", [4, 20, 44, 45, 46])
@pytest.mark.parametrize(
    "parameters",
    [
        {"q": "council"},
        {"q": "equal council"},
        {"q": "council nonexistingword"},
        {"q": ""},
        {"q": "council", "sort": "name"},
        {"q": "", "sort": "modified"},
    ],
    ids=str,
)
async def test_pages_cover_everything_once(
    search: ServedSearch, parameters: dict[str, Any], limit: int
) -> None:
    """In the same order as one large page has it, whatever the size of the page."""
    whole = await search.ask(**parameters, limit=200)
    collected: list[str] = []
    url: str | None = None
    pages = 0
    while True:
        answer = (
            await search.client.get(url)
            if url
            else await search.client.get("/search", params={**parameters, "limit": limit})
        )
        body = answer.json()
        assert body["total"] == whole["total"]
        collected += [item["id"] for item in body["items"]]
        pages += 1
        assert (body["next"] is None) == ("link" not in answer.headers)
        if body["next"] is None:
            break
        url = answer.links["next"]["url"]
    assert collected == [item["id"] for item in whole["items"]]
    assert len(set(collected)) == whole["total"]
    assert pages == -(-whole["total"] // limit)


async def test_a_cursor_belongs_to_one_search(search: ServedSearch) -> None:
    """With another question it is refused, not answered with something odd."""
    cursor = (await search.ask(q="council", limit=2))["next"]
    for parameters in ({"q": "equal"}, {"q": "council", "sort": "name"}, {"level": "local"}):
        answer = await search.client.get("/search", params={**parameters, "cursor": cursor})
        assert answer.status_code == 400
        assert answer.json()["type"].endswith("bad-cursor")


async def test_what_comes_between_two_pages_disturbs_neither(search: ServedSearch) -> None:
    """By name, a record that comes or goes before the cursor shifts nothing."""
    first = await search.ask(limit=10)
    made = await search.directory.create("AAA comes first of all")
    await search.caught_up()
    second = await search.ask(limit=200, cursor=first["next"])
    both = [item["id"] for item in first["items"] + second["items"]]
    assert len(both) == len(set(both)) == COUNT
    assert made["id"] not in both


async def test_scores_that_move_between_two_pages_shift_nothing(search: ServedSearch) -> None:
    """Each commit changes how rare a word is, and with it every score."""
    whole = await search.ids(q="council", limit=200)
    first = await search.ask(q="council", limit=20)
    for number in range(20):
        await search.directory.create(f"Body {number}", description={"en": "council " * 9})
    await search.caught_up()
    second = await search.ask(q="council", limit=200, cursor=first["next"])
    both = [item["id"] for item in first["items"] + second["items"]]
    assert len(both) == len(set(both))
    assert [record_id for record_id in both if record_id in whole] == whole


@pytest.mark.parametrize(
    "q",
    [
        "AND", "OR NOT", "a:b", "names:", '"', '"unclosed', "(((", "]}", "*", "?", "~", "^2",
        "council~99", "-council", "+", "/regex/", "[a TO b]", "{* TO *}", "names:[", "\\", "\\\\",
        "%00", "\x00", "\ud7ff", "\U0001f469\u200d\U0001f52c", "\u202e", "' OR 1=1 --", "IN [a b]",
        "a" * 500, "é" * 500, "a " * 250, "'" * 500, "\u0301", "\u0301a", "½", "ﬁ", "가",
        "清华大学",
    ],
)  # fmt: skip
async def test_a_malformed_question_is_searched_as_words(search: ServedSearch, q: str) -> None:
    """There is no syntax, so there are no syntax errors."""
    for more in ({}, {"sort": "name"}, {"facets": "level,country"}):
        answer = await search.client.get("/search", params={"q": q, **more})
        assert answer.status_code == 200, answer.text


@settings(max_examples=60, deadline=None)
@given(q=st.text(max_size=60), limit=st.integers(-3, 250), cursor=st.text(max_size=30) | st.none())
async def test_no_question_breaks_the_service(
    search: ServedSearch, q: str, limit: int, cursor: str | None
) -> None:
    """Whatever is asked is answered, or refused as the caller's mistake."""
    parameters: dict[str, Any] = {
        "q": q,
        "limit": limit,
        **({} if cursor is None else {"cursor": cursor}),
    }
    answer = await search.client.get("/search", params=parameters)
    assert answer.status_code in {200, 400, 422}


@given(
    q=st.text(max_size=10),
    place=st.tuples(
        st.text(max_size=12),
        st.integers(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.integers(),
        st.integers(),
    ),
)
@settings(max_examples=40, deadline=None)
async def test_a_forged_cursor_is_refused(
    search: ServedSearch, q: str, place: tuple[str, int, int, float, int, int]
) -> None:
    """A cursor says how deep to look: a forged one must not be able to order the moon."""
    try:
        cursor = encode_cursor(*place)
    except TypeError:
        return
    answer = await search.client.get("/search", params={"q": q, "cursor": cursor})
    assert answer.status_code in {200, 400, 422}
