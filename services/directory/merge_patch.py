"""JSON merge patch (RFC 7396): null removes a field, objects are merged, all else is replaced."""

from typing import Annotated, Any

from fastapi import Body

from shared.records import JsonObject

MergePatch = Annotated[
    JsonObject, Body(description="A JSON merge patch (RFC 7396): null removes, lists replace.")
]


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` changed by `patch` as RFC 7396, section 2, lays down."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for field, value in patch.items():
        if value is None:
            result.pop(field, None)
        else:
            result[field] = merge_patch(result.get(field), value)
    return result
