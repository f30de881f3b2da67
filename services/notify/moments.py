"""Moments as they are written in requests: RFC 3339, with a time zone."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, WithJsonSchema

_FORM = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_ADVICE = "write it as 2026-11-25T10:00:00Z (RFC 3339; in an address, + is %2B)"


def _written(value: object) -> object:
    if isinstance(value, str) and not _FORM.fullmatch(value):
        raise ValueError(_ADVICE)
    if not isinstance(value, str | datetime):
        raise ValueError(_ADVICE)
    return value


def _in_utc(value: datetime) -> datetime:
    # Years at the ends of the calendar have no UTC in every time zone.
    if not 1970 < value.year < 9999:
        raise ValueError("it is not in this age")
    return value.astimezone(UTC)


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_written),
    AfterValidator(_in_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-25T10:00:00Z"]}),
]
"""A moment, in UTC."""
