"""Partners as rows of a CSV file (RFC 4180), both ways; what goes out and comes in is the same.

A cell that a spreadsheet would take for a formula gets an apostrophe before it, which reading takes
away again. Columns that may have been cut for the reader of a file have the reader's audience in
their name (`public_contact_points`) and are passed over when the file comes in, so that nothing is
deleted that its reader could not see.
"""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

import orjson

from services.directory.formats import csv_items as items
from services.directory.formats.incoming import Incoming, UnreadableRecord, besides
from shared.records import JsonObject
from shared.vocabulary import Visibility

FORMAT = "csv"
_FORMULA = re.compile(r"'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_LOCATION = ("place", "geonames_id", "lat", "lon")
# Empty, these leave what is there: no partner is without one.
_ALWAYS = ("level", "status", "visibility")
_LISTS = {
    "sectors": items.WORDS,
    "areas": items.AREAS,
    "domains": items.WORDS,
    "links": items.LINKS,
    "external_ids": items.EXTERNAL_IDS,
    "topics": items.TOPICS,
    "relationships": items.RELATIONSHIPS,
}
_OTHER_NAMES = besides(lambda name: "display" not in name["kinds"])
_CUT = ("relationships", "contact_points")
_DERIVED = (
    "version",
    "created_at",
    "modified_at",
    "assurance",
    "assured_at",
    "next_review_at",
    "flags",
    "topic_notations",
    "related_names",
)
_WRITTEN = (
    "id",
    "name",
    "names",
    "level",
    "sectors",
    "description",
    "country",
    "areas",
    *_LOCATION,
    "domains",
    "links",
    "established",
    "status",
    "external_ids",
    "topics",
    "relationships",
    "contact_points",
    "visibility",
)
_PASSED_OVER = frozenset(
    [*_DERIVED, *(f"{audience.value}_{column}" for audience in Visibility for column in _CUT)]
)


def header(audience: Visibility) -> list[str]:
    """The columns of a file for `audience`."""
    whole = audience is Visibility.secretariat
    named = [
        column if whole or column not in _CUT else f"{audience.value}_{column}"
        for column in _WRITTEN
    ]
    return [*named, *_DERIVED]


def write_row(record: JsonObject) -> list[str]:
    """The cells of a record, cut for its reader, in the order of `header`."""
    names = record["names"]
    shown = next(name for name in names if "display" in name["kinds"])
    without_value = {"kinds": shown["kinds"], "lang": shown["lang"]}
    location = record["location"] or dict.fromkeys(_LOCATION)
    assurance = record["assurance"]
    cells: dict[str, Any] = {
        "id": record["id"],
        "name": shown["value"],
        "names": items.NAMES.to_cell(without_value if one is shown else one for one in names),
        "level": record["level"],
        "description": items.DESCRIPTIONS.to_cell(record["description"].items()),
        "country": record["country"],
        **location,
        "established": record["established"],
        "status": record["status"],
        "contact_points": orjson.dumps(record["contact_points"]).decode()
        if record["contact_points"]
        else "",
        "visibility": record["visibility"],
        "version": record["version"],
        "created_at": record["created_at"],
        "modified_at": record["modified_at"],
        "assurance": assurance["status"],
        "assured_at": assurance["assured_at"],
        "next_review_at": assurance["next_review_at"],
        "flags": items.WORDS.to_cell(record["flags"]),
        "topic_notations": items.WORDS.to_cell(one["notation"] for one in record["topics"]),
        "related_names": items.WORDS.to_cell(one["name"] for one in record["relationships"]),
    }
    for column, form in _LISTS.items():
        cells[column] = form.to_cell(_without_derived(column, value) for value in record[column])
    return [_cell(cells[column]) for column in (*_WRITTEN, *_DERIVED)]


def csv_line(cells: Iterable[str]) -> str:
    """The cells as a line of CSV."""
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def read_csv(row: JsonObject) -> Incoming:
    """A row, its cells by column, as a partner; only what has a column is in its values.

    Cells for which there is no column stand under the empty name.

    Raises:
        UnreadableRecord: a column is not known, or a cell is not of its column's form.
    """
    _check_columns(row)
    cells = {
        column: _unguarded(cell).strip() for column, cell in row.items() if isinstance(cell, str)
    }
    values: JsonObject = {
        column: cells[column] for column in _ALWAYS if cells.get(column, "") != ""
    }
    for column, form in _LISTS.items():
        if column in cells:
            values[column] = form.of_cell(cells[column], column)
    if "country" in cells:
        values["country"] = cells["country"] or None
    if "established" in cells:
        values["established"] = _number(cells, "established", int)
    if "place" in cells:
        values["location"] = _location(cells)
    if "description" in cells:
        values["description"] = dict(
            items.DESCRIPTIONS.of_cell(cells["description"], "description")
        )
    if "contact_points" in cells:
        values["contact_points"] = _json_list(cells["contact_points"])
    if "names" in cells or "name" in cells:
        values["names"] = _names(cells)
    renames = {"names": _OTHER_NAMES} if "names" not in cells else {}
    return Incoming(values, partner_id=cells.get("id") or None, combine=renames)


def _check_columns(row: JsonObject) -> None:
    if "" in row:
        raise UnreadableRecord("has more cells than the first line has columns")
    unknown = [one for one in row if one not in _PASSED_OVER and one not in _WRITTEN]
    if unknown:
        raise UnreadableRecord(
            f"{unknown[0][:100]!r} is no column. There are {', '.join(_WRITTEN)}"
        )
    missing = [one for one in _LOCATION if one not in row]
    if 0 < len(missing) < len(_LOCATION):
        raise UnreadableRecord(f"{', '.join(_LOCATION)} go together; {missing[0]} is missing")


def _without_derived(column: str, value: Any) -> Any:
    match column:
        case "topics":
            return {"topic_id": value["topic_id"], "role": value["role"]}
        case "relationships":
            return {"partner_id": value["partner_id"], "kind": value["kind"]}
        case _:
            return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) else value
    return repr(value)


def _unguarded(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell


def _number(cells: dict[str, str], column: str, of: type[int] | type[float]) -> Any:
    if not cells[column]:
        return None
    try:
        return of(cells[column])
    except ValueError:
        raise UnreadableRecord(
            f"{column}: {cells[column][:100]!r} is not a number such as {of(12)}"
        ) from None


def _location(cells: dict[str, str]) -> JsonObject | None:
    location = {
        "lat": _number(cells, "lat", float),
        "lon": _number(cells, "lon", float),
        "place": cells["place"] or None,
        "geonames_id": _number(cells, "geonames_id", int),
    }
    return location if any(value is not None for value in location.values()) else None


def _json_list(cell: str) -> Any:
    try:
        points = orjson.loads(cell) if cell else []
    except ValueError as error:
        raise UnreadableRecord(f"contact_points: is not JSON: {error}") from None
    if not isinstance(points, list):
        raise UnreadableRecord("contact_points: must be a JSON list, such as []")
    return points


def _names(cells: dict[str, str]) -> list[JsonObject]:
    shown = cells.get("name", "")
    if "names" not in cells:
        return [{"value": shown, "kinds": ["display"], "lang": None}]
    names: list[JsonObject] = items.NAMES.of_cell(cells["names"], "names")
    if "name" not in cells:
        return names
    displayed = [name for name in names if "display" in _kinds(name)]
    for name in displayed:
        name["value"] = shown
    return names if displayed else [{"value": shown, "kinds": ["display"], "lang": None}, *names]


def _kinds(name: JsonObject) -> list[Any]:
    kinds = name.get("kinds")
    return kinds if isinstance(kinds, list) else []
