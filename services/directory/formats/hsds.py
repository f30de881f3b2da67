"""Organisations of the Human Services Data Specification (HSDS) 3.0, both ways.

http://docs.openreferral.org/en/v3.0/hsds/schema_reference.html#organization

HSDS says less of an organisation than we do, so a record that comes in adds to a partner that is
there and changes it; it takes nothing away. What HSDS says of the organisation itself and our
record has no place for (`funding`, `programs`, `tax_id`, …) is kept as source values and given
back; who changed what (`metadata`) is not kept, because it names people.
"""

import re
from typing import Any
from uuid import UUID, uuid5

from services.directory.formats.hsds_contacts import (
    combine_contact_points,
    reachable_by,
    read_contact_points,
    write_contact,
)
from services.directory.formats.hsds_shape import check_hsds
from services.directory.formats.incoming import ForeignTie, Incoming
from services.directory.formats.text import as_uri, plain_text
from shared.records import JsonObject
from shared.vocabulary import RelationshipKind

FORMAT = "hsds"
_KEPT = ("tax_status", "tax_id", "legal_status", "logo", "funding", "programs")
# In a record of ours these are what we have made of it.
_KEPT_OF_OTHERS = ("uri", "attributes")
_GEONAMES = "GeoNames"
_SCHEME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_GUESSED = frozenset({"level"})
# Identifiers of ours are UUIDs of this version; HSDS leaves it open.
_OUR_VERSION = 7
_ROR = "https://ror.org/"


def read_hsds(record: JsonObject) -> Incoming:
    """An organisation as a partner; its description, whose language HSDS leaves open, as English.

    Raises:
        UnreadableRecord: it is not of the schema, or a telephone number has no country.
    """
    check_hsds(record)
    place = next(
        (one for one in record.get("locations") or () if one["location_type"] == "physical"), None
    )
    address = next(iter((place or {}).get("addresses") or ()), None)
    country = (address or {}).get("country")
    names = [{"value": plain_text(record["name"]), "kinds": ["display"], "lang": None}]
    alternate = plain_text(record.get("alternate_name") or "")
    if alternate and alternate != names[0]["value"]:
        names.append({"value": alternate, "kinds": ["alias"], "lang": None})
    values: JsonObject = {
        "level": "national",
        "names": names,
        "external_ids": _read_identifiers(record),
        "contact_points": read_contact_points(record, country),
    }
    if record["description"].strip():
        values["description"] = {"en": record["description"]}
    if record.get("website"):
        values["links"] = [{"kind": "website", "url": record["website"].strip()}]
    if record.get("year_incorporated"):
        values["established"] = int(record["year_incorporated"])
    if country:
        values["country"] = country
    if place is not None:
        values["location"] = _read_location(place, address)
    parent = record.get("parent_organization_id")
    ours = UUID(record["id"]).version == _OUR_VERSION
    kept = _KEPT if ours else (*_KEPT, *_KEPT_OF_OTHERS)
    return Incoming(
        values,
        () if not parent else (ForeignTie(RelationshipKind.parent, FORMAT, parent),),
        {field: record[field] for field in kept if record.get(field)} or None,
        partner_id=record["id"] if ours else None,
        only_when_new=_GUESSED,
        combine=_COMBINE,
    )


def write_hsds(record: JsonObject, source_values: JsonObject | None) -> JsonObject:
    """The partner's record, cut for its reader, as an organisation."""
    partner_id = record["id"]
    names = record["names"]
    shown = next(name["value"] for name in names if "display" in name["kinds"])
    others = (name for name in names if {"label", "alias", "acronym"} & {*name["kinds"]})
    website = next((link["url"] for link in record["links"] if link["kind"] == "website"), None)
    ror = next((one["value"] for one in record["external_ids"] if one["scheme"] == "ror"), None)
    parent = next(
        (tie["partner_id"] for tie in record["relationships"] if tie["kind"] == "parent"), None
    )
    description = record["description"]
    said = {
        "id": partner_id,
        "name": shown,
        "alternate_name": next((one["value"] for one in others if one["value"] != shown), None),
        "description": description.get("en") or next(iter(description.values()), ""),
        "email": reachable_by(record["contact_points"], "email"),
        "website": website and as_uri(website),
        "year_incorporated": record["established"],
        "uri": ror,
        "parent_organization_id": parent,
        "contacts": [write_contact(point, partner_id) for point in record["contact_points"]],
        "locations": _write_locations(record),
        "organization_identifiers": [
            _write_identifier(given, partner_id) for given in record["external_ids"]
        ],
        "attributes": [_write_topic(topic, partner_id) for topic in record["topics"]],
    }
    written = {field: value for field, value in said.items() if value not in (None, [])}
    return {**(source_values or {}), **written}


