"""Partners as rows of a CSV file, out and in again."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.directory.formats.csv_rows import (
    csv_line,
    header,
    read_csv,
    write_row,
)
from services.directory.formats.incoming import Incoming, UnreadableRecord
from services.directory.partner_write import PartnerWrite
from shared.audience import cut_partner
from shared.records import JsonObject
from shared.vocabulary import Visibility
from tests.directory.any_partner import partners, record_of

VALUES = PartnerWrite.model_validate(
    {
        "level": "local",
        "names": [
            {"value": "Kent", "kinds": ["alias"]},
            {"value": "Kent Police", "kinds": ["display", "label"], "lang": "en"},
        ],
        "areas": [{"code": "GB-KEN", "name": "Kent", "kind": "police_force_area"}],
        "links": [{"kind": "website", "url": "https://kent.example/"}],
        "external_ids": [{"scheme": "gb-chc", "value": "12|3", "preferred": True}],
        "location": {"lat": -51.5, "lon": 0.1},
        "sectors": ["law_enforcement", "network"],
        "description": {"en": "=1+1", "fr": "Deux\nlignes"},
    }
).model_dump(mode="json")


def _file(*records: JsonObject, audience: Visibility = Visibility.secretariat) -> str:
    return csv_line(header(audience)) + "".join(csv_line(write_row(one)) for one in records)


def _read(text: str) -> list[Incoming]:
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey="")
    return [read_csv(row) for row in rows]


def _cells(text: str) -> dict[str, str]:
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    return dict(row)


def _kept(incoming: Incoming) -> JsonObject:
    return PartnerWrite.model_validate(incoming.values).model_dump(mode="json")


@settings(max_examples=120, deadline=None)
@given(some=st.lists(partners(), min_size=1, max_size=3))
def test_what_goes_out_and_comes_in_is_the_same(some: list[JsonObject]) -> None:
    """Whole records, contact points and relationships with them."""
    records = [record_of(values) for values in some]
    found = _read(_file(*records))
    assert [incoming.partner_id for incoming in found] == [record["id"] for record in records]
    assert [_kept(incoming) for incoming in found] == some


def test_cells_are_for_people() -> None:
    """Several values stand in one cell as one would write them."""
    cells = _cells(_file(record_of(VALUES)))
    assert cells["name"] == "Kent Police"
    assert cells["names"] == "alias: Kent | display label @en"
    assert cells["sectors"] == "law_enforcement | network"
    assert cells["areas"] == "[GB-KEN] Kent (police_force_area)"
    assert cells["links"] == "website: https://kent.example/"
    assert cells["external_ids"] == "gb-chc preferred: 12\\|3"
    assert cells["description"] == "en: =1+1 | fr: Deux\nlignes"
    assert (cells["lat"], cells["lon"], cells["geonames_id"]) == ("-51.5", "0.1", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "'=", "''-", "＝", "'", "x="])
def test_no_cell_is_a_formula(start: str) -> None:
    """An apostrophe goes before what a spreadsheet would work out, and comes off again."""
    name = f"{start}HYPERLINK(1)"
    values = VALUES | {"names": [{"value": name, "kinds": ["display"], "lang": None}]}
    text = _file(record_of(values))
    assert _cells(text)["name"][0] not in "=+-@＝"
    assert _kept(_read(text)[0])["names"] == values["names"]


def test_only_what_has_a_column_is_written() -> None:
    """A file with a name and a level changes nothing else."""
    (incoming,) = _read("id,name,country\r\nabc,New name,\r\n")
    assert incoming.partner_id == "abc"
    assert set(incoming.values) == {"names", "country"}
    assert incoming.values["country"] is None
    now = record_of(VALUES)
    assert incoming.over(now)["names"] == [
        {"value": "New name", "kinds": ["display"], "lang": None},
        VALUES["names"][0],
    ]


def test_an_empty_cell_empties_what_may_be_empty() -> None:
    """Level, status and visibility stay, because every partner has them."""
    (incoming,) = _read("level,status,visibility,sectors,established,description\r\n,,,,,\r\n")
    assert incoming.values == {"sectors": [], "established": None, "description": {}}


@settings(max_examples=30, deadline=None)
@given(values=partners(), audience=st.sampled_from([Visibility.public, Visibility.member]))
def test_what_a_reader_cannot_see_is_not_deleted_by_its_file(
    values: JsonObject, audience: Visibility
) -> None:
    """Columns that may be cut are passed over."""
    cut = cut_partner(record_of(values | {"visibility": "public"}), audience)
    assert cut is not None
    (incoming,) = _read(_file(cut, audience=audience))
    assert not {"contact_points", "relationships"} & incoming.values.keys()
    assert incoming.values["names"] == values["names"]


def test_the_display_name_may_be_in_either_column() -> None:
    """`name` is enough, and so is `names`."""
    for text in ("name,level\r\nKent,local\r\n", "names,level\r\ndisplay: Kent,local\r\n"):
        assert _kept(_read(text)[0])["names"] == [
            {"value": "Kent", "kinds": ["display"], "lang": None}
        ]
    (both,) = _read("name,names,level\r\nKent,acronym: K,local\r\n")
    assert [name["value"] for name in _kept(both)["names"]] == ["Kent", "K"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nmae\r\nx\r\n", "'nmae' is no column"),
        ("name,lat,lon\r\nx,1,2\r\n", "go together"),
        ("name\r\nx,y\r\n", "more cells"),
        ("name,established\r\nx,18xx\r\n", "established: '18xx'"),
        ('name,place,geonames_id,lat,lon\r\nx,,,"51,5",0\r\n', "lat: '51,5'"),
        ("name,links\r\nx,https//x\r\n", "links: 'https//x' cannot be read; .* website: https"),
        ("name,names\r\nx,alias\r\n", "names: 'alias' cannot be read"),
        ("name,names\r\nx,{broken\r\n", "names: '{broken' cannot be read"),
        ("name,external_ids\r\nx,ror best: y\r\n", "external_ids: 'ror best: y'"),
        ("name,topics\r\nx,leads:\r\n", "topics: 'leads:' cannot be read"),
        ("name,contact_points\r\nx,[\r\n", "contact_points: is not JSON"),
        ("name,contact_points\r\nx,{}\r\n", "must be a JSON list"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, why: str) -> None:
    """The text names the column and says what it should look like."""
    with pytest.raises(UnreadableRecord, match=why):
        _read(text)


@settings(max_examples=200, deadline=None)
@given(cells=st.dictionaries(st.sampled_from(header(Visibility.secretariat)), st.text(max_size=30)))
def test_any_cells_are_read_or_refused(cells: JsonObject) -> None:
    """Whatever they hold."""
    if "place" in cells:
        cells = {"geonames_id": "", "lat": "", "lon": "", **cells}
    try:
        incoming = read_csv(cells)
    except UnreadableRecord:
        return
    assert isinstance(incoming.values, dict)
