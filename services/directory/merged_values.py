"""What a partner becomes when another one is merged into it, and when that is undone.

Plain functions of records: nothing is lost of either, nothing of the one that stays is changed.
"""

from collections.abc import Callable
from typing import Any

from services.directory.entries import key_of, said_by
from shared.records import JsonObject

_LISTS = (
    "sectors",
    "names",
    "areas",
    "domains",
    "links",
    "external_ids",
    "topics",
    "relationships",
    "contact_points",
)
# Taken over where the one that stays has nothing there.
_SINGLE = ("country", "location", "established")


def merged_values(kept: JsonObject, lost: JsonObject) -> tuple[JsonObject, JsonObject]:
    """What `kept` becomes when `lost` is merged into it, and what of that has come from `lost`.

    Both are whole records. The display name of `lost` becomes an alias; an identifier of its is
    not the preferred one beside one that already is; a contact point that says the same as one
    that is there is not added; relationships between the two are gone.
    """
    values = dict(kept)
    moved: JsonObject = {}
    values["relationships"] = _others(kept["relationships"], lost["id"])
    for field in _LISTS:
        arriving = [_arriving(field, entry, values) for entry in lost[field]]
        if field == "relationships":
            arriving = _others(arriving, kept["id"])
        is_there = _looker(field, values[field])
        moved[field] = [entry for entry in arriving if not is_there(entry)]
        values[field] = [*values[field], *moved[field]]
    moved["description"] = {
        language: text
        for language, text in lost["description"].items()
        if language not in kept["description"]
    }
    values["description"] = {**kept["description"], **moved["description"]}
    for field in _SINGLE:
        if kept[field] is None and lost[field] is not None:
            values[field] = moved[field] = lost[field]
    return values, {field: what for field, what in moved.items() if what}


def unmerged_values(kept: JsonObject, moved: JsonObject) -> JsonObject:
    """What `kept` is without what was `moved` to it; what was edited since then stays."""
    values = dict(kept)
    for field, what in moved.items():
        if field in _LISTS:
            came = [_essence(field, entry) for entry in what]
            values[field] = [entry for entry in kept[field] if _essence(field, entry) not in came]
        elif field == "description":
            values[field] = {
                language: text
                for language, text in kept[field].items()
                if what.get(language) != text
            }
        elif kept[field] == what:
            values[field] = None
    return values


def _others(relationships: list[JsonObject], partner_id: str) -> list[JsonObject]:
    return [one for one in relationships if one["partner_id"] != partner_id]


def _arriving(field: str, entry: Any, values: JsonObject) -> Any:
    if field == "names" and "display" in entry["kinds"]:
        kinds = [kind for kind in entry["kinds"] if kind != "display"]
        return {**entry, "kinds": kinds if "alias" in kinds else [*kinds, "alias"]}
    if field == "external_ids" and entry["preferred"]:
        taken = {one["scheme"] for one in values[field] if one["preferred"]}
        return {**entry, "preferred": entry["scheme"] not in taken}
    return entry


def _looker(field: str, entries: list[Any]) -> Callable[[Any], bool]:
    if field == "contact_points":
        # The same desk has an id of its own in each record.
        said = [said_by(entry) for entry in entries]
        return lambda entry: said_by(entry) in said
    keys = {key_of(field, entry) for entry in entries}
    return lambda entry: key_of(field, entry) in keys


def _essence(field: str, entry: Any) -> Any:
    """What an entry says; what is only looked up may have changed by itself."""
    if field in {"relationships", "topics"}:
        return key_of(field, entry)
    if field == "contact_points":
        return {name: value for name, value in entry.items() if name != "verification"}
    return entry
