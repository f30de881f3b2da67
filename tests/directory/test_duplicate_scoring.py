"""What a comparison of two records is worth, found out with records made up by chance."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.directory.duplicates.describing import reasons_in_words
from services.directory.duplicates.keys import keys_of, names_number
from services.directory.duplicates.scoring import compare, weight_of
from services.directory.duplicates.traits import Traits, site_of, traits_of

WORDS = st.sampled_from(
    [
        "university",
        "institute",
        "criminology",
        "crimes",
        "crime",
        "kent",
        "Köln",
        "koln",
        "of",
        "the",
    ]
)
NAMES = st.lists(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=3)
KINDS = st.sampled_from([["alias"], ["label"], ["acronym"], ["former"]])
HOSTS = st.lists(
    st.sampled_from(["kent.ac.uk", "www.kent.ac.uk", "crim.kent.ac.uk", "example.org"]), max_size=2
)
PLACES = st.sampled_from(
    [
        None,
        {"lat": 51.28, "lon": 1.08, "place": "Canterbury", "geonames_id": 2653877},
        {"lat": 51.27, "lon": 0.52, "place": "Maidstone", "geonames_id": None},
        {"lat": 50.94, "lon": 6.96, "place": "Köln", "geonames_id": None},
        {"lat": None, "lon": None, "place": "Köln", "geonames_id": None},
    ]
)


@st.composite
def records(draw: st.DrawFn) -> tuple[dict[str, Any], str | None, str]:
    """What is written of a partner, its country and its status."""
    names = [
        {"value": value, "kinds": ["display"] if place == 0 else draw(KINDS), "lang": None}
        for place, value in enumerate(draw(NAMES))
    ]
    hosts = draw(HOSTS)
    content = {
        "names": names,
        "domains": hosts[:1],
        "links": [{"kind": "website", "url": f"https://{host}/about"} for host in hosts[1:]],
        "location": draw(PLACES),
        "established": draw(st.none() | st.integers(1990, 1992)),
        "external_ids": draw(
            st.lists(
                st.sampled_from(["0000 0001", "00000001", "0000 0002"]).map(
                    lambda value: {"scheme": "isni", "value": value, "preferred": False}
                ),
                max_size=1,
            )
        ),
    }
    country = draw(st.sampled_from([None, "GB", "DE"]))
    return content, country, draw(st.sampled_from(["active", "inactive"]))


def weigh(word: str) -> float:
    """A word is the rarer the longer it is."""
    return weight_of(400 // len(word) ** 2)


@given(records(), records())
def test_a_score_is_the_same_seen_from_either_side(one: Any, other: Any) -> None:
    """And so are its reasons."""
    a, b = traits_of(*one), traits_of(*other)
    assert compare(a, b, weigh) == compare(b, a, weigh)


@given(records(), records(), st.randoms())
def test_the_order_of_names_makes_no_difference(one: Any, other: Any, chance: Any) -> None:
    """Nor does case, nor how often a name is there."""
    content, country, status = one
    names = [{**name, "value": name["value"].upper()} for name in content["names"]]
    chance.shuffle(names)
    shuffled = traits_of({**content, "names": [*names, names[0]]}, country, status)
    a, b = traits_of(*one), traits_of(*other)
    assert compare(shuffled, b, weigh) == compare(a, b, weigh)
    assert names_number(shuffled) == names_number(a)
    assert {key.number for key in keys_of(shuffled)} == {key.number for key in keys_of(a)}


@given(records(), records())
def test_nothing_is_more_like_a_record_than_its_equal(one: Any, other: Any) -> None:
    """A copy scores at least as high as any other record does."""
    a, b = traits_of(*one), traits_of(*other)
    itself, another = compare(a, a, weigh), compare(a, b, weigh)
    assert itself is not None
    assert another is not None
    assert 0 <= another.score <= itself.score <= 1


@given(records(), records(), st.floats(0, 1))
def test_a_least_score_only_leaves_out_what_is_below_it(one: Any, other: Any, least: float) -> None:
    """Passing over what cannot reach it changes no score."""
    a, b = traits_of(*one), traits_of(*other)
    whole = compare(a, b, weigh)
    assert whole is not None
    found = compare(a, b, weigh, least)
    if found is None:
        assert whole.score < least + 1e-4
    else:
        assert found == whole
        assert found.score >= least - 1e-4


@given(records(), records())
def test_every_reason_can_be_told(one: Any, other: Any) -> None:
    """Whatever speaks for or against has words."""
    likeness = compare(traits_of(*one), traits_of(*other), weigh)
    assert likeness is not None
    told = reasons_in_words(likeness.reasons)
    assert [reason.code for reason in told] == list(likeness.reasons)


def _traits(name: str, **more: Any) -> Traits:
    content = {
        "names": [{"value": name, "kinds": ["display"], "lang": None}],
        "domains": [],
        "links": [],
        "location": None,
        "established": None,
        "external_ids": [],
    }
    return traits_of({**content, **more}, "GB", "active")


@pytest.mark.parametrize(
    ("name", "likelier", "than"),
    [
        ("Kent Police", "The Police of Kent", "Kent University"),
        ("Leonardo (United Kingdom)", "Leonardo", "Leonardo Hotels"),
        ("Childrens Hospital", "Children's Hospital", "Childhood Hospital"),
        ("Institute of Criminology", "Criminology Institute", "Institute of Police"),
    ],
)
def test_the_likelier_of_two_names_scores_higher(name: str, likelier: str, than: str) -> None:
    """Little words, order, brackets, and how a word is bent count for nothing or little."""
    found = [compare(_traits(name), _traits(other), weigh) for other in (likelier, than)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].score > found[1].score


def test_a_body_that_has_ceased_may_live_on_under_another_name() -> None:
    """A name that differs says less then; one that is equal says no more."""
    old, new = _traits("Kent Criminology Institute"), _traits("Kent Crime Science Institute")
    ceased = dataclasses.replace(old, ceased=True)
    both, one = compare(old, new, weigh), compare(ceased, new, weigh)
    assert both is not None
    assert one is not None
    assert one.score > both.score
    assert "one_has_ceased" in one.reasons


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("crim.ox.ac.uk", "ox.ac.uk"),
        ("ox.ac.uk", "ox.ac.uk"),
        ("www.inria.fr", "inria.fr"),
        ("localhost", "localhost"),
    ],
)
def test_a_site_is_what_somebody_has_registered(host: str, site: str) -> None:
    """Labels under which a registry lets anybody have a name are no site."""
    assert site_of(host) == site
