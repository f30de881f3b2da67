"""Records of the Research Organization Registry, in and out again."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.directory.formats.incoming import Incoming, UnreadableRecord
from services.directory.formats.ror import NotInRor, read_ror, write_ror
from services.directory.formats.ror_relationships import Neighbour
from services.directory.partner_write import PartnerWrite
from shared.records import JsonObject
from shared.vocabulary import INVERSE_RELATIONSHIP, RelationshipKind
from tests.directory.any_partner import partners, record_of

PUBLISHED = Path(__file__).parent / "published"
ALL = Path(__file__).parents[3] / "shared" / "data" / "ror-records.jsonl.gz"
SCHEMA = jsonschema_rs.Draft7Validator(
    json.loads((PUBLISHED / "ror_schema_v2_1.json").read_text()), validate_formats=True
)
ROR_ID = {"scheme": "ror", "value": "https://ror.org/04xfq0f34", "preferred": True}


def records_in(path: Path) -> Iterator[JsonObject]:
    """The records of a packed file, one after the other."""
    with gzip.open(path) as lines:
        yield from map(orjson.loads, lines)


SAMPLE = list(records_in(PUBLISHED / "ror-sample-2000.jsonl.gz"))
TELLING = [record for record in SAMPLE if record["relationships"] and record["links"]]


def _kept(incoming: Incoming) -> JsonObject:
    """The record that the directory has of a partner that came in, without its relationships."""
    written = PartnerWrite.model_validate(incoming.values).model_dump(mode="json")
    return record_of(written, incoming.values["external_ids"][0]["value"])


class InMemory:
    """A directory of nothing but ROR records: what each of them is to the others."""

    def __init__(self, records: list[JsonObject]) -> None:
        self.incoming = {record["id"]: read_ror(record) for record in records}
        self.kept = {ror_id: _kept(incoming) for ror_id, incoming in self.incoming.items()}
        ties: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for ror_id, incoming in self.incoming.items():
            for tie in incoming.ties:
                if tie.value in self.incoming:
                    ties[ror_id].add((tie.kind.value, tie.value))
                    back = INVERSE_RELATIONSHIP[RelationshipKind(tie.kind)].value
                    ties[tie.value].add((back, ror_id))
        for ror_id, record in self.kept.items():
            record["relationships"] = [
                {"kind": kind, "partner_id": other, "name": self._name(other)}
                for kind, other in sorted(ties[ror_id])
            ]

    def _name(self, ror_id: str) -> str:
        return next(
            str(name["value"]) for name in self.kept[ror_id]["names"] if "display" in name["kinds"]
        )

    def write(self, ror_id: str) -> JsonObject:
        """The record with this id as ROR's."""
        record, source = self.kept[ror_id], self.incoming[ror_id].source_values
        named = {tie["partner_id"] for tie in record["relationships"]}
        neighbours = [
            Neighbour(other, other, self._name(other), self.incoming[other].source_values)
            for other in named
        ]
        return write_ror(record, source, neighbours)


@pytest.mark.parametrize("path", [PUBLISHED / "ror-sample-2000.jsonl.gz", ALL], ids=["2000", "all"])
def test_every_record_comes_out_as_it_went_in(path: Path) -> None:
    """Equal as JSON, and valid; also where only one of two related records says so."""
    if not path.exists():
        pytest.skip(f"{path} is not here: only the sample of 2,000 records is tried")
    records = list(records_in(path))
    directory = InMemory(records)
    different = [record["id"] for record in records if directory.write(record["id"]) != record]
    assert different == []
    invalid = [record["id"] for record in records if not SCHEMA.is_valid(record)]
    assert invalid == []


def test_little_is_kept_beside_the_record() -> None:
    """On average less than a quarter of a kilobyte, where a record has more than one."""
    kept = sum(len(orjson.dumps(read_ror(record).source_values)) for record in SAMPLE)
    assert kept / len(SAMPLE) < 256


def test_a_withdrawn_record_comes_in_as_ceased_and_claims_nothing() -> None:
    """Its identifiers are those of the record that took its place; it goes out withdrawn."""
    withdrawn = TELLING[0] | {"status": "withdrawn"}
    assert withdrawn["external_ids"]
    incoming = read_ror(withdrawn)
    assert incoming.values["status"] == "inactive"
    assert [given["scheme"] for given in incoming.values["external_ids"]] == ["ror"]
    record = _kept(incoming)
    assert write_ror(record, incoming.source_values)["status"] == "withdrawn"
    assert write_ror(record, incoming.source_values) == withdrawn
    again = write_ror(record | {"status": "active"}, incoming.source_values)
    assert again == withdrawn | {"status": "active"}


