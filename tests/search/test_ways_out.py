"""Every way out of search x every reader: nobody is told what they may not see, nor how much of it.

Each answer is searched for the words, values and ids that the reader may not have. And what is
hidden is written only after all was asked once: it must not change a single answer.
"""

from typing import Any

import pytest

from tests.search.chance_partners import add_topics
from tests.search.lessons import learned
from tests.search.served_search import ServedSearch
from tests.search.test_audience import READERS, headers_of
from tests.search.test_searching import named
from tests.served_directory import ServedDirectory

Json = dict[str, Any]
# What only members may see stands in one record, what only the secretariat may see in another.
WORDS = {"member": "zanzibarium", "secretariat": "xanthippeum"}
ACRONYMS = {"member": "zmqk", "secretariat": "xnpt"}
COUNTRIES = {"member": "TZ", "secretariat": "ZA"}
YEARS = {"member": 1234, "secretariat": 1321}
# To so many places that no moment and no score has the same digits by chance.
PLACES = {"member": (-6.16394, 39.20718), "secretariat": (-33.92571, 18.42317)}
# Each is one letter away from "kettlez", as the word of a public record is, and comes before it.
NEIGHBOURS = " ".join(f"kettle{letter}" for letter in "abcdefg")
EVERY_FACET = "kind,level,sector,country,area,topic,strand,status,year"


def hidden_partner(audience: str, topic_ids: dict[str, str]) -> Json:
    """What is in a record that only `audience` may see."""
    word, (lat, lon) = WORDS[audience], PLACES[audience]
    name = f"{word} Ministry of Copper Lanterns"
    return {
        "name": name,
        "visibility": audience,
        "level": "local",
        "sectors": ["military"],
        "names": [
            named(name, "display"),
            named(ACRONYMS[audience].upper(), "acronym"),
            named(f"Former {word}", "former"),
        ],
        "description": {
            "en": f"All about {word} and {word}arians, ministry of this and that. {NEIGHBOURS}"
        },
        "country": COUNTRIES[audience],
        "areas": [{"name": f"{word} ward"}],
        "established": YEARS[audience],
        "location": {"lat": lat, "lon": lon, "place": f"{word} city"},
        "topics": [
            {"topic_id": topic_ids[notation], "role": "leads"}
            for notation in ("law", "pursue-abroad")
        ],
        "domains": [f"{word}.example.org"],
    }


# Path, parameters, whether members are shown there what they alone may see.
WAYS: list[tuple[str, Json, bool]] = [
    *(("/search", {"q": q}, True) for q in (
        "{word}", "{word} ministry", "Former {word}", '"ministry of copper"', "copper lant",
        "{begin}", "{typo} ", "{typo} ministry", "{apart}", "{acronym}", "{word}.example.org",
        "{word} otters in hats", "-otters", "tanzania", "{word} Ministry of Copper Lanterns",
        "kettlez ",
    )),
    ("/search", {"q": "ministry -{word}"}, False),
    ("/search", {"q": "ministry", "facets": EVERY_FACET}, True),
    ("/search", {"facets": EVERY_FACET}, True),
    ("/search", {"facets": EVERY_FACET, "limit": 1, "kind": "topic", "level": "national"}, False),
    ("/search", {"q": "ministry", "country": "TZ,ZA", "facets": "country,level"}, True),
    ("/search", {"area": "{word} ward", "facets": "area,sector"}, True),
    ("/search", {"strand": "pursue", "facets": "strand,topic"}, True),
    ("/search", {"year": "1234,1321", "facets": "year"}, True),
    ("/search", {"year[lte]": "1400"}, True),
    ("/search", {"near": "-20,28,3000", "sort": "distance"}, True),
    ("/search", {"q": "ministry", "near": "-20,28,3000", "facets": "area"}, True),
    *(("/search", {"sort": sort, "created_at[gte]": "2020-01-01"}, True)
      for sort in ("name", "newest", "modified")),
    ("/search", {"q": "{word} ministry", "highlight": "offsets"}, True),
    ("/search", {"q": "{word} ministry", "highlight": "none"}, True),
    *((f"/search/facets/{facet}", {}, True) for facet in ("area", "year", "country")),
    ("/search/facets/area", {"contains": "{begin}"}, True),
    ("/search/facets/country", {"contains": "tanz"}, True),
    ("/search/facets/year", {"q": "{typo}"}, True),
    ("/search/facets/strand", {"q": "ministry"}, False),
    *(("/suggest", {"q": q}, True) for q in ("{begin}", "{acronym}", "{typo}", "minis", "former")),
    ("/similar/{public}", {}, True),
    ("/similar/{lawyer}", {"limit": 50}, True),
]  # fmt: skip


