"""Words, "phrases", -exclusions and unfinished words; which names come first; what else is tried.

Typing errors are in test_typing_errors.py, other words for the same in test_other_words.py.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.served_search import ServedSearch
from tests.search.test_searching import named

NOT_CLOSED = "A quotation mark is not closed; what follows it was searched as words."
SOME_WORDS = "No record has every word of q; these have some of them."
NAMES_WITHIN = "Few records have every word of q, so whole names within q were found as well."
NOTHING_ASKED = "q has no letters or digits, so nothing was found."
# Of words that are far from each other, so that none is a typing error of another.
TREES = [
    "amber birch", "birch amber", "amber birch cedar", "amber cedar birch", "cedar amber birch",
    "amber amber", "cedar", "birch birch amber", "juniper", "juniper amber birch cedar",
]  # fmt: skip
_TREE = st.sampled_from(["amber", "birch", "cedar", "juniper"])
_PHRASE = st.lists(_TREE, min_size=1, max_size=3)


@pytest.fixture(scope="module", autouse=True)
async def bodies(search: ServedSearch) -> None:
    """Partners, each there for one of the tests below."""
    create = search.directory.create
    for name in TREES:
        await create(name, level="local")
    await create(
        "Money Laundering Watch",
        description={"en": "Against the smuggling of tobacco.", "de": "Gegen Schmuggel."},
        names=[
            named("Money Laundering Watch", "display"),
            named("Fair Trade", "alias"),
            named("Review Office", "alias"),
        ],
    )
    await create("Laundering of Money Museum", description={"en": "What smugglers smuggled."})
    await create(
        "Tobacco Control Board",
        names=[named("Tobacco Control Board", "display"), named("TCB", "acronym")],
    )
    await create("Harbour Board", country="DE", location={"place": "Kiel"})
    ceased = await create("Harbour Board", status="inactive", country="FR")
    for name, more in {
        "Port Office": named("Harbour Board", "former"),
        "Quay Office": named("HARBOUR BOARD", "acronym"),
        "Dock Office": named("Harbour Board", "alias"),
    }.items():
        await create(name, names=[named(name, "display"), more])
    await create("Board of the Harbour")
    await create("Harbour Cleaning Board and Co")
    await create("Kiel Harbour Friends", description={"en": "Members sit on the board."})
    assert ceased["status"] == "inactive"
    for number in range(40):
        await create(f"Wharf {number} of the Estuary", country="NL")
    await create("Estuary Walk", description={"en": "Along each wharf."}, country="NL")
    await create("Otter Report", description={"en": "A lighthouse gallery has otters at night."})
    await create("Lighthouse Gallery")
    await create("Roof of the Lighthouse Gallery Works")
    for number in range(5):
        await create(f"Quartz {number}", level="international")
    await search.caught_up()


MONEY = "Money Laundering Watch"
MUSEUM = "Laundering of Money Museum"


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("money laundering", {MONEY, MUSEUM}),
        ('"money laundering"', {MONEY}),
        ("“Money Laundering”", {MONEY}),
        ("„money laundering“", {MONEY}),
        ("«money laundering»", {MONEY}),
        ('"laundering of money"', {MUSEUM}),
        ('"smuggled of tobacco"', {MONEY}),
        ('"laundering watches"', set()),
        ('"fair trade" watch', {MONEY}),
        ('"trade review"', set()),
        ('"watch against"', set()),
        ('"MONEY-laundering"', {MONEY}),
        ('"launderin"', set()),
        ('money""laundering', {MONEY, MUSEUM}),
    ],
)
async def test_a_phrase_is_words_side_by_side(
    search: ServedSearch, q: str, found: set[str]
) -> None:
    """In any quotation marks, within one name or one description, there by their stems."""
    answer = await search.ask(q=q)
    assert {item["title"] for item in answer["items"]} == found
    assert answer["warnings"] == []


@pytest.mark.parametrize("q", ['"laundering money', 'laundering "money', 'laundering money"'])
async def test_a_quotation_mark_without_an_end_is_no_phrase(search: ServedSearch, q: str) -> None:
    """What follows it is words, and the answer says so."""
    answer = await search.ask(q=q)
    assert {item["title"] for item in answer["items"]} == {MONEY, MUSEUM}
    assert answer["warnings"] == [NOT_CLOSED]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("money -museum", {MONEY}),
        ("money -MUSÉUM", {MONEY}),
        ('laundering -"laundering of money"', {MONEY}),
        ('laundering -"money of"', {MONEY, MUSEUM}),
        ("laundering -tobacco", {MUSEUM}),
        ("laundering -smuggled", {MONEY}),
        ('"tobacco control"', {"Tobacco Control Board"}),
        ('"tobacco control" -tcb', set()),
        ("-museum money -watch", set()),
        ("board-control", {"Tobacco Control Board"}),
        ("money - museum", {MUSEUM}),
        ("money –museum", {MUSEUM}),
    ],
)
async def test_a_word_behind_a_minus_is_not_in_what_is_found(
    search: ServedSearch, q: str, found: set[str]
) -> None:
    """As it is written, in any text and as an acronym; a minus within or between words is none."""
    assert set(await search.titles(q)) == found


async def test_exclusions_alone_leave_all_the_rest(search: ServedSearch) -> None:
    """They add up, and the order is that of the names."""
    everything = await search.titles("", limit=200)
    left = await search.titles('-juniper -amber -"harbour board" -quartz', limit=200)
    assert left == [
        title
        for title in everything
        if not {"juniper", "amber", "quartz"} & set(title.lower().split())
        and title not in {"Harbour Board", "Port Office", "Quay Office", "Dock Office"}
    ]
    assert "Board of the Harbour" in left


def _has(name: str, words: list[str]) -> bool:
    return f" {' '.join(words)} " in f" {name} "


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(_TREE, max_size=2),
    phrases=st.lists(_PHRASE, max_size=2),
    excluded=st.lists(_PHRASE, max_size=2),
)
async def test_words_phrases_and_exclusions_add_up(
    search: ServedSearch, words: list[str], phrases: list[list[str]], excluded: list[list[str]]
) -> None:
    """Found is what has every word, every phrase and nothing excluded; or else some words."""
    quoted = [f'"{" ".join(phrase)}"' for phrase in phrases]
    minus = [f'-"{" ".join(phrase)}"' for phrase in excluded]
    answer = await search.ask(q=" ".join([*words, *quoted, *minus]), level="local", limit=200)
    found = sorted(item["title"] for item in answer["items"])
    allowed = [
        name
        for name in TREES
        if all(_has(name, phrase) for phrase in phrases)
        and not any(_has(name, phrase) for phrase in excluded)
    ]
    expected = sorted(name for name in allowed if all(_has(name, [word]) for word in words))
    if expected:
        assert (found, answer["warnings"]) == (expected, [])
    else:
        assert set(found) <= set(allowed)
        assert answer["warnings"] == ([SOME_WORDS] if found else [])


@pytest.mark.parametrize(
    ("q", "is_beginning"),
    [
        ("control tobac", True),
        ("control TOBAC", True),
        ("control to", True),
        ("control t", False),
        ("control tobac ", False),
        ("control tobac.", False),
        ("tobac control", False),
        ('control "tobac"', False),
        ("control -x tobac", True),
    ],
)
async def test_only_the_last_word_may_be_a_beginning(
    search: ServedSearch, q: str, is_beginning: bool
) -> None:
    """As long as nothing follows it; one letter is too little."""
    answer = await search.ask(q=q)
    found_as_asked = bool(answer["items"]) and answer["warnings"] == []
    assert found_as_asked is is_beginning
    if is_beginning:
        assert [item["title"] for item in answer["items"]] == ["Tobacco Control Board"]


async def test_whole_names_come_first_in_their_order(search: ServedSearch) -> None:
    """Display name, name taken over, ceased, acronym, other name, same words, mere words."""
    answer = await search.ask(q="harbour board")
    found = [(item["title"], item["record"]["status"]) for item in answer["items"]]
    assert found[:7] == [
        ("Harbour Board", "active"),
        ("Port Office", "active"),
        ("Harbour Board", "inactive"),
        ("Quay Office", "active"),
        ("Dock Office", "active"),
        ("Board of the Harbour", "active"),
        ("Harbour Cleaning Board and Co", "active"),
    ]
    scores = [item["score"] for item in answer["items"]]
    assert scores == sorted(set(scores), reverse=True)
    turned = await search.ask(q="board harbour")
    assert {item["id"] for item in turned["items"][:6]} == {
        item["id"] for item in answer["items"][:6]
    }


async def test_a_name_comes_before_a_mention(search: ServedSearch) -> None:
    """However often names have a word and however seldom descriptions mention it."""
    answer = await search.ask(q="estuary wharf", country="NL", limit=50)
    titles = [item["title"] for item in answer["items"]]
    assert len(titles) == 41
    assert titles[-1] == "Estuary Walk"
    assert answer["items"][-2]["score"] > answer["items"][-1]["score"]


@pytest.mark.parametrize(
    "q", ["harbour board kiel", "Kiel, Harbour Board", "harbour board germany"]
)
async def test_a_whole_name_and_its_place_come_before_mere_words(
    search: ServedSearch, q: str
) -> None:
    """The place stands before or behind the name; town or country."""
    answer = await search.ask(q=q)
    assert (answer["items"][0]["title"], answer["items"][0]["record"]["country"]) == (
        "Harbour Board",
        "DE",
    )
    assert answer["items"][0]["score"] > 1_000


async def test_a_whole_name_within_a_longer_question_is_found(search: ServedSearch) -> None:
    """Where few records or none have every word; the answer says which of the two it was."""
    few = await search.ask(q="lighthouse gallery otters night")
    assert {item["title"] for item in few["items"]} == {"Otter Report", "Lighthouse Gallery"}
    assert few["warnings"] == [NAMES_WITHIN]
    none = await search.ask(q="why lighthouse gallery narwhals sing")
    assert none["items"][0]["title"] == "Lighthouse Gallery"
    assert none["warnings"] == [SOME_WORDS]
    whole = await search.ask(q="Roof of the Lighthouse Gallery Works")
    assert [item["title"] for item in whole["items"]] == ["Roof of the Lighthouse Gallery Works"]
    assert whole["warnings"] == []


@pytest.mark.parametrize("sort", ["relevance", "name", "newest", "modified"])
async def test_the_order_does_not_change_what_is_found(search: ServedSearch, sort: str) -> None:
    """A question that is a whole name is meant so in every order."""
    for q in ("roof lighthouse gallery works", "harbour board", "lighthouse gallery otters night"):
        plain = await search.ask(q=q)
        sorted_ = await search.ask(q=q, sort=sort)
        for told in ("total", "warnings", "did_you_mean"):
            assert sorted_[told] == plain[told]


@pytest.mark.parametrize("q", ["?!", '""', "-", '-"…"', "“”", "%"])
async def test_a_question_without_letters_finds_nothing_and_says_so(
    search: ServedSearch, q: str
) -> None:
    """Unlike an empty one, which finds everything."""
    answer = await search.ask(q=q)
    assert (answer["total"], answer["warnings"]) == (0, [NOTHING_ASKED])
    for empty in ("", "  "):
        everything = await search.ask(q=empty)
        assert everything["total"] > 20
        assert everything["warnings"] == []


async def _page(search: ServedSearch, **parameters: Any) -> Any:
    return await search.ask(q="quartz flumenium", level="international", limit=2, **parameters)


async def test_pages_go_on_as_the_first_one_was_found(search: ServedSearch) -> None:
    """Though a record with every word has come in between."""
    first = await _page(search)
    assert (first["total"], first["warnings"]) == (5, [SOME_WORDS])
    await search.directory.create("Quartz Flumenium", level="international")
    await search.caught_up()
    again = await _page(search)
    assert (again["total"], again["warnings"]) == (1, [])
    collected, cursor = [item["title"] for item in first["items"]], first["next"]
    while cursor:
        page = await _page(search, cursor=cursor)
        assert page["warnings"] == [SOME_WORDS]
        collected += [item["title"] for item in page["items"]]
        cursor = page["next"]
    assert set(collected) >= {f"Quartz {number}" for number in range(5)}
    assert len(collected) == len(set(collected))
