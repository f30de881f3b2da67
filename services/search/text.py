"""What of a record goes into which field of the index; all text is folded here, and only here."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain

import orjson

from services.search.countries import names_of_area, names_of_country
from services.search.name_words import content_words, one_form, same_words
from services.search.ranking import precedence_of, prominence_of
from services.search.schema import BETWEEN, Fields, as_stem
from services.search.stems import language_of, stem
from shared.audience import cut_partner
from shared.folding import folded_name
from shared.records import JsonObject
from shared.vocabulary import Visibility

PREFIX_LETTERS = (2, 24)
# As much of an id as an unsigned field holds with room to spare.
_LOWER_BITS = (1 << 62) - 1
MOST_EXACT = 500
_MOST_NAMES = 4
# As much as a cursor can carry in any script.
_MOST_OF_A_NAME = 200
_LONGEST_WORD = 100
# Each name goes into several fields.
_folded = lru_cache(maxsize=1024)(folded_name)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def partner_documents(record: JsonObject, sequence: int) -> list[Fields]:
    """The documents of a member-level partner: one for each audience whose view differs.

    What an audience finds is made of its own cut alone, so nothing else can reach it: no hit, no
    count and no highlight. Two equal cuts are one document with both audiences.
    """
    if record["status"] == "withdrawn":
        return []
    cuts = {
        audience: cut_partner(record, audience)
        for audience in (Visibility.public, Visibility.member)
    }
    if cuts[Visibility.public] == cuts[Visibility.member]:
        cuts = {Visibility.member: cuts[Visibility.member]}
        audiences = {Visibility.member: ["public", "member"]}
    else:
        audiences = {audience: [audience.value] for audience in cuts}
    return [
        _partner_fields(cut, audiences[audience], sequence)
        for audience, cut in cuts.items()
        if cut is not None
    ]


def topic_documents(record: JsonObject, sequence: int) -> list[Fields]:
    """The document of a topic; every topic is public."""
    preferred = list(record["pref_label"].values())
    title = record["pref_label"].get("en") or preferred[0]
    others = [label["value"] for label in record["alt_labels"]]
    texts = {
        "names": _once([title, *preferred, *others]),
        "around": [record["notation"], record["scheme"]],
        "description": _once([*record["definition"].values(), *record["priorities"]]),
    }
    described = [*record["definition"].items(), *(("en", text) for text in record["priorities"])]
    fields = _common_fields(
        "topic", record, title, texts, texts["around"], described, ["public", "member"], sequence
    )
    fields["exact_display"] = _exact(preferred)
    fields["exact_other"] = _exact([*others, record["notation"]])
    fields["status"] = [record["status"]]
    # What the taxonomy is read from; a filter by topic finds what is about it, not the topic.
    fields["notation"] = [record["notation"]]
    fields["scheme"] = [record["scheme"]]
    fields["broader"] = record["broader"]
    return [fields]


def _partner_fields(cut: JsonObject, audiences: list[str], sequence: int) -> Fields:
    names = cut["names"]
    title = next(name["value"] for name in names if "display" in name["kinds"])
    acronyms = _once(_of_kinds(names, "acronym"))
    labels = _of_kinds(names, "label", "alias")
    # Who looks for a body that is no more is led to the one that took its place.
    predecessors = [
        relationship["name"]
        for relationship in cut["relationships"]
        if relationship["kind"] == "predecessor"
    ]
    former = _once([*_of_kinds(names, "former"), *predecessors])
    places = _once(_places(cut))
    notations = _once([topic["notation"] for topic in cut["topics"]])
    texts = {
        "names": _once([title, *labels]),
        "acronyms": acronyms,
        "former_names": former,
        "place": places,
        "description": _once(cut["description"].values()),
        "topics": notations,
    }
    around = [*places, *notations, *(names_of_country(cut["country"]) if cut["country"] else ())]
    described = list(cut["description"].items())
    fields = _common_fields("partner", cut, title, texts, around, described, audiences, sequence)
    active = cut["status"] == "active"
    fields["exact_display" if active else "exact_ceased"] = _exact([title])
    fields["exact_acronym"] = _exact(acronyms)
    others = [*labels, *_identifiers(cut)]
    if active:
        fields["exact_former"] = _exact(former)
        fields["exact_other"] = _exact(others)
    else:
        fields["exact_other"] = _exact([*others, *former])
    if acronyms:
        fields["abbreviated"] = _exact([*acronyms, title, *labels])
        fields["beside"] = _pairs(_exact(acronyms), _exact([title, *labels]))
    fields |= _partner_filters(cut, notations)
    return fields


def _partner_filters(cut: JsonObject, notations: list[str]) -> Fields:
    areas = [area["code"] or area["name"] for area in cut["areas"]]
    area_keys = [
        folded
        for area in cut["areas"]
        for value in (area["code"], area["name"])
        if value and (folded := _folded(value))
    ]
    location = cut["location"] or {}
    fields: Fields = {
        "level": [cut["level"]],
        "sector": _once(cut["sectors"]),
        "country": [cut["country"]] if cut["country"] else [],
        "area": _once(areas),
        "area_key": _once(area_keys),
        "topic": notations,
        "topic_id": _once(topic["topic_id"] for topic in cut["topics"]),
        "status": [cut["status"]],
        "year": [] if cut["established"] is None else [cut["established"]],
    }
    if location.get("lat") is not None and location.get("lon") is not None:
        fields |= {"lat": float(location["lat"]), "lon": float(location["lon"])}
    return fields


def _common_fields(
    kind: str,
    record: JsonObject,
    title: str,
    texts: dict[str, list[str]],
    around: list[str],
    described: list[tuple[str, str]],
    audiences: list[str],
    sequence: int,
) -> Fields:
    shown = {field: values for field, values in texts.items() if values}
    names = _once([*texts["names"], *texts.get("former_names", ()), *texts.get("acronyms", ())])
    name_words = {name: _folded(name).split() for name in names}
    named = {word for words in name_words.values() for word in words}
    # Nothing is an acronym by a typing error, so they are no part of the vocabulary. What is both,
    # as Europol is, counts as a name.
    spelled_names = {*texts["names"], *texts.get("former_names", ())}
    spelled = {word for name in spelled_names for word in name_words[name]}
    # A description is split by its language's stems; the language of each goes along.
    languages = {language_of(tag) for tag, _ in described}
    written = [(language_of(tag), _folded(text).split()) for tag, text in described]
    around_words = [_folded(value).split() for value in around]
    every = spelled.union(*around_words, *(words for _, words in written))
    stems = [[stem(word, language) for word in words] for language, words in written]
    anywhere = {one_form(word) for word in named.union(*around_words)}
    anywhere.update(as_stem(word) for words in stems for word in words)
    name_key = f"{_folded(title)[:_MOST_OF_A_NAME]}\x01{record['id']}"
    return {
        "id": record["id"],
        "audience": audiences,
        "kind": [kind],
        "title": _joined(name_words[title]),
        "names": [_joined(words) for name, words in name_words.items() if name != title],
        "around": [_joined(words) for words in around_words],
        "description": [" ".join(words) for words in stems],
        "found": list(anywhere),
        "words": [word for word in every if len(word) <= _LONGEST_WORD],
        "languages": sorted(languages),
        "prefixes": list(chain.from_iterable([_beginnings_of(word) for word in named])),
        "same_words": _once(
            same_words(content_words(words))[:MOST_EXACT] for words in name_words.values()
        ),
        "name_key": name_key,
        "created_key": f"{record['created_at']}\x01{record['id']}",
        "modified_key": f"{record['modified_at']}\x01{record['id']}",
        "created_at": _microseconds(record["created_at"]),
        "modified_at": _microseconds(record["modified_at"]),
        "precedence": precedence_of(
            name_key, prominence_of(record), active=record["status"] == "active"
        ),
        "id_number": int(record["id"].replace("-", ""), 16) & _LOWER_BITS,
        "version": record["version"],
        "sequence": sequence,
        "head": orjson.dumps({"kind": kind, "id": record["id"], "title": title})[:-1],
        "record": orjson.dumps(record),
        "texts": orjson.dumps(shown),
    }


@lru_cache(maxsize=65_536)
def _beginnings_of(word: str) -> tuple[str, ...]:
    """The beginnings of a word that a question may end in."""
    shortest, longest = PREFIX_LETTERS
    last = min(len(word) - 1, longest)
    return tuple(word[:length] for length in range(shortest, last + 1))


def _joined(words: list[str]) -> str:
    return " ".join([one_form(word) for word in words])


def _microseconds(moment: str) -> int:
    return (datetime.fromisoformat(moment) - _EPOCH) // timedelta(microseconds=1)


def _of_kinds(names: list[JsonObject], *kinds: str) -> list[str]:
    return [name["value"] for name in names if not set(kinds).isdisjoint(name["kinds"])]


def _places(cut: JsonObject) -> list[str]:
    places = [cut["location"]["place"]] if cut["location"] and cut["location"]["place"] else []
    for area in cut["areas"]:
        places += [area["name"]] if area["name"] else []
        places += names_of_area(area["code"]) if area["code"] else ()
    return places


def _identifiers(cut: JsonObject) -> list[str]:
    values = [external["value"] for external in cut["external_ids"]]
    tails = [value.rstrip("/").rsplit("/", 1)[-1] for value in values if "/" in value]
    return [*values, *tails, *cut["domains"]]


def _exact(values: Iterable[str]) -> list[str]:
    return _once([_folded(value)[:MOST_EXACT] for value in values])


def _pairs(acronyms: list[str], names: list[str]) -> list[str]:
    """Each of a body's acronyms with its names, and each of its names with its acronyms."""
    others = dict.fromkeys(names, acronyms) | dict.fromkeys(acronyms, names)
    return [
        f"{key}{BETWEEN}{other}"
        for key, standing in others.items()
        for other in standing[:_MOST_NAMES]
        if other != key
    ]


def exact_form(text: str) -> str:
    """`text` as a whole value of an exact field."""
    return folded_name(text)[:MOST_EXACT]


def _once(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, values)))
