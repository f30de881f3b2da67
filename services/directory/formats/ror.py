"""Records of the Research Organization Registry (ROR), schema v2.1, both ways.

https://github.com/ror-community/ror-schema/blob/master/ror_schema_v2_1.json

A record that comes in and is not changed goes out equal to how it came. What our record says wins;
what it has no place for is kept beside it as source values, as little as does:

- `name`: the display name that ROR gives, to see whether the partner was renamed here.
- `admin`: `[created, its schema version, last modified, its schema version]`, ROR's bookkeeping.
- `seat`, `further_places`: see `ror_places`. `relationships`: see `ror_relationships`.
- `types`: where they are not what our sectors come to. `withdrawn`: where ROR withdrew the record.
- `names`, `links`, `domains`, `external_ids`, `established`: as they came, where what we would
  write of them reads otherwise (a space too much, another order). They hold as long as nobody has
  changed the partner's own.
- `absent`: fields that the record leaves out. `unknown`: fields that the schema does not have.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from services.directory.formats.incoming import Incoming, UnreadableRecord, besides
from services.directory.formats.ror_places import read_place, seat_values, write_places
from services.directory.formats.ror_relationships import (
    Neighbour,
    read_ties,
    relationship_values,
    write_relationships,
)
from services.directory.formats.ror_shape import check_ror
from services.directory.formats.text import plain_text
from shared.records import JsonObject

FORMAT = "ror-v2"
MAX_SOURCE_BYTES = 262_144

_KINDS = {"ror_display": "display", "label": "label", "alias": "alias", "acronym": "acronym"}
# ROR has no former names.
_TYPES = {kind: name_type for name_type, kind in _KINDS.items()} | {"former": "alias"}
_LINKS = frozenset({"website", "wikipedia"})
_SCHEMES = frozenset({"fundref", "grid", "isni", "wikidata"})
# Facilities, archives, health care and others are of no sector of ours for that alone.
_SECTORS = {
    "company": "industry",
    "education": "academia",
    "funder": "research_funder",
    "government": "government",
    "nonprofit": "voluntary",
}
_TYPE_OF_SECTOR = {sector: ror_type for ror_type, sector in _SECTORS.items()} | dict.fromkeys(
    ("law_enforcement", "intelligence", "military"), "government"
)
_TYPES_WITH_SECTOR = frozenset(_SECTORS)
_FIELDS = frozenset(
    {"admin", "domains", "established", "external_ids", "id", "links", "locations", "names"}
    | {"relationships", "status", "types"}
)
# The schema lets a record leave these out.
_OPTIONAL = ("domains", "established", "external_ids", "links", "relationships")
_COMBINE = {
    "names": besides(lambda name: name["kinds"] == ["former"]),
    "links": besides(lambda link: link["kind"] not in _LINKS),
    "external_ids": besides(lambda given: given["scheme"] not in {"ror", *_SCHEMES}),
}
_GUESSED = frozenset({"level", "sectors"})


class NotInRor(Exception):
    """The partner has no ROR id, or no place with a GeoNames id; a ROR record needs both."""


def read_ror(record: JsonObject) -> Incoming:
    """A record of ROR as a partner.

    One that ROR has withdrawn comes in as `inactive`, and goes out withdrawn again: the directory
    withdraws its own records only. Its identifiers but the ROR id belong to the record that took
    its place, so they are not claimed.

    Raises:
        UnreadableRecord: it is not of the schema, or holds more than 256 KiB that is ROR's alone.
    """
    check_ror(record)
    withdrawn = record["status"] == "withdrawn"
    country, location = read_place(record["locations"][0])
    values: JsonObject = {
        "level": "national",
        "sectors": [_SECTORS[one] for one in record["types"] if one in _SECTORS],
        "names": _read_names(record["names"]),
        "country": country,
        "location": location,
        "links": _read_links(record.get("links", ())),
        "domains": _read_domains(record.get("domains", ())),
        "established": _read_established(record.get("established")),
        "status": "inactive" if withdrawn else record["status"],
        "external_ids": [
            {"scheme": "ror", "value": record["id"], "preferred": True},
            *([] if withdrawn else _read_external_ids(record.get("external_ids", ()))),
        ],
    }
    source = _source_values(record, values, withdrawn)
    if len(orjson.dumps(source)) > MAX_SOURCE_BYTES:
        raise UnreadableRecord(f"holds more than {MAX_SOURCE_BYTES:,} bytes that only ROR uses")
    return Incoming(
        values,
        read_ties(record),
        source,
        only_when_new=_GUESSED,
        combine=_COMBINE,
    )


def write_ror(
    record: JsonObject, source_values: JsonObject | None, neighbours: Iterable[Neighbour] = ()
) -> JsonObject:
    """The partner's record, cut for its reader, as one of ROR.

    `neighbours` are the partners with a ROR id that the record or its source values name; see
    `named_ror_ids` for the latter.

    Raises:
        NotInRor: as its name says.
    """
    source = source_values or {}
    ror_id = ror_id_of(record)
    places = write_places(record, source)
    if ror_id is None or not places:
        raise NotInRor
    created, created_version, modified, modified_version = source.get("admin") or (
        record["created_at"][:10],
        "2.1",
        record["modified_at"][:10],
        "2.1",
    )
    withdrawn = record["status"] == "inactive" and source.get("withdrawn", False)
    written: JsonObject = {
        "admin": {
            "created": {"date": created, "schema_version": created_version},
            "last_modified": {"date": modified, "schema_version": modified_version},
        },
        "domains": _as_it_came("domains", record, source),
        "established": _as_it_came("established", record, source),
        "external_ids": _as_it_came("external_ids", record, source),
        "id": ror_id,
        "links": _as_it_came("links", record, source),
        "locations": places,
        "names": _as_it_came("names", record, source),
        "relationships": write_relationships(record, ror_id, source, neighbours),
        "status": "withdrawn" if withdrawn else record["status"],
        "types": _write_types(record["sectors"], source.get("types")),
    }
    for field in source.get("absent", ()):
        if not written[field]:
            del written[field]
    written |= source.get("unknown", {})
    return written


def ror_id_of(record: JsonObject) -> str | None:
    """The partner's ROR id; the preferred one where it has several."""
    ids = [given for given in record["external_ids"] if given["scheme"] == "ror"]
    found = next((given for given in ids if given["preferred"]), ids[0] if ids else None)
    return str(found["value"]) if found else None


