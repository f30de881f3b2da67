"""Organisations of HSDS 3.0, out and in."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings

from services.directory.formats.hsds import read_hsds, write_hsds
from services.directory.formats.incoming import UnreadableRecord
from services.directory.partner_write import PartnerWrite
from shared.records import JsonObject
from tests.directory.any_partner import partners, record_of

PUBLISHED = Path(__file__).parent / "published" / "hsds-3.0"
SCHEMAS = {path.name: json.loads(path.read_text()) for path in PUBLISHED.glob("*.json")}
EXAMPLE = SCHEMAS.pop("example_organization_full.json")
SCHEMA = jsonschema_rs.Draft202012Validator(
    SCHEMAS["organization.json"],
    base_uri="hsds:///organization.json",
    retriever=lambda address: SCHEMAS[address.rpartition("/")[2]],
    validate_formats=True,
)
OUR_ID = "01a21395-774c-7518-b552-8b52f605e633"


def _kept(values: JsonObject) -> JsonObject:
    return PartnerWrite.model_validate(values).model_dump(mode="json")


@settings(max_examples=50, deadline=None)
@given(values=partners())
def test_any_partner_goes_out_valid_and_comes_in_without_loss(values: JsonObject) -> None:
    """HSDS says a part of it; what it does not say the partner keeps."""
    record = record_of(values, OUR_ID)
    written = write_hsds(record, None)
    assert SCHEMA.is_valid(written), next(SCHEMA.iter_errors(written)).message
    incoming = read_hsds(written)
    assert incoming.partner_id == OUR_ID
    after = _kept({**values, **incoming.over(record)})
    if "en" not in values["description"] and values["description"]:
        assert after["description"].pop("en") == written["description"]
    assert after == values


def test_the_published_example_comes_in_and_goes_out() -> None:
    """What our record has no place for goes out as it came, but nothing that names people."""
    assert SCHEMA.is_valid(EXAMPLE)
    incoming = read_hsds(EXAMPLE)
    values = _kept(incoming.values)
    assert [name["value"] for name in values["names"]] == [
        EXAMPLE["name"],
        EXAMPLE["alternate_name"],
    ]
    assert {"scheme": "hsds", "value": EXAMPLE["id"], "preferred": False} in values["external_ids"]
    assert values["location"]["place"] == "MyCity"
    assert values["country"] == "US"
    (person,) = values["contact_points"]
    assert (person["kind"], person["name"], person["languages"]) == (
        "person",
        "Ann Persona",
        ["ur"],
    )
    assert [channel["value"] for channel in person["channels"]] == [
        "email@example.com",
        "+441234234567",
    ]
    assert [(tie.kind, tie.scheme, tie.value) for tie in incoming.ties] == [
        ("parent", "hsds", EXAMPLE["parent_organization_id"])
    ]
    written = write_hsds(record_of(values), incoming.source_values)
    assert SCHEMA.is_valid(written)
    for field in ("name", "alternate_name", "description", "website", "email", "funding"):
        assert written[field] == EXAMPLE[field]
    assert "metadata" not in written


def _organization(**more: Any) -> JsonObject:
    return {"id": EXAMPLE["id"], "name": "A body", "description": "", **more}


def test_the_organization_s_own_address_is_a_desk() -> None:
    """Where no contact has it; telephone numbers are read by the country of the address."""
    place = {
        "id": EXAMPLE["id"],
        "location_type": "physical",
        "addresses": [{"city": "Leeds", "country": "GB"}],
    }
    incoming = read_hsds(
        _organization(email="a@b.example", phones=[{"number": "020 7946 0018"}], locations=[place])
    )
    (desk,) = _kept(incoming.values)["contact_points"]
    assert (desk["kind"], desk["purposes"]) == ("service_desk", ["general"])
    assert [one["value"] for one in desk["channels"]] == ["a@b.example", "+442079460018"]
    again = incoming.over(
        record_of(_kept(incoming.values) | {"contact_points": [desk | {"id": "x"}]})
    )
    assert [point["id"] for point in again["contact_points"]] == ["x"]


def test_a_contact_that_is_there_is_changed_and_keeps_what_hsds_cannot_say() -> None:
    """Its visibility above all; contact points that the record does not have stay."""
    point = {
        "id": OUR_ID,
        "kind": "role",
        "purposes": ["press"],
        "name": "Old",
        "channels": [
            {"kind": "email", "value": "old@b.example", "preferred": True},
            {"kind": "post", "value": "1 Street", "preferred": False},
        ],
        "visibility": "secretariat",
    }
    other = {**point, "id": EXAMPLE["id"], "name": "Other"}
    new = {"id": EXAMPLE["contacts"][0]["id"], "name": "New one", "email": "n@b.example"}
    said = read_hsds(
        _organization(contacts=[{"id": OUR_ID, "name": "New", "email": "new@b.example"}, new])
    )
    current = record_of(_kept({"level": "local", "names": said.values["names"]}))
    points = said.over(current | {"contact_points": [point, other]})["contact_points"]
    assert points[0] == {
        **point,
        "name": "New",
        "channels": [
            {"kind": "email", "value": "new@b.example", "preferred": False},
            point["channels"][1],
        ],
    }
    assert points[1] == other
    assert ("id" in points[2], points[2]["name"]) == (False, "New one")


def test_identifiers_are_called_by_their_codes() -> None:
    """Those of org-id.guide where they are given, else by what they are called."""
    given = [
        {"identifier_scheme": "GB-COH", "identifier_type": "Company number", "identifier": "1"},
        {"identifier_type": "ROR", "identifier": "04xfq0f34"},
        {"identifier_type": "Registered (UK)", "identifier": "3"},
    ]
    found = read_hsds(_organization(organization_identifiers=given)).values["external_ids"]
    assert [(one["scheme"], one["value"]) for one in found] == [
        ("gb-coh", "1"),
        ("ror", "https://ror.org/04xfq0f34"),
        ("other", "3"),
        ("hsds", EXAMPLE["id"]),
    ]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"id": "x"}, "/id: .*must be a UUID"),
        ({"name": ""}, "/name"),
        ({"description": None}, "/description"),
        ({"contacts": [{"name": "x"}]}, "/contacts/0/id"),
        ({"phones": [{"number": "0113 496 0000"}]}, "/phones/0/number: .*country code"),
        ({"locations": [{"location_type": "moon"}]}, "/locations/0/location_type"),
    ],
)
def test_what_is_no_organization_is_refused(wrong: JsonObject, where: str) -> None:
    """The text names the place."""
    with pytest.raises(UnreadableRecord, match=where):
        read_hsds(_organization() | wrong)
