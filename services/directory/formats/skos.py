"""Topics as SKOS, in JSON-LD and in Turtle; both say the same."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from services.directory.formats.json_ld import CONTEXT, moment_value
from shared.records import JsonObject
from shared.vocabulary import TopicScheme

_USED = ("skos", "dcterms", "owl", "xsd")
_SPECIAL = re.compile(r'[\\"\n\r\t]')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
PREFIXES = {prefix: CONTEXT[prefix] for prefix in _USED}


def write_schemes(base: str) -> list[JsonObject]:
    """The concept schemes; each is called by the address that lists its concepts."""
    return [
        {
            "@id": _scheme(base, scheme.value),
            "@type": ["skos:ConceptScheme"],
            "skos:prefLabel": [{"@value": scheme.value.replace("_", " "), "@language": "en"}],
        }
        for scheme in TopicScheme
    ]


def write_concept(topic: JsonObject, base: str) -> JsonObject:
    """A topic as a concept, without its `@context`."""
    scheme = {"@id": _scheme(base, topic["scheme"])}
    said: JsonObject = {
        "@id": _topic(base, topic["id"])["@id"],
        "@type": ["skos:Concept"],
        "skos:inScheme": [scheme],
        "skos:topConceptOf": [] if topic["broader"] else [scheme],
        "skos:notation": [topic["notation"]],
        "skos:prefLabel": _labels(topic["pref_label"].items()),
        "skos:altLabel": _labels((one["lang"], one["value"]) for one in topic["alt_labels"]),
        "skos:definition": _labels(topic["definition"].items()),
        "skos:broader": [_topic(base, other) for other in topic["broader"]],
        "skos:related": [_topic(base, other) for other in topic["related"]],
        # The gaps in what is known, as the source of a research priority names them.
        "skos:scopeNote": topic["priorities"],
        "dcterms:source": [topic["source"]] if topic["source"] else [],
        "dcterms:created": [moment_value(topic["created_at"])],
        "dcterms:modified": [moment_value(topic["modified_at"])],
        "dcterms:isReplacedBy": [_topic(base, topic["replaced_by"])]
        if topic["replaced_by"]
        else [],
        "owl:deprecated": [True] if topic["status"] == "deprecated" else [],
    }
    return {word: value for word, value in said.items() if value != []}


def turtle_head() -> str:
    """What a Turtle document begins with."""
    return "".join(f"@prefix {prefix}: <{address}> .\n" for prefix, address in PREFIXES.items())


def as_turtle(node: JsonObject) -> str:
    """What `node` says, in Turtle (https://www.w3.org/TR/turtle/)."""
    said = [f"a {', '.join(node['@type'])}", *_said(node)]
    return f"\n<{node['@id']}>\n    " + " ;\n    ".join(said) + " .\n"


def _said(node: JsonObject) -> Iterator[str]:
    for word, values in node.items():
        if not word.startswith("@"):
            yield f"{word} {', '.join(map(_term, values))}"


def _term(value: Any) -> str:
    if value is True:
        return "true"
    if isinstance(value, str):
        return _quoted(value)
    if "@id" in value:
        return f"<{value['@id']}>"
    tail = f"@{value['@language']}" if "@language" in value else f"^^{value['@type']}"
    return _quoted(value["@value"]) + tail


def _quoted(text: str) -> str:
    return '"' + _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text) + '"'


def _labels(pairs: Iterable[tuple[str | None, str]]) -> list[Any]:
    return [{"@value": text, "@language": lang} if lang else text for lang, text in pairs]


def _topic(base: str, topic_id: str) -> JsonObject:
    return {"@id": f"{base}/topics/{topic_id}"}


def _scheme(base: str, scheme: str) -> str:
    return f"{base}/topics?scheme={scheme}"