def _source_values(record: JsonObject, values: JsonObject, withdrawn: bool) -> JsonObject:
    first, *further = record["locations"]
    created, modified = record["admin"]["created"], record["admin"]["last_modified"]
    source: JsonObject = {
        "name": next((one["value"] for one in values["names"] if "display" in one["kinds"]), None),
        "admin": [
            created["date"],
            created["schema_version"],
            modified["date"],
            modified["schema_version"],
        ],
        "seat": seat_values(first),
    }
    if further:
        source["further_places"] = further
    if withdrawn:
        source["withdrawn"] = True
    for field, (_, write) in _BY_FIELD.items():
        if field in record and write(values[field]) != record[field]:
            source[field] = record[field]
    if _write_types(values["sectors"], None) != record["types"]:
        source["types"] = record["types"]
    if record.get("relationships"):
        source["relationships"] = relationship_values(record["relationships"])
    if absent := [field for field in _OPTIONAL if field not in record]:
        source["absent"] = absent
    if unknown := {field: value for field, value in record.items() if field not in _FIELDS}:
        source["unknown"] = unknown
    return source


def _as_it_came(field: str, record: JsonObject, source: JsonObject) -> Any:
    """What is written of `field`; ROR's own spelling of it where it still says the same."""
    read, write = _BY_FIELD[field]
    written = write(record[field])
    if field in source:
        of_withdrawn = field == "external_ids" and source.get("withdrawn", False)
        if written == write([] if of_withdrawn else read(source[field])):
            return source[field]
    return written


def _read_names(names: Iterable[JsonObject]) -> list[JsonObject]:
    # ROR may hold one name twice in one language, as a label and as an alias.
    kinds: dict[tuple[str, str | None], list[str]] = {}
    for name in names:
        found = kinds.setdefault((plain_text(name["value"]), name.get("lang")), [])
        found += (_KINDS[one] for one in name["types"])
    return [
        {"value": value, "kinds": list(dict.fromkeys(found)), "lang": lang}
        for (value, lang), found in kinds.items()
    ]


def _write_names(names: Iterable[JsonObject]) -> list[JsonObject]:
    types: dict[tuple[str, str | None], list[str]] = {}
    for name in names:
        # ROR knows languages by their two letters only.
        lang = name["lang"] and name["lang"].partition("-")[0]
        key = (name["value"], lang if lang and len(lang) == 2 else None)
        found = types.setdefault(key, [])
        found += (_TYPES[one] for one in name["kinds"])
    return [
        {"value": value, "types": list(dict.fromkeys(found)), "lang": lang}
        for (value, lang), found in types.items()
    ]


def _read_links(links: Iterable[JsonObject]) -> list[JsonObject]:
    return [{"kind": link["type"], "url": plain_text(link["value"])} for link in links]


def _write_links(links: Iterable[JsonObject]) -> list[JsonObject]:
    different = dict.fromkeys((one["kind"], one["url"]) for one in links if one["kind"] in _LINKS)
    return [{"type": kind, "value": url} for kind, url in different]


def _read_domains(domains: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(domain.strip().lower() for domain in domains))


def _write_domains(domains: Iterable[str]) -> list[str]:
    # ROR takes no top-level domain with digits or hyphens, nor a label with two hyphens in a row.
    return [
        domain for domain in domains if domain.rpartition(".")[2].isalpha() and "--" not in domain
    ]


def _read_established(year: Any) -> int | None:
    return int(year) if year is not None and year == int(year) else None


def _write_established(year: int | None) -> int | None:
    return year


def _read_external_ids(groups: Iterable[JsonObject]) -> list[JsonObject]:
    return [
        {
            "scheme": group["type"],
            "value": plain_text(value),
            "preferred": value == group.get("preferred"),
        }
        for group in groups
        for value in group["all"]
    ]


def _write_external_ids(external_ids: Iterable[JsonObject]) -> list[JsonObject]:
    groups: dict[str, JsonObject] = {}
    for given in external_ids:
        scheme = given["scheme"]
        if scheme in _SCHEMES:
            group = groups.setdefault(scheme, {"type": scheme, "all": [], "preferred": None})
            group["all"].append(given["value"])
            if given["preferred"]:
                group["preferred"] = given["value"]
    return list(groups.values())


def _write_types(sectors: Iterable[str], came: list[str] | None) -> list[str]:
    of_sectors = dict.fromkeys(
        _TYPE_OF_SECTOR[sector] for sector in sectors if sector in _TYPE_OF_SECTOR
    )
    kept = [one for one in came or () if one in of_sectors or one not in _TYPES_WITH_SECTOR]
    return [*kept, *(one for one in of_sectors if one not in kept)] or ["other"]


_BY_FIELD: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "names": (_read_names, _write_names),
    "links": (_read_links, _write_links),
    "domains": (_read_domains, _write_domains),
    "external_ids": (_read_external_ids, _write_external_ids),
    "established": (_read_established, _write_established),
}