EDITS: dict[str, tuple[JsonObject, JsonObject]] = {
    "name": (
        {"names": [{"value": "Newly named", "kinds": ["display"], "lang": "en-GB"}]},
        {"names": [{"value": "Newly named", "types": ["ror_display"], "lang": "en"}]},
    ),
    "former name": (
        {"names": [{"value": "Was called so", "kinds": ["former", "alias"], "lang": "gsw"}]},
        {"names": [{"value": "Was called so", "types": ["alias"], "lang": None}]},
    ),
    "link": (
        {"links": [{"kind": "report", "url": "https://r.example"}]},
        {"links": []},
    ),
    "website": (
        {"links": [{"kind": "website", "url": "https://new.example"}]},
        {"links": [{"type": "website", "value": "https://new.example"}]},
    ),
    "domain": ({"domains": ["a.example", "c.xn--p1ai"]}, {"domains": ["a.example"]}),
    "year": ({"established": 1829}, {"established": 1829}),
    "identifiers": (
        {
            "external_ids": [
                ROR_ID,
                {"scheme": "gb-chc", "value": "1", "preferred": True},
                {"scheme": "isni", "value": "2", "preferred": False},
                {"scheme": "isni", "value": "3", "preferred": True},
            ]
        },
        {
            "id": ROR_ID["value"],
            "external_ids": [{"type": "isni", "all": ["2", "3"], "preferred": "3"}],
        },
    ),
}


@pytest.mark.parametrize("edit", EDITS)
@settings(max_examples=30, deadline=None)
@given(original=st.sampled_from(TELLING))
def test_what_was_changed_here_goes_out_and_the_rest_as_it_came(
    edit: str, original: JsonObject
) -> None:
    """For any record of the sample."""
    ours, theirs = EDITS[edit]
    incoming = read_ror(original)
    written = write_ror(_kept(incoming) | ours, incoming.source_values)
    assert written == original | theirs


@settings(max_examples=50, deadline=None)
@given(original=st.sampled_from(SAMPLE))
def test_a_partner_that_moved_has_nothing_of_its_old_place(original: JsonObject) -> None:
    """Neither subdivision nor country; further places stay."""
    incoming = read_ror(original)
    moved = {
        "country": "LU",
        "location": {"lat": 49.6, "lon": 6.1, "place": "Luxembourg", "geonames_id": 2960316},
    }
    first, *further = write_ror(_kept(incoming) | moved, incoming.source_values)["locations"]
    assert further == original["locations"][1:]
    assert first == {
        "geonames_id": 2960316,
        "geonames_details": {
            "continent_code": "EU",
            "continent_name": "Europe",
            "country_code": "LU",
            "country_name": "Luxembourg",
            "country_subdivision_code": None,
            "country_subdivision_name": None,
            "lat": 49.6,
            "lng": 6.1,
            "name": "Luxembourg",
        },
    }


def _with(original: JsonObject, **more: Any) -> tuple[JsonObject, Incoming]:
    incoming = read_ror(original | more)
    return _kept(incoming), incoming


@pytest.mark.parametrize(
    ("types", "sectors", "expected"),
    [
        (["healthcare"], ["academia"], ["healthcare", "education"]),
        (["healthcare", "education"], ["academia"], ["healthcare", "education"]),
        (["education", "funder"], ["research_funder"], ["funder"]),
        (["government"], ["law_enforcement", "military"], ["government"]),
        (["company"], ["network"], ["other"]),
        (["archive"], [], ["archive"]),
    ],
)
def test_sectors_go_out_as_types(types: list[str], sectors: list[str], expected: list[str]) -> None:
    """Types that no sector of ours stands for are kept; there is always one."""
    record, incoming = _with(SAMPLE[0], types=types)
    written = write_ror(record | {"sectors": sectors}, incoming.source_values)
    assert written["types"] == expected


