"""Partners as vCards, read by vobject, and held to what RFC 6350 says of lines."""

from typing import Any

import vobject
from hypothesis import given, settings

from services.directory.formats.vcard import write_vcards
from services.directory.partner_write import PartnerWrite
from shared.records import JsonObject
from tests.directory.any_partner import partners, record_of

ADDRESS = "https://directory.example/partners/1"


def _cards(record: JsonObject) -> list[Any]:
    return list(vobject.readComponents(write_vcards(record, ADDRESS)))


@settings(max_examples=60, deadline=None)
@given(values=partners())
def test_any_partner_is_read_with_its_people(values: JsonObject) -> None:
    """Names and addresses come out as they are, whatever signs are in them."""
    record = record_of(values)
    people = [point for point in record["contact_points"] if point["kind"] == "person"]
    text = write_vcards(record, ADDRESS)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "\n" not in text.replace("\r\n", "")
    cards = _cards(record)
    shown = next(name["value"] for name in record["names"] if "display" in name["kinds"])
    assert [card.fn.value for card in cards] == [shown, *(point["name"] for point in people)]
    assert [card.kind.value for card in cards] == ["org", *("individual" for _ in people)]
    assert {card.version.value for card in cards} == {"4.0"}
    for card, points in zip(
        cards,
        [[point for point in record["contact_points"] if point not in people]]
        + [[point] for point in people],
        strict=True,
    ):
        channels = [channel for point in points for channel in point["channels"]]
        emails = [one["value"] for one in channels if one["kind"] == "email"]
        phones = [f"tel:{one['value']}" for one in channels if one["kind"] == "phone"]
        assert [one.value for one in card.contents.get("email", [])] == emails
        assert [one.value for one in card.contents.get("tel", [])] == phones


def test_a_card_reads_as_the_standard_has_it() -> None:
    """Escapes, parameters, moments and long lines."""
    values = PartnerWrite.model_validate(
        {
            "level": "local",
            "names": [{"value": "A; B, and\\or C", "kinds": ["display"]}],
            "description": {"en": "One\nTwo " + "é" * 60},
            "location": {"lat": 51.5, "lon": -0.125, "place": "London"},
            "country": "GB",
            "contact_points": [
                {
                    "kind": "role",
                    "purposes": ["press"],
                    "channels": [
                        {"kind": "post", "value": '1 "High" Street: ^', "preferred": True}
                    ],
                }
            ],
        }
    ).model_dump(mode="json")
    values["contact_points"][0]["id"] = "01a21395-774c-7518-b552-8b52f605e633"
    text = write_vcards(record_of(values, "01a21395-774c-7518-b552-8b52f605e633"), ADDRESS)
    lines = text.replace("\r\n ", "").split("\r\n")
    assert lines == [
        "BEGIN:VCARD",
        "VERSION:4.0",
        "KIND:org",
        "UID:urn:uuid:01a21395-774c-7518-b552-8b52f605e633",
        "FN:A\\; B\\, and\\\\or C",
        "ORG:A\\; B\\, and\\\\or C",
        f"SOURCE:{ADDRESS}",
        "REV:20260228T235959Z",
        "NOTE;LANGUAGE=en:One\\nTwo " + "é" * 60,
        "GEO:geo:51.500000,-0.125000",
        "ADR;TYPE=work:;;;London;;;GB",
        "ADR;TYPE=work;PREF=1;LABEL=\"1 ^'High^' Street: ^^\":;;;;;;",
        "END:VCARD",
        "",
    ]
