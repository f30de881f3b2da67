"""JSON merge patch (RFC 7396): null removes a field, objects are merged, all else is replaced."""

from typing import Annotated, Any

from fastapi import Body

from shared.problems import InvalidValues
from shared.records import JsonObject

MergePatch = Annotated[
    JsonObject, Body(description="A JSON merge patch (RFC 7396): null removes, lists replace.")
]


# No record is nearly so deep; without a limit a deep patch would run into Python's own.
_DEEPEST = 50


def merge_patch(target: Any, patch: Any, depth: int = 0) -> Any:
    """`target` changed by `patch` as RFC 7396, section 2, lays down.

    Raises:
        InvalidValues: the patch has objects within objects over more than fifty steps.
    """
    if not isinstance(patch, dict):
        return patch
    if depth > _DEEPEST:
        raise InvalidValues(f"No record has objects within objects over {_DEEPEST} steps.")
    result = dict(target) if isinstance(target, dict) else {}
    for field, value in patch.items():
        if value is None:
            result.pop(field, None)
        else:
            result[field] = merge_patch(result.get(field), value, depth + 1)
    return result