def test_relationships_go_out_as_the_directory_has_them() -> None:
    """Added ones, and without removed ones; those to records that are not here as they came."""
    gone, here = "https://ror.org/000000001", "https://ror.org/000000002"
    added, own = "https://ror.org/000000003", SAMPLE[0]["id"]
    relationships = [
        {"type": "child", "id": gone, "label": "Not here"},
        {"type": "parent", "id": here, "label": "Here"},
        {"type": "related", "id": own, "label": "Itself"},
    ]
    record, incoming = _with(SAMPLE[0], relationships=relationships)
    assert [(tie.kind, tie.value) for tie in incoming.ties] == [("child", gone), ("parent", here)]
    neighbours = [
        Neighbour("p-here", here, "Here", {"name": "Here"}),
        Neighbour("p-added", added, "Added", None),
    ]

    def written(*ties: tuple[str, str], known: list[Neighbour] = neighbours) -> Any:
        related = [{"kind": kind, "partner_id": other} for kind, other in ties]
        found = write_ror(record | {"relationships": related}, incoming.source_values, known)
        return found["relationships"]

    assert written(("parent", "p-here")) == relationships
    assert written() == [relationships[0], relationships[2]]
    assert written(("parent", "p-here"), ("related", "p-added"), ("funds", "p-added")) == [
        *relationships,
        {"type": "related", "id": added, "label": "Added"},
    ]
    renamed = [Neighbour("p-here", here, "Called otherwise", {"name": "Here"})]
    assert written(("parent", "p-here"), known=renamed)[1]["label"] == "Called otherwise"
    stated = [Neighbour("p", added, "Says so", {"relationships": [["parent", own[-9:], "Us"]]})]
    assert written(("child", "p"), known=stated) == [
        relationships[0],
        relationships[1],
        relationships[2],
    ]


@settings(max_examples=60, deadline=None)
@given(values=partners())
def test_any_partner_with_a_ror_id_and_a_place_is_a_valid_record(values: JsonObject) -> None:
    """And nothing else is one."""
    place = values["location"]
    values["external_ids"].insert(0, ROR_ID)
    record = record_of(values)
    if place is None or place["geonames_id"] is None or place["place"] is None:
        with pytest.raises(NotInRor):
            write_ror(record, None)
        return
    written = write_ror(record, None)
    assert SCHEMA.is_valid(written), list(SCHEMA.iter_errors(written))
    with pytest.raises(NotInRor):
        write_ror(record | {"external_ids": values["external_ids"][1:]}, None)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"id": "https://ror.org/x"}, "/id"),
        ({"names": []}, "/names"),
        ({"names": [{"value": 5, "types": ["label"]}]}, "/names/0/value"),
        ({"names": [{"value": "n", "types": ["nickname"]}]}, "/names/0/types/0"),
        ({"locations": []}, "/locations"),
        ({"locations": [{"geonames_id": "1", "geonames_details": {"name": "x"}}]}, "/geonames_id"),
        ({"status": "closed"}, "/status"),
        ({"established": "1999"}, "/established"),
        ({"external_ids": [{"type": "ror", "all": ["x"]}]}, "/external_ids/0/type"),
        ({"relationships": [{"type": "parent", "id": "x", "label": "y"}]}, "/relationships/0/id"),
        ({"admin": {}}, "/admin/created"),
        ({"more": "x" * 300_000}, "262,144"),
    ],
)
def test_a_record_of_another_shape_is_refused(wrong: JsonObject, where: str) -> None:
    """The text names the place."""
    with pytest.raises(UnreadableRecord, match=where):
        read_ror(SAMPLE[0] | wrong)


@pytest.mark.parametrize("given_instead", [None, [], "text", 5, {}])
def test_what_is_no_record_is_refused(given_instead: Any) -> None:
    """Whatever a line of a file holds."""
    with pytest.raises(UnreadableRecord):
        read_ror(given_instead)


def test_fields_that_are_left_out_or_new_go_out_so() -> None:
    """The schema lets a record leave lists out, and may come to have more fields."""
    original = {
        field: value
        for field, value in SAMPLE[0].items()
        if field not in {"domains", "established", "links", "relationships", "external_ids"}
    } | {"certified": {"by": "somebody"}}
    incoming = read_ror(original)
    record = _kept(incoming)
    assert write_ror(record, incoming.source_values) == original
    edited = write_ror(record | {"established": 1900}, incoming.source_values)
    assert edited == original | {"established": 1900}


def test_what_ror_cannot_say_stays_with_a_partner_that_is_there() -> None:
    """Its level and sectors, former names, other links and other identifiers."""
    incoming = read_ror(SAMPLE[0])
    former = {"value": "Once", "kinds": ["former"], "lang": None}
    report = {"kind": "report", "url": "https://r.example"}
    charity = {"scheme": "gb-chc", "value": "1", "preferred": True}
    current = _kept(incoming)
    for field, item in (("names", former), ("links", report), ("external_ids", charity)):
        current[field] = [item, *current[field], {**item, "kind": "website"}][:2]
    written = incoming.over(current)
    assert not {"level", "sectors"} & written.keys()
    assert written["names"] == [*incoming.values["names"], former]
    assert written["links"] == [*incoming.values["links"], report]
    assert written["external_ids"] == [*incoming.values["external_ids"], charity]
