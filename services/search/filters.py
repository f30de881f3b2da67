"""What narrows a search down: chosen values, ranges and nearness, checked before they are used."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from services.search.schema import FACET_FIELDS
from shared.folding import folded_name
from shared.problems import FieldError
from shared.vocabulary import Level, Sector

KINDS = ("partner", "topic")
STATUSES = ("active", "inactive", "deprecated")
# Strands are topics too; they are apart because people choose by them.
FACETS = (*FACET_FIELDS, "strand")
RANGES = ("year", "created_at", "modified_at")
_MOST_CHOICES = 50
_LONGEST_CHOICE = 200
_COUNTRY = re.compile(r"[A-Z]{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEARS = (-5_000, 9_999)
_FARTHEST_KM = 20_100.0
"""A little more than half way around the earth: everywhere."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Range:
    """From one value to another, both included; None is no end."""

    lowest: int | None
    highest: int | None


@dataclass(frozen=True, slots=True)
class Near:
    """A place, in degrees (WGS 84), and how far from it one looks, in kilometres."""

    lat: float
    lon: float
    km: float


@dataclass(frozen=True, slots=True)
class Filters:
    """All that narrows a search down."""

    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values by facet: any of those of one facet, and all facets together."""
    ranges: Mapping[str, Range] = field(default_factory=dict)
    near: Near | None = None


class Complaints:
    """What is wrong with the parameters of a search, so that all of it is told at once."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, parameter: str, detail: str) -> None:
        """Note that something is wrong with `parameter`."""
        self.errors.append(FieldError(pointer=f"/query/{parameter}", detail=detail))


def read_filters(asked: Mapping[str, str | None], complaints: Complaints) -> Filters:
    """The filters of the parameters in `asked`; what is wrong with them goes to `complaints`."""
    chosen = {}
    ranges = {}
    seen: set[str] = set()
    # Most questions have no filter at all, so it is what was asked that is gone through.
    for name, text in asked.items():
        if text is None:
            continue
        if name in _CHECKS:
            values = read_choices(name, text, _CHECKS[name], complaints)
            if values:
                chosen[name] = values
        elif name.endswith("]"):
            ranged = name.partition("[")[0]
            # Both ends are read together, when the first of them comes up.
            if ranged not in RANGES or ranged in seen:
                continue
            seen.add(ranged)
            found = _read_range(ranged, asked, complaints)
            if found is not None:
                ranges[ranged] = found
    near = asked.get("near")
    return Filters(chosen, ranges, None if near is None else _read_near(near, complaints))


Check = Callable[[str], tuple[str, str | None]]
"""Gives the value as it is filtered by, and what is wrong with it."""


def read_choices(name: str, text: str, check: Check, complaints: Complaints) -> tuple[str, ...]:
    """The values of a list with commas, each checked."""
    values = [value.strip() for value in text.split(",") if value.strip()]
    if len(values) > _MOST_CHOICES:
        complaints.add(name, f"has over {_MOST_CHOICES} values")
        return ()
    found = []
    for value in values:
        checked, complaint = check(value)
        if len(value) > _LONGEST_CHOICE:
            complaint = f"has a value of over {_LONGEST_CHOICE} characters"
        if complaint is not None:
            complaints.add(name, complaint)
        found.append(checked)
    return tuple(dict.fromkeys(found))


def one_of(allowed: tuple[str, ...]) -> Check:
    """A check for a value of a closed list, whatever its case."""

    def check(value: str) -> tuple[str, str | None]:
        found = value.lower()
        return found, None if found in allowed else f"must be of {', '.join(allowed)}"

    return check


def _country(value: str) -> tuple[str, str | None]:
    code = value.upper()
    right = _COUNTRY.fullmatch(code) is not None
    return code, None if right else "must be ISO 3166-1 alpha-2 codes such as GB"


def _year(value: str) -> tuple[str, str | None]:
    if not re.fullmatch(r"-?[0-9]{1,4}", value):
        return value, "must be years such as 1998"
    return str(int(value)), None


def _as_it_is(value: str) -> tuple[str, str | None]:
    return value, None


_CHECKS: dict[str, Check] = {
    "kind": one_of(KINDS),
    "level": one_of(tuple(Level)),
    "sector": one_of(tuple(Sector)),
    "country": _country,
    "area": lambda value: (folded_name(value), None),
    "topic": _as_it_is,
    "strand": _as_it_is,
    "status": one_of(STATUSES),
    "year": _year,
}


def _read_range(name: str, asked: Mapping[str, str | None], complaints: Complaints) -> Range | None:
    ends: list[int | None] = []
    for operator in ("gte", "lte"):
        parameter = f"{name}[{operator}]"
        text = asked.get(parameter)
        read = _read_year if name == "year" else _read_moment
        ends.append(None if text is None else read(parameter, text, complaints))
    lowest, highest = ends
    return None if lowest is None and highest is None else Range(lowest, highest)


def _read_year(parameter: str, text: str, complaints: Complaints) -> int | None:
    if not re.fullmatch(r"-?[0-9]{1,4}", text):
        complaints.add(parameter, "must be a year such as 1998")
        return None
    return max(_YEARS[0], min(int(text), _YEARS[1]))


def _read_moment(parameter: str, text: str, complaints: Complaints) -> int | None:
    """Microseconds since 1970; a day stands for its first, or at the upper end for its last."""
    try:
        if _DAY.fullmatch(text):
            moment = datetime.combine(date.fromisoformat(text), time(), UTC)
            if parameter.endswith("[lte]"):
                moment += timedelta(days=1, microseconds=-1)
        else:
            # A plus in a query string arrives as a space.
            moment = datetime.fromisoformat(text.replace(" ", "+"))
            moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        complaints.add(
            parameter, "must be a day such as 2026-01-31 or a moment such as 2026-01-31T12:00:00Z"
        )
        return None


def _read_near(text: str, complaints: Complaints) -> Near | None:
    try:
        lat, lon, km = (float(part) for part in text.split(","))
    except ValueError:
        lat = lon = km = float("nan")
    # Written so that what is no number fails as well.
    if not (-90 <= lat <= 90 and -180 <= lon <= 180 and 0 < km <= _FARTHEST_KM):
        complaints.add(
            "near",
            "must be latitude, longitude and kilometres with commas, such as 52.08,4.31,50: "
            f"-90 to 90, -180 to 180, above 0 and up to {_FARTHEST_KM:.0f}",
        )
        return None
    return Near(lat, lon, km)
