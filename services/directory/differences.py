"""What differs between two versions of a record, value by value."""

from typing import Any

from services.directory.entries import IDENTITY, key_of
from shared.records import JsonObject

# They differ with every version, or never; and when it came about is told beside the differences.
_BOOKKEEPING = frozenset({"id", "version", "created_at", "modified_at"})


def differences(before: JsonObject, after: JsonObject) -> list[JsonObject]:
    """What was added, removed, changed or reordered from `before` to `after`, by field.

    An entry of a list is told by `item`, the values that make it that entry; of one that was
    edited only what is in it is told, as `field.inner`.
    """
    found: list[JsonObject] = []
    for field in dict.fromkeys((*after, *before)):
        if field not in _BOOKKEEPING:
            found += _of_value(field, before.get(field), after.get(field))
    return found


def _one(field: str, before: Any, after: Any, item: JsonObject | None = None) -> JsonObject:
    change = "changed"
    if before is None:
        change = "added"
    elif after is None:
        change = "removed"
    return {"field": field, "change": change, "item": item, "before": before, "after": after}


def _of_value(field: str, before: Any, after: Any) -> list[JsonObject]:
    if before == after or (before is None and after in ([], {})):
        return []
    if isinstance(before, list) and isinstance(after, list):
        return _of_lists(field, before, after)
    if isinstance(before, dict) and isinstance(after, dict):
        return _of_objects(field, before, after, None)
    return [_one(field, before, after)]


def _of_objects(
    field: str, before: JsonObject, after: JsonObject, item: JsonObject | None
) -> list[JsonObject]:
    return [
        _one(f"{field}.{inner}", before.get(inner), after.get(inner), item)
        for inner in dict.fromkeys((*after, *before))
        if before.get(inner) != after.get(inner)
    ]


def _of_lists(field: str, before: list[Any], after: list[Any]) -> list[JsonObject]:
    identity = IDENTITY.get(field)
    had, has = ({key_of(field, entry): entry for entry in entries} for entries in (before, after))
    found: list[JsonObject] = []
    for key in dict.fromkeys((*has, *had)):
        was, now = had.get(key), has.get(key)
        if was == now:
            continue
        item = None if identity is None else dict(zip(identity, key, strict=True))
        if was is None or now is None:
            found.append(_one(field, was, now, item))
        else:
            found += _of_objects(field, was, now, item)
    kept = [key for key in had if key in has]
    if kept != [key for key in has if key in had]:
        found.append(
            {"field": field, "change": "reordered", "item": None, "before": None, "after": None}
        )
    return found
