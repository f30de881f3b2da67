"""JSON merge patch (RFC 7396): null removes a field, objects are merged, all else is replaced."""

from typing import Annotated, Any, TypeVar

from fastapi import Body
from pydantic import BaseModel, ValidationError

from shared.problems import InvalidValues, field_errors
from shared.records import JsonObject

MergePatch = Annotated[
    JsonObject, Body(description="A JSON merge patch (RFC 7396): null removes, lists replace.")
]

_Write = TypeVar("_Write", bound=BaseModel)

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


def patched(old: _Write, patch: JsonObject, noun: str) -> _Write:
    """What is written of a record after `patch`, held to all rules; `noun` names the record.

    Raises:
        InvalidValues: it breaks a rule.
    """
    merged = merge_patch(old.model_dump(mode="json"), patch)
    try:
        return type(old).model_validate(merged)
    except ValidationError as error:
        found = field_errors(error.errors(include_url=False))
        raise InvalidValues(
            f"The {noun} would not be valid after this patch. First: "
            f"{found[0].pointer or 'the record'}: {found[0].detail}.",
            errors=found,
        ) from error
