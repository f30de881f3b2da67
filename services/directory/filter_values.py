"""Values of filters that are more than one word: several at once, and moments to compare with."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, StringConstraints

MAX_IDS = 200
MAX_VALUES = 50
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+ -][0-9:]{5})"
)
_COUNTRY = re.compile(r"[A-Z]{2}")


def values_of(text: str) -> list[str]:
    """The values in `text`, which commas part, each once."""
    return list(dict.fromkeys(value.strip() for value in text.split(",")))


def _several(text: str, limit: int = MAX_VALUES) -> list[str]:
    values = values_of(text)
    if len(values) > limit:
        raise ValueError(f"holds {len(values)} values, {limit} are possible")
    return values


def each_of(kind: type[StrEnum]) -> Callable[[str], str]:
    """A check that a text has values of `kind` alone, parted by commas."""
    possible = [value.value for value in kind]

    def check(text: str) -> str:
        for value in _several(text):
            if value not in possible:
                raise ValueError(f"{value[:100]!r} is not possible; use {', '.join(possible)}")
        return text

    return check


def _countries(text: str) -> str:
    for value in _several(text):
        if not _COUNTRY.fullmatch(value):
            raise ValueError(f"{value[:100]!r} is not a country such as GB (ISO 3166-1 alpha-2)")
    return text


def _ids(text: str) -> str:
    for value in _several(text, MAX_IDS):
        try:
            UUID(value)
        except ValueError as error:
            raise ValueError(f"{value[:100]!r} is not an id") from error
    return text


Several = StringConstraints(max_length=1_000)
Countries = Annotated[str, Several, AfterValidator(_countries)]
Ids = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_ids)]


@dataclass(frozen=True, slots=True)
class Span:
    """What is written as a time: a moment, or a whole day in UTC."""

    begins_at: datetime
    ends_at: datetime
    """The first moment after a day; of a moment, the moment itself."""

    @property
    def is_day(self) -> bool:
        """Whether it has a length."""
        return self.begins_at != self.ends_at


def span_of(text: str) -> Span:
    """The time that `text` names.

    Raises:
        ValueError: it is neither a day nor a moment after RFC 3339, or the calendar ends before.
    """
    try:
        if _DAY.fullmatch(text):
            begins_at = datetime.combine(date.fromisoformat(text), time(), UTC)
            last = begins_at.date() == date.max
            return Span(begins_at, begins_at + timedelta(days=0 if last else 1))
        if _MOMENT.fullmatch(text):
            # A plus that was not escaped comes as a space.
            moment = datetime.fromisoformat(text.upper().replace(" ", "+")).astimezone(UTC)
            return Span(moment, moment)
    except OverflowError as error:
        raise ValueError("lies outside of the calendar") from error
    raise ValueError("must be a day such as 2026-01-31 or a moment such as 2026-01-31T12:00:00Z")


def _time(text: str) -> str:
    span_of(text)
    return text


When = Annotated[str, StringConstraints(max_length=40), AfterValidator(_time)]
