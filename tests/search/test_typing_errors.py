"""Words with typing errors find what was meant, show it, and `did_you_mean` says what it was."""

from string import ascii_lowercase

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from tests.search.lessons import learned
from tests.search.served_search import ServedSearch
from tests.search.synonym_editing import add_synonym
from tests.search.test_searching import named

# Of four to sixteen letters, far from each other.
WORDS = [
    "tusk", "wharf", "jigsaw", "bramble", "quagmire", "limestone", "porcupine", "hydrofoils",
    "wheelbarrow", "gyroscopical", "kaleidoscopic", "unimpeachables", "xylophonically",
    "mischaracterized",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
async def bodies(search: ServedSearch) -> None:
    """Partners, each there for one of the tests below."""
    create = search.directory.create
    for word in WORDS:
        await create(f"{word} zo", level="local")
    await create("Marlex Growers of Deeside", description={"en": "Vats of perchlorate."})
    await create("Barley Growers of Deeside")
    await create("Elm")
    acronyms = [named("ROUTS", "acronym"), named("RSVPX", "acronym")]
    await create("Route 2048 Society", names=[named("Route 2048 Society", "display"), *acronyms])
    await create("Zeppolino", names=[named("Zeppolino", "display", "acronym")])
    await create("Harvest Moon House")
    await create("Moneybox Keepers")
    await create("Soil Form", description={"en": "A kiln."})
    for number in range(45):
        await create(f"Soul Form {number}", description={"en": "A kiln."})
    await search.caught_up()
    await learned(search)


def allowed(word: str) -> int:
    """How many errors are looked past in a word that is typed so."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2


@st.composite
def mistyped(draw: st.DrawFn) -> tuple[str, str]:
    """A word of WORDS, and the same with up to three errors."""
    word = draw(st.sampled_from(WORDS))
    typed = word
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(typed) - 1))
        letter = draw(st.sampled_from(ascii_lowercase))
        typed = draw(
            st.sampled_from(
                [
                    typed[:at] + typed[at + 1 :],
                    typed[:at] + letter + typed[at:],
                    typed[:at] + letter + typed[at + 1 :],
                    typed[:at] + typed[at : at + 2][::-1] + typed[at + 2 :],
                ]
            )
        )
        assume(typed)
    return word, typed


@settings(max_examples=300, deadline=None)
@given(pair=mistyped())
async def test_as_many_errors_are_looked_past_as_the_length_allows(
    search: ServedSearch, pair: tuple[str, str]
) -> None:
    """None below four letters, one from four, two from eight; swapped letters are one error."""
    word, typed = pair
    # As a finished word, so that it is no beginning.
    found = await search.titles(f"{typed} ", level="local")
    assert (f"{word} zo" in found) is (OSA.distance(word, typed) <= allowed(typed))


@pytest.mark.parametrize(
    ("typed", "is_found"),
    [
        ("marlxe ", True),
        ("MARLXE ", False),
        ("PERCHLORAET ", True),
        ("mar1ex ", False),
        ("2084 ", False),
        ("route2048x ", False),
        ("elk ", False),
        ("RSVXP ", False),
        ("rsvxp ", False),
        ("mralxe ", False),
        ('"marlxe"', False),
        ("growers marlxe", True),
        ("zepoplino ", True),
    ],
)
async def test_no_errors_are_looked_past_in_what_is_written_on_purpose(
    search: ServedSearch, typed: str, is_found: bool
) -> None:
    """Short words in capitals, words with digits, phrases; and nothing is an acronym by error."""
    answer = await search.ask(q=typed)
    assert bool(answer["total"]) is is_found
    if not is_found:
        assert answer["did_you_mean"] is None


async def test_a_wrong_first_letter_is_less_likely(search: ServedSearch) -> None:
    """It is looked past like any other, but what has it right comes before."""
    for q in ("marley growers", "deeside marley growers"):
        found = await search.titles(q)
        assert found == ["Marlex Growers of Deeside", "Barley Growers of Deeside"]
    assert await search.titles("abrley growers") == ["Barley Growers of Deeside"]


async def test_what_was_meant_is_shown(search: ServedSearch) -> None:
    """The mended word is marked, and the mended question is offered and finds the same."""
    answer = await search.ask(q="Grovwers of Marlxe, preclhorate", country="", level="national")
    (hit,) = answer["items"]
    assert hit["highlights"] == {
        "names": ["<mark>Marlex</mark> <mark>Growers</mark> of Deeside"],
        "description": ["Vats of <mark>perchlorate</mark>."],
    }
    assert answer["did_you_mean"] == "growers of marlex perchlorate"
    again = await search.ask(q=answer["did_you_mean"], level="national")
    assert [item["id"] for item in again["items"]] == [hit["id"]]
    assert again["did_you_mean"] is None


@pytest.mark.parametrize(
    ("q", "meant"),
    [
        ("marlxe", "marlex"),
        ("marlxe -barley", "marlex -barley"),
        ('marlxe "of Deeside"', 'marlex "of Deeside"'),
        ('"growers of" marlxe -"a barley" -moon', '"growers of" marlex -"a barley" -moon'),
        ("Deeside marlxe growers", "Deeside marlex growers"),
        ("harvestmoon -barley", "harvest moon -barley"),
        ('harvestmoon "moon house"', 'harvest moon "moon house"'),
        ("marlxe -marlxe", "marlex -marlxe"),
    ],
)
async def test_all_else_stays_in_the_mended_question(
    search: ServedSearch, q: str, meant: str
) -> None:
    """Phrases, exclusions and the words that were right."""
    assert (await search.ask(q=q))["did_you_mean"] == meant
    assert (await search.ask(q=meant))["total"]


async def test_a_rare_word_may_be_an_error_for_a_common_one(search: ServedSearch) -> None:
    """Where little is found with it; but a whole name is meant as it stands, in every order."""
    few = await search.ask(q="kiln -7 soil", limit=1)
    assert (few["total"], few["did_you_mean"]) == (1, "kiln -7 soul")
    assert (await search.ask(q=few["did_you_mean"], limit=1))["total"] == 44
    for sort in ("relevance", "name"):
        exact = await search.ask(q="soil form", sort=sort)
        assert (exact["total"], exact["did_you_mean"]) == (1, None)


async def test_nothing_is_offered_that_finds_nothing(search: ServedSearch) -> None:
    """The filters are kept."""
    assert (await search.ask(q="marlxe", level="national"))["did_you_mean"] == "marlex"
    assert (await search.ask(q="marlxe", level="local"))["did_you_mean"] is None


@pytest.mark.parametrize(
    ("q", "title"),
    [
        ("harvestmoon ", "Harvest Moon House"),
        ("harvestmoon house", "Harvest Moon House"),
        ("money box", "Moneybox Keepers"),
        ("keepers money box ", "Moneybox Keepers"),
    ],
)
async def test_words_may_be_written_apart_or_together(
    search: ServedSearch, q: str, title: str
) -> None:
    """Whichever way the record has it; they are marked."""
    answer = await search.ask(q=q)
    assert [item["title"] for item in answer["items"]] == [title]
    assert answer["warnings"] == []
    (name,) = answer["items"][0]["highlights"]["names"]
    assert name.startswith("<mark>")


async def test_a_word_that_has_a_synonym_is_no_typing_error(search: ServedSearch) -> None:
    """Neither is the synonym offered in place of what was typed."""
    await add_synonym(search, "grainmen", "barley")
    answer = await search.ask(q="grainmen")
    assert [item["title"] for item in answer["items"]] == ["Barley Growers of Deeside"]
    assert answer["did_you_mean"] is None


async def test_a_word_that_somebody_has_in_another_form_is_no_typing_error(
    search: ServedSearch,
) -> None:
    """Also where it is one letter away from a word that stands there as it is typed."""
    for name in ("University of Marram", "Universitas Marram"):
        await search.directory.create(name)
    await search.caught_up()
    await learned(search)
    for q in ("universität marram", "universitaet marram", "univ marram"):
        answer = await search.ask(q=q)
        assert answer["did_you_mean"] is None, q
        assert {item["title"] for item in answer["items"]} == {
            "University of Marram",
            "Universitas Marram",
        }
    assert (await search.ask(q="universitax marram"))["did_you_mean"] == "universitas marram"