def asked(way: tuple[str, Json, bool], audience: str, known: Json) -> tuple[str, Json]:
    """The path and the parameters of `way`, about what is for `audience` only."""
    word = WORDS[audience]
    filled = {
        "word": word,
        "begin": word[:5],
        "typo": word[:6] + word[7] + word[6] + word[8:],
        "apart": f"{word[:6]} {word[6:]}",
        "acronym": ACRONYMS[audience],
        **{name: record["id"] for name, record in known.items()},
    }
    path, parameters, _ = way
    return path.format(**filled), {
        name: value.format(**filled) if isinstance(value, str) else value
        for name, value in parameters.items()
    }


async def add_public_partners(directory: ServedDirectory, ids: dict[str, str]) -> Json:
    """What everybody may see, beside what is hidden."""
    law = [{"topic_id": ids["law"], "role": "funds"}]
    return {
        "public": await directory.create("Ministry of Otters", topics=law, country="GB"),
        "lawyer": await directory.create("Law Office", level="local", topics=law),
        "lanterns": await directory.create("Ministry of Copper Kettles", established=1900),
    }


async def ask_all(search: ServedSearch, headers: Any, known: Json) -> list[Any]:
    """The answers to every way, about both hidden records."""
    answers = []
    for way in WAYS:
        for audience in WORDS:
            path, parameters = asked(way, audience, known)
            answer = await search.client.get(path, params=parameters, headers=headers)
            assert answer.status_code == 200, answer.text
            answers.append((path, parameters, answer.json()))
    return answers


@pytest.fixture(scope="module")
async def known(search: ServedSearch) -> Json:
    """All records by what they are, and what was answered before there were hidden ones."""
    directory = search.directory
    ids = await add_topics(directory)
    made = await add_public_partners(directory, ids)
    await search.caught_up()
    await learned(search)
    before: Json = {"public": await ask_all(search, None, made)}
    hidden = {"member": await directory.create(**hidden_partner("member", ids))}
    await search.caught_up()
    await learned(search)
    member = await directory.account("member")
    before["member"] = await ask_all(search, member, made)
    hidden["secretariat"] = await directory.create(**hidden_partner("secretariat", ids))
    await search.caught_up()
    await learned(search)
    headers = {reader: await headers_of(search, reader, made["public"]["id"]) for reader in READERS}
    return {"shown": made, "hidden": hidden, "before": before, "headers": headers}


def traces_of(audience: str, known: Json) -> set[str]:
    """What would give away the record that is for `audience`."""
    word = WORDS[audience]
    lat, lon = PLACES[audience]
    return {
        word, f"{word[:6]} {word[6:]}", ACRONYMS[audience], f'"{YEARS[audience]}"',
        f'"{COUNTRIES[audience].lower()}"', str(lat), str(lon), known["hidden"][audience]["id"],
    }  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("reader", READERS)
async def test_no_way_out_shows_what_is_hidden(
    search: ServedSearch, known: Json, reader: str, way: tuple[str, Json, bool]
) -> None:
    """To the public nothing of members, to nobody anything of the secretariat; yet to members
    what is theirs, or the test would say nothing."""
    headers = known["headers"][reader]
    for audience in WORDS:
        path, parameters = asked(way, audience, known["shown"])
        answer = await search.client.get(path, params=parameters, headers=headers)
        assert answer.status_code == 200
        text = answer.text.lower()
        assert not {trace for trace in traces_of("secretariat", known) if trace in text}
        found = {trace for trace in traces_of("member", known) if trace in text}
        if reader == "public":
            assert not found
        elif audience == "member":
            assert bool(found) is way[2]


async def test_what_is_hidden_changes_no_answer(search: ServedSearch, known: Json) -> None:
    """Not a count, not an order, not a warning and nothing that is offered."""
    for reader, before in known["before"].items():
        headers = known["headers"][reader]
        after = await ask_all(search, headers, known["shown"])
        for was, found in zip(before, after, strict=True):
            assert found == was


@pytest.mark.parametrize("reader", READERS)
async def test_a_hidden_partner_is_not_there_to_be_asked_about(
    search: ServedSearch, known: Json, reader: str
) -> None:
    """As if there were no such id; explanations are for who is signed in, and just as silent."""
    headers = known["headers"][reader]
    for audience, record in known["hidden"].items():
        answer = await search.client.get(f"/similar/{record['id']}", headers=headers)
        may = audience == "member" and reader != "public"
        assert answer.status_code == (200 if may else 404)
        assert may or WORDS[audience] not in answer.text
    explained = await search.client.get(
        "/search", params={"q": "law ministry copper", "explain": "true"}, headers=headers
    )
    assert explained.status_code == (401 if reader == "public" else 200)
    assert not {trace for trace in traces_of("secretariat", known) if trace in explained.text}


@pytest.mark.parametrize("reader", READERS)
async def test_insights_are_for_the_secretariat(
    search: ServedSearch, known: Json, reader: str
) -> None:
    """What others asked may hold a word that the reader may not see."""
    headers = known["headers"][reader]
    answer = await search.client.get("/search/insights", headers=headers)
    assert answer.status_code == {"public": 401, "secretariat": 200}.get(reader, 403)
    if reader != "secretariat":
        assert not {trace for trace in traces_of("member", known) if trace in answer.text}
