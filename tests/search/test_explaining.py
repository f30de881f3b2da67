"""`explain=true` says why a hit stands where it stands."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.lessons import learned
from tests.search.served_search import ServedSearch
from tests.search.synonym_editing import add_synonym
from tests.search.test_searching import named

PORT = "Port Authority of Kiel"
BOARD = "Lighthouse Board"


@pytest.fixture(scope="module")
async def member(search: ServedSearch) -> dict[str, str]:
    """Who may ask for explanations, when there are partners to be explained."""
    create = search.directory.create
    old = await create("Harbour Guild", status="inactive")
    await create(
        "Port Authority of Kiel",
        names=[
            named("Port Authority of Kiel", "display"),
            named("PAK", "acronym"),
            named("Quay Office", "former"),
            named("Kieler Hafen", "alias"),
        ],
        description={"en": "Harbours and lighthouses."},
        location={"place": "Kiel"},
        relationships=[{"kind": "predecessor", "partner_id": old["id"]}],
    )
    await create("Lighthouse Board", description={"en": "Lighthouse after lighthouse."})
    await create("Board of Lighthouse Guild Studies", country="DE")
    await create("Lighthouse Board", status="inactive", country="DE")
    await create("Waterfront Office")
    await create("Harbour Tugs", description={"en": "Tugs of the Port Authority of Kiel."})
    await add_synonym(search, "waterfront", "quay")
    await search.caught_up()
    await learned(search)
    return await search.directory.account("member")


async def explained(search: ServedSearch, member: dict[str, str], q: str, **more: Any) -> list[Any]:
    """The hits for `q`, with their explanations."""
    answer = await search.ask(member, q=q, explain="true", **more)
    items: list[Any] = answer["items"]
    return items


async def test_only_who_is_signed_in_gets_explanations(
    search: ServedSearch, member: dict[str, str]
) -> None:
    """Without asking nobody gets one."""
    refused = await search.client.get("/search", params={"q": "guild", "explain": "true"})
    assert refused.status_code == 401
    assert (await search.client.get("/search", params={"explain": "false"})).status_code == 200
    for headers in (member, await search.directory.service(), await search.directory.signed_in()):
        assert all(item["explanation"] for item in await explained(search, headers, "guild"))
    plain = await search.ask(member, q="guild")
    assert all("explanation" not in item for item in plain["items"])
    again = await search.client.get("/search", params={"q": "guild", "explain": "true"})
    assert again.status_code == 401


@pytest.mark.parametrize(
    ("q", "tier", "mended"),
    [
        ("port authority of kiel", "exact_display", False),
        ("quay office", "exact_former", False),
        ("pak", "exact_acronym", False),
        ("Kieler Hafen", "exact_other", False),
        ("authority kiel port", "same_words", False),
        ("quay office kiel", "name_and_place", False),
        ("port authroity of kiel", "exact_display", True),
        ("why quay office sings", "contained", False),
        ("authority kiel", None, False),
        ("", None, False),
    ],
)
async def test_the_tier_is_named(
    search: ServedSearch, member: dict[str, str], q: str, tier: str | None, mended: bool
) -> None:
    """The best one that a hit reaches, with what it is worth and why, in words."""
    items = await explained(search, member, q)
    (hit,) = [item for item in items if item["title"] == PORT]
    reached = hit["explanation"]["tier"]
    if tier is None:
        assert reached is None
    else:
        assert (reached["name"], reached["mended"]) == (tier, mended)
        assert reached["because"].endswith("mended") is mended
        if tier != "contained":
            assert hit["score"] == pytest.approx(reached["score"], abs=0.001)


async def test_a_ceased_body_and_the_one_that_took_over_have_their_tiers(
    search: ServedSearch, member: dict[str, str]
) -> None:
    """The name of the one is a former name of the other."""
    items = await explained(search, member, "harbour guild")
    assert [item["explanation"]["tier"]["name"] for item in items[:2]] == [
        "exact_former",
        "exact_ceased",
    ]


@pytest.mark.parametrize(
    ("q", "title", "found", "how", "field"),
    [
        ("authority ", PORT, "authority", "as asked", "title"),
        ("harbour ", PORT, "harbour", "as asked", "description"),
        ("quay ", PORT, "quay", "as asked", "names"),
        ("germany ", "Board of Lighthouse Guild Studies", "germany", "as asked", "anywhere"),
        ("lightho", BOARD, "lightho…", "beginning of a word", "names"),
        ("authroity ", PORT, "authority", "typing error", "title"),
        ("waterfront ", PORT, "quay", "synonym", "names"),
        ("pak ", "Harbour Tugs", "port authority of kiel", "synonym", "any"),
        ("light house ", BOARD, "lighthouse", "written together", "title"),
        ("portauthority ", PORT, "port authority", "written apart", "any"),
        ('"authority of"', PORT, "authority of", "side by side", "any"),
        ('"kiel"', PORT, "kiel", "side by side", "any"),
    ],
)
async def test_each_word_says_how_it_was_found(
    search: ServedSearch,
    member: dict[str, str],
    q: str,
    title: str,
    found: str,
    how: str,
    field: str,
) -> None:
    """What was typed, what was found in its place, how and where."""
    items = await explained(search, member, q)
    hit = next(item for item in items if item["title"] == title)
    words = hit["explanation"]["words"]
    told = [(one["word"], one["found"], one["how"], one["field"]) for one in words]
    assert (q.strip(' "'), found, how, field) in told
    assert all(one["score"] > 0 for one in words)


_WORDS = st.sampled_from(
    ["lighthouse", "board", "guild", "kiel", "quay", "lightho", "authroity", '"of kiel"',
     '"lighthouse board"', "germany", "waterfront", "office", "sings"]
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(words=st.lists(_WORDS, min_size=1, max_size=4))
async def test_the_parts_agree_with_the_score_and_the_order(
    search: ServedSearch, member: dict[str, str], words: list[str]
) -> None:
    """A score is the tier's and what stands beside it, or of the words: at most all of them."""
    items = await explained(search, member, " ".join(words))
    for item in items:
        explanation = item["explanation"]
        parts = [one["score"] for one in explanation["words"]]
        tier = explanation["tier"]["score"] if explanation["tier"] else 0.0
        # As it is shown, every part is rounded.
        assert item["score"] <= tier + sum(parts) + 0.001
        assert item["score"] >= max([tier, *parts]) - 0.001
    for one, other in pairwise(items):
        assert one["score"] >= other["score"]
        if one["score"] == other["score"]:
            ties = [hit["explanation"]["ties"] for hit in (one, other)]
            ranks = [(not tie["active"], -tie["prominence"], tie["name_begins"]) for tie in ties]
            assert ranks == sorted(ranks)


async def test_ties_are_told(search: ServedSearch, member: dict[str, str]) -> None:
    """Active before ceased, what is known of it, and how its name begins."""
    first, second, *_ = await explained(search, member, "lighthouse board ")
    assert first["explanation"]["ties"]["name_begins"] == "lighth"
    assert [first["explanation"]["ties"]["active"], second["explanation"]["ties"]["active"]] == [
        True,
        False,
    ]
