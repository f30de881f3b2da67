"""What stands in an index: changes of every kind put into it, and all of it read back."""

import random
import uuid
from collections.abc import Iterator
from typing import Any

import orjson

from services.search.index import IndexHome
from services.search.learning import learn
from services.search.question import make_question
from services.search.reading import IndexReader
from services.search.searching import answer_question
from services.search.similar import find_similar
from services.search.suggesting import suggest
from services.search.synonyms import SynonymTable
from shared.problems import NotFound
from shared.vocabulary import Visibility
from tests.search.scripted_directory import Json, ScriptedDirectory, a_record, a_topic

IDS = [str(uuid.UUID(int=number)) for number in range(1, 7)]
NAMES = ["Home Office", "Straße Institut", "Home Affairs", "SOCA", "Kent Police"]
ACRONYMS = ["HO", "SOCA", "KP"]
FORMER = ["Home Department", "Kent Constabulary"]
DESCRIPTIONS = [{"en": "Keeps order at home, with policies."}, {"de": "Forschung zur Straße."}]
PLACES = [(51.27, 1.08, "Canterbury"), (52.52, 13.4, "Berlin"), (None, None, "Nowhere")]
AREAS = [("GB-ENG", None), (None, "Kent"), ("DE-BE", "Berlin")]
# Notation, scheme and name; each may be put below those before it.
TOPICS = [("crime", "theme", "Crime"), ("cyber", "crime_type", "Cyber crime"),
          ("ransom", "crime_type", "Ransomware"), ("pursue", "strand", "Pursue")]  # fmt: skip
TOPIC_IDS = {topic[0]: str(uuid.UUID(int=201 + at)) for at, topic in enumerate(TOPICS)}
PERSON = {
    "id": str(uuid.UUID(int=99)),
    "kind": "person",
    "purposes": ["research"],
    "name": "A. Person",
    "title": None,
    "department": None,
    "channels": [],
    "languages": [],
    "hours": None,
    "procedure": None,
    "valid_from": None,
    "valid_to": None,
    "verification": {"status": "unverified", "at": None, "method": None},
    "consent": None,
    "visibility": "public",
}
QUESTIONS = [
    "", "home", "soca", "strasse", "office", "order", "policy", "kent", '"home affairs"',
    "home -office", "-home", "hoem", "home department", "cyber", "ho canterbury",
]  # fmt: skip
FILTERS: list[dict[str, str | None]] = [
    {"topic": "crime"}, {"topic": "cyber", "level": "local"}, {"strand": "pursue"},
    {"area": "kent,gb-eng"}, {"year[gte]": "1999", "year[lte]": "2004"}, {"near": "51,1,200"},
    {"near": "52,7,20000", "country": "GB"}, {"status": "inactive"}, {"kind": "topic"},
]  # fmt: skip
_EVERY_FACET = "kind,level,sector,country,area,topic,strand,status,year"


def change_by_chance(directory: ScriptedDirectory, chance: random.Random) -> Json:
    """Let `directory` say that something has changed."""
    if chance.random() < 0.2:
        return _change_topic(directory, chance)
    record_id = chance.choice(IDS)
    what = chance.choice(["public", "public", "member", "person", "hidden", "withdrawn"])
    if what == "hidden":
        return directory.say(record_id, None)
    version = directory.head + 1
    record = a_record(record_id, version, chance.choice(NAMES)) | _fields_by_chance(chance)
    record["names"] += [
        {"value": chance.choice(values), "kinds": [kind], "lang": None}
        for kind, values in (("acronym", ACRONYMS), ("former", FORMER), ("alias", NAMES))
        if chance.random() < 0.3
    ]
    if what == "member":
        record["visibility"] = "member"
    if what == "person":
        record["contact_points"] = [PERSON]
    if what == "withdrawn":
        return directory.say(record_id, {**record, "status": "withdrawn"}, "withdrawn")
    return directory.say(record_id, record)


def _fields_by_chance(chance: random.Random) -> Json:
    lat, lon, place = chance.choice(PLACES)
    location = {"lat": lat, "lon": lon, "place": place, "geonames_id": None}
    areas = [{"code": code, "name": name, "kind": None} for code, name in AREAS]
    topics = [
        {"topic_id": TOPIC_IDS[notation], "role": "works_on", "notation": notation}
        for notation in TOPIC_IDS
    ]
    predecessor = {
        "kind": "predecessor",
        "partner_id": chance.choice(IDS),
        "name": chance.choice(FORMER),
        "visibility": "public",
    }
    return {
        "level": chance.choice(["local", "national"]),
        "sectors": chance.sample(["government", "academia"], chance.randint(0, 2)),
        "description": chance.choice([{}, *DESCRIPTIONS]),
        "country": chance.choice(["GB", "DE", None]),
        "areas": chance.sample(areas, chance.randint(0, 2)),
        "location": chance.choice([location, None]),
        "established": chance.choice([None, 1999, 2004, 2011]),
        "status": chance.choice(["active", "active", "inactive"]),
        "topics": chance.sample(topics, chance.randint(0, 3)),
        "relationships": chance.choice([[], [predecessor]]),
        "modified_at": f"2026-02-{chance.randint(10, 28)}T03:04:05.000000Z",
    }


def _change_topic(directory: ScriptedDirectory, chance: random.Random) -> Json:
    at = chance.randrange(len(TOPICS))
    notation, scheme, label = TOPICS[at]
    above = [TOPIC_IDS[other] for other, _, _ in TOPICS[:at]]
    return directory.say_topic(
        a_topic(
            TOPIC_IDS[notation],
            directory.head + 1,
            notation,
            scheme=scheme,
            pref_label={"en": label},
            alt_labels=chance.choice([[], [{"value": "Home rules", "lang": "en"}]]),
            broader=chance.sample(above, chance.randint(0, min(2, len(above)))),
            status=chance.choice(["active", "active", "deprecated"]),
        )
    )


async def everything_in(home: IndexHome) -> dict[str, Any]:
    """All that each audience can find, with its counts; scores are left out, as they may differ."""
    reader = IndexReader(home)
    reader.learn(learn(reader.searcher()), reader.committed_at)
    found: dict[str, Any] = {}
    for audience in (Visibility.public, Visibility.member):
        for asked in _questions():
            question = make_question(audience=audience, **asked)
            answer = await answer_question(reader.view(), question, SynonymTable.empty())
            found[f"{audience} {asked}"] = orjson.loads(answer.body)
        for q in ("h", "ho", "home", "home o", "so", "cyb", "straß", "kent"):
            question = make_question(q=q, limit=50, audience=audience)
            suggested = orjson.loads(suggest(reader, question))["items"]
            found[f"{audience} suggests {q}"] = sorted(suggested, key=repr)
        for record_id in IDS:
            found[f"{audience} similar to {record_id}"] = await _similar(
                reader, record_id, audience
            )
    return found


def _questions() -> Iterator[dict[str, Any]]:
    every: dict[str, Any] = {"facets": _EVERY_FACET, "sort": "name", "limit": 200}
    for q in QUESTIONS:
        yield {"q": q, **every}
    for filters in FILTERS:
        order = {"sort": "distance"} if "near" in filters else {}
        yield {"q": "", "filters": filters, **every, **order}
    yield {"q": "", **every, "sort": "modified"}


async def _similar(reader: IndexReader, record_id: str, audience: Visibility) -> Any:
    try:
        found = (await find_similar(reader, record_id, audience, 50)).model_dump(mode="json")
    except NotFound:
        return None
    return {
        level: sorted([{**hit, "score": 0} for hit in hits], key=repr)
        for level, hits in found.items()
    }