def _read_identifiers(record: JsonObject) -> list[JsonObject]:
    pairs: dict[tuple[str, str], None] = {}
    for given in record.get("organization_identifiers") or ():
        scheme, value = _scheme(given), plain_text(given["identifier"])
        if scheme == "ror" and not value.startswith(_ROR):
            value = _ROR + value.rpartition("/")[2]
        pairs[scheme, value] = None
    if UUID(record["id"]).version != _OUR_VERSION:
        pairs[FORMAT, record["id"]] = None
    return [{"scheme": scheme, "value": value, "preferred": False} for scheme, value in pairs]


def _scheme(given: JsonObject) -> str:
    """`gb-coh`, from the code of org-id.guide, or else from what the identifier is called."""
    for name in (given.get("identifier_scheme"), given["identifier_type"]):
        scheme = "-".join((name or "").lower().split())
        if _SCHEME.fullmatch(scheme):
            return scheme
    return "other"


def _write_identifier(given: JsonObject, partner_id: str) -> JsonObject:
    scheme, value = given["scheme"], given["value"]
    written = {
        "id": _derived_id(partner_id, f"{scheme}:{value}"),
        "organization_id": partner_id,
        "identifier_type": scheme,
        "identifier": value,
    }
    # Codes of org-id.guide begin with a country; ours of national registers are the same.
    country = scheme.partition("-")[0]
    return {**written, "identifier_scheme": scheme.upper()} if len(country) == 2 else written


def _read_location(place: JsonObject, address: JsonObject | None) -> JsonObject:
    lat, lon = place.get("latitude"), place.get("longitude")
    on_earth = lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180
    number = str(place.get("external_identifier") or "")
    geonames = place.get("external_identifier_type") == _GEONAMES and number.isascii()
    name = plain_text((address or {}).get("city") or place.get("name") or "")
    return {
        "lat": float(lat) if on_earth and lat is not None else None,
        "lon": float(lon) if on_earth and lon is not None else None,
        "place": name or None,
        "geonames_id": int(number) if geonames and number.isdigit() else None,
    }


def _write_locations(record: JsonObject) -> list[JsonObject]:
    location = record["location"]
    if location is None:
        return []
    said = {
        "id": _derived_id(record["id"], "location"),
        "organization_id": record["id"],
        "location_type": "physical",
        "name": location["place"],
        "latitude": location["lat"],
        "longitude": location["lon"],
    }
    if location["geonames_id"] is not None:
        said |= {
            "external_identifier": str(location["geonames_id"]),
            "external_identifier_type": _GEONAMES,
        }
    return [{field: value for field, value in said.items() if value is not None}]


def _write_topic(topic: JsonObject, partner_id: str) -> JsonObject:
    return {
        "id": _derived_id(partner_id, f"{topic['topic_id']}:{topic['role']}"),
        "link_id": partner_id,
        "link_entity": "organization",
        "value": topic["role"],
        "taxonomy_term": {
            "id": topic["topic_id"],
            "code": topic["notation"],
            "name": topic["notation"],
            "description": "",
        },
    }


def _derived_id(partner_id: str, what: str) -> str:
    return str(uuid5(UUID(partner_id), what))


def _combine_names(said: list[JsonObject], has: list[JsonObject]) -> list[JsonObject]:
    shown, *others = said
    kept = [name for name in has if name["value"] != shown["value"]]
    if len(kept) == len(has) or not any(
        "display" in name["kinds"] for name in has if name["value"] == shown["value"]
    ):
        names = [shown, *(name for name in kept if "display" not in name["kinds"])]
    else:
        names = has
    known = {name["value"] for name in names}
    return [*names, *(name for name in others if name["value"] not in known)]


def _combine_links(said: list[JsonObject], has: list[JsonObject]) -> list[JsonObject]:
    """The website in the place of the first that there is."""
    (website,) = said
    if any(as_uri(link["url"]) == as_uri(website["url"]) for link in has):
        return has
    first = next((place for place, link in enumerate(has) if link["kind"] == "website"), None)
    return [website, *(link for place, link in enumerate(has) if place != first)]


def _combine_external_ids(said: list[JsonObject], has: list[JsonObject]) -> list[JsonObject]:
    known = {(one["scheme"], one["value"]) for one in has}
    return [*has, *(one for one in said if (one["scheme"], one["value"]) not in known)]


def _combine_location(said: JsonObject, has: JsonObject | None) -> JsonObject:
    known = {field: value for field, value in said.items() if value is not None}
    return {**(has or {}), **known}


_COMBINE: dict[str, Any] = {
    "names": _combine_names,
    "links": _combine_links,
    "external_ids": _combine_external_ids,
    "contact_points": combine_contact_points,
    "location": _combine_location,
    "description": lambda said, has: {**has, **said},
}
