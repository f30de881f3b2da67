"""What of a record goes into which field of the index; all text is folded here, and only here."""

from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

import orjson

from services.search.countries import names_of_area, names_of_country
from services.search.schema import Fields
from shared.audience import cut_partner
from shared.folding import folded_name, words_of
from shared.records import JsonObject
from shared.vocabulary import Visibility

PREFIX_LETTERS = (2, 12)
_HIGHEST_BIT = 62
_MAX_EXACT = 500
# As much as a cursor can carry in any script.
_MOST_OF_A_NAME = 200
# Each name goes into several fields.
_folded = lru_cache(maxsize=1024)(folded_name)


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
        "names": [*preferred, *others],
        "description": [*record["definition"].values(), *record["priorities"]],
        "about": [record["notation"], record["scheme"]],
    }
    fields = _common_fields("topic", record, title, texts, ["public", "member"], sequence)
    fields["exact_display"] = _exact(preferred)
    fields["exact_other"] = _exact([*others, record["notation"]])
    fields["status"] = [record["status"]]
    return [fields]


def _partner_fields(cut: JsonObject, audiences: list[str], sequence: int) -> Fields:
    names = cut["names"]
    title = next(name["value"] for name in names if "display" in name["kinds"])
    texts = {
        "names": [title, *_of_kinds(names, "label", "alias")],
        "acronyms": _of_kinds(names, "acronym"),
        "former_names": _of_kinds(names, "former"),
        "description": list(cut["description"].values()),
        "place": _places(cut),
        "country_names": list(names_of_country(cut["country"])) if cut["country"] else [],
        "about": [topic["notation"] for topic in cut["topics"]],
    }
    fields = _common_fields("partner", cut, title, texts, audiences, sequence)
    fields["exact_display"] = _exact([title])
    fields["exact_acronym"] = _exact(texts["acronyms"])
    fields["exact_other"] = _exact(
        [*texts["names"][1:], *texts["former_names"], *_identifiers(cut)]
    )
    fields["level"] = [cut["level"]]
    fields["sector"] = _once(cut["sectors"])
    fields["country"] = [cut["country"]] if cut["country"] else []
    fields["topic"] = _once(topic["notation"] for topic in cut["topics"])
    fields["topic_id"] = _once(topic["topic_id"] for topic in cut["topics"])
    fields["status"] = [cut["status"]]
    return fields


def _common_fields(
    kind: str,
    record: JsonObject,
    title: str,
    texts: dict[str, list[str]],
    audiences: list[str],
    sequence: int,
) -> Fields:
    texts = {field: _once(values) for field, values in texts.items() if any(values)}
    # A country is found by all its names, but a hit does not show them: the record has its code.
    shown = {field: values for field, values in texts.items() if field != "country_names"}
    fields: Fields = {field: [_folded(value) for value in texts[field]] for field in texts}
    named = {
        word for field in ("names", "acronyms", "former_names") for word in _words(fields, field)
    }
    name_key = f"{_folded(title)[:_MOST_OF_A_NAME]}\x01{record['id']}"
    fields |= {
        "id": record["id"],
        "audience": audiences,
        "kind": [kind],
        "prefixes": sorted({prefix for word in named for prefix in prefixes_of(word)}),
        "name_key": name_key,
        "modified_key": f"{record['modified_at']}\x01{record['id']}",
        "precedence": _precedence(name_key, record["status"] == "active"),
        "id_number": UUID(record["id"]).int & ((1 << _HIGHEST_BIT) - 1),
        "version": record["version"],
        "sequence": sequence,
        "head": orjson.dumps({"kind": kind, "id": record["id"], "title": title})[:-1],
        "record": orjson.dumps(record),
        "texts": orjson.dumps(shown),
    }
    return fields


def prefixes_of(word: str) -> list[str]:
    """The beginnings of `word` that a question may end in."""
    shortest, longest = PREFIX_LETTERS
    return [word[:length] for length in range(shortest, min(len(word) - 1, longest) + 1)]


def _words(fields: Fields, field: str) -> set[str]:
    return {word for value in fields.get(field, []) for word in value.split()}


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
    tails = [value.rstrip("/").rsplit("/", 1)[-1] for value in values]
    return [*values, *tails, *cut["domains"]]


def _exact(values: Iterable[str]) -> list[str]:
    return _once(folded[:_MAX_EXACT] for value in values if (folded := _folded(value)))


def exact_form(text: str) -> str:
    """`text` as a whole value of an exact field."""
    return folded_name(text)[:_MAX_EXACT]


def exact_words(text: str) -> list[str]:
    """The words of a question, folded as those of the records are."""
    return words_of(text)


def _once(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _precedence(name_key: str, active: bool) -> int:
    """Smaller comes first among equal scores: one bit for what has ceased, then the name."""
    beginning = int.from_bytes(name_key.encode()[:7].ljust(7, b"\x00"), "big")
    return (0 if active else 1 << 56) | beginning
