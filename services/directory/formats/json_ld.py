"""Partners as JSON-LD 1.1, in the words of schema.org and of the W3C's Organization Ontology."""

from collections.abc import Iterable
from typing import Any

from services.directory.formats.text import as_uri
from shared.records import JsonObject

CONTEXT = {
    "schema": "https://schema.org/",
    "org": "http://www.w3.org/ns/org#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "dcterms": "http://purl.org/dc/terms/",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_RELATIONSHIPS = {
    "parent": ("schema:parentOrganization", "org:subOrganizationOf"),
    "child": ("schema:subOrganization", "org:hasSubOrganization"),
    "related": ("org:linkedTo",),
    "collaborates_with": ("org:linkedTo",),
    "predecessor": ("dcterms:replaces",),
    "successor": ("dcterms:isReplacedBy",),
    "funded_by": ("schema:funder",),
    "member_of": ("schema:memberOf", "org:memberOf"),
    "has_member": ("schema:member", "org:hasMember"),
}
# schema.org says who funds, and not whom.
_REVERSED = {"funds": "schema:funder"}
_SAME_AS = {
    "ror": "{}",
    "wikidata": "http://www.wikidata.org/entity/{}",
    "isni": "https://isni.org/isni/{}",
}
_CHANNELS = {"email": "schema:email", "phone": "schema:telephone", "url": "schema:url"}


def write_json_ld(record: JsonObject, base: str) -> JsonObject:
    """The partner's record, cut for its reader, without its `@context`; `base` is our address."""
    said: JsonObject = {
        "@id": f"{base}/partners/{record['id']}",
        "@type": ["schema:Organization", "org:Organization"],
        "dcterms:identifier": record["id"],
        "dcterms:created": moment_value(record["created_at"]),
        "dcterms:modified": moment_value(record["modified_at"]),
        "schema:description": [_tagged(*pair) for pair in record["description"].items()],
        "schema:url": _urls(record, "website"),
        "schema:sameAs": [*_same_as(record["external_ids"]), *_urls(record, "wikipedia")],
        "schema:subjectOf": _urls(record, "report", "other"),
        "schema:identifier": [_identifier(given) for given in record["external_ids"]],
        "schema:location": _place(record),
        "schema:areaServed": [
            {
                "@type": "schema:AdministrativeArea",
                "schema:name": area["name"],
                "schema:identifier": area["code"],
            }
            for area in record["areas"]
        ],
        "schema:keywords": [record["level"], *record["sectors"]],
        "schema:knowsAbout": [
            {"@id": f"{base}/topics/{topic_id}"}
            for topic_id in dict.fromkeys(topic["topic_id"] for topic in record["topics"])
        ],
        "schema:contactPoint": [_contact_point(point) for point in record["contact_points"]],
    }
    if record["established"] is not None:
        year = {"@value": f"{record['established']:04}", "@type": "xsd:gYear"}
        said["schema:foundingDate"] = year
    for name in record["names"]:
        _add_name(said, name)
    for tie in record["relationships"]:
        _add_relationship(said, tie, base)
    return _without_empty(said)


def moment_value(moment: str) -> JsonObject:
    """A moment as a value of JSON-LD."""
    return {"@value": moment, "@type": "xsd:dateTime"}


def _tagged(language: str | None, text: str) -> Any:
    return {"@value": text, "@language": language} if language else text


def _add_name(said: JsonObject, name: JsonObject) -> None:
    shown = "display" in name["kinds"]
    value = _tagged(name["lang"], name["value"])
    said.setdefault("schema:name" if shown else "schema:alternateName", []).append(value)
    said.setdefault("skos:prefLabel" if shown else "skos:altLabel", []).append(value)


def _add_relationship(said: JsonObject, tie: JsonObject, base: str) -> None:
    other = {"@id": f"{base}/partners/{tie['partner_id']}", "schema:name": tie["name"]}
    for word in _RELATIONSHIPS.get(tie["kind"], ()):
        said.setdefault(word, []).append(other)
    if reversed_word := _REVERSED.get(tie["kind"]):
        said.setdefault("@reverse", {}).setdefault(reversed_word, []).append(other)


def _urls(record: JsonObject, *kinds: str) -> list[JsonObject]:
    return [{"@id": as_uri(link["url"])} for link in record["links"] if link["kind"] in kinds]


def _same_as(external_ids: Iterable[JsonObject]) -> list[JsonObject]:
    return [
        {"@id": as_uri(_SAME_AS[given["scheme"]].format(given["value"].replace(" ", "")))}
        for given in external_ids
        if given["scheme"] in _SAME_AS
    ]


def _identifier(given: JsonObject) -> JsonObject:
    return {
        "@type": "schema:PropertyValue",
        "schema:propertyID": given["scheme"],
        "schema:value": given["value"],
    }


def _place(record: JsonObject) -> Any:
    location = record["location"] or {"lat": None, "place": None, "geonames_id": None}
    if not record["country"] and all(value is None for value in location.values()):
        return None
    geonames_id = location["geonames_id"]
    place: JsonObject = {
        "@type": "schema:Place",
        "schema:name": location["place"],
        "schema:address": {
            "@type": "schema:PostalAddress",
            "schema:addressLocality": location["place"],
            "schema:addressCountry": record["country"],
        },
        "schema:sameAs": geonames_id and {"@id": f"https://sws.geonames.org/{geonames_id}/"},
    }
    if location["lat"] is not None:
        place["schema:geo"] = {
            "@type": "schema:GeoCoordinates",
            "schema:latitude": location["lat"],
            "schema:longitude": location["lon"],
        }
    return place


def _contact_point(point: JsonObject) -> JsonObject:
    said: JsonObject = {
        "@id": f"urn:uuid:{point['id']}",
        "@type": "schema:ContactPoint",
        "schema:contactType": point["purposes"],
        "schema:name": point["name"],
        "schema:description": point["procedure"],
        "schema:availableLanguage": point["languages"],
        "schema:hoursAvailable": point["hours"] and point["hours"]["text"],
        "schema:validFrom": _day(point["valid_from"]),
        "schema:validThrough": _day(point["valid_to"]),
    }
    for channel in point["channels"]:
        word = _CHANNELS.get(channel["kind"])
        value = {"@id": as_uri(channel["value"])} if channel["kind"] == "url" else channel["value"]
        said.setdefault(word or "schema:address", []).append(value)
    return said


def _day(day: str | None) -> Any:
    return day and {"@value": day, "@type": "xsd:date"}


def _without_empty(node: JsonObject) -> JsonObject:
    """JSON-LD passes over null, but it is read by people too."""
    return {
        word: _without_empty(value) if isinstance(value, dict) else _items(value)
        for word, value in node.items()
        if value is not None and value != []
    }


def _items(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_empty(one) if isinstance(one, dict) else one for one in value]
    return value
