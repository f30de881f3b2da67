"""How far records are from a place, and which of them lie within a circle around it.

tantivy has no geography: the records within a box around the circle are measured one by one.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from tantivy import DocAddress, FieldType, Occur, Query, Searcher

from services.search.filters import Near
from services.search.schema import build_schema

_EARTH_KM = 6_371.0088
"""Mean radius (IUGG)."""
_DEGREE_KM = 111.19
# So that rounding leaves nothing at the edge out of the box.
_MARGIN_DEGREES = 0.01

Box = tuple[float, float, float, float]
"""Lowest and highest latitude, lowest and highest longitude."""


def within_circle(searcher: Searcher, near: Near) -> Query:
    """Documents whose place is within the circle of `near`; blocks for some milliseconds."""
    boxes = Query.boolean_query([(Occur.Should, _within(box)) for box in _boxes_around(near)])
    hits = searcher.search(boxes, limit=searcher.num_docs + 1, count=False).hits
    kilometres, numbers = distances_of(searcher, [address for _, address in hits], near)
    inside = [number for km, number in zip(kilometres, numbers, strict=True) if km <= near.km]
    if not inside:
        return Query.empty_query()
    return Query.term_set_query(build_schema(), "id_number", inside)


def distances_of(
    searcher: Searcher, addresses: Sequence[DocAddress], near: Near
) -> tuple[list[float], list[int]]:
    """Kilometres from the middle of `near` to each document, and the numbers of their ids.

    A document without a place is infinitely far.
    """
    if not addresses:
        return [], []
    listed = list(addresses)
    lat = _degrees(searcher.fast_field_values("lat", listed))
    lon = _degrees(searcher.fast_field_values("lon", listed))
    numbers = [int(number or 0) for number in searcher.fast_field_values("id_number", listed)]
    half_lat, half_lon = (lat - np.radians(near.lat)) / 2, (lon - np.radians(near.lon)) / 2
    chord = (
        np.sin(half_lat) ** 2 + np.cos(lat) * np.cos(np.radians(near.lat)) * np.sin(half_lon) ** 2
    )
    kilometres = 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    rounded = np.where(np.isnan(kilometres), np.inf, np.round(kilometres, 3))
    return [float(km) for km in rounded], numbers


def _degrees(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.radians(
        np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    )


def _within(box: Box) -> Query:
    south, north, west, east = box
    schema = build_schema()
    return Query.boolean_query(
        [
            (Occur.Must, Query.range_query(schema, "lat", FieldType.Float, south, north)),
            (Occur.Must, Query.range_query(schema, "lon", FieldType.Float, west, east)),
        ]
    )


def _boxes_around(near: Near) -> Iterator[Box]:
    """One box, or two where the circle lies across the 180th meridian."""
    high = near.km / _DEGREE_KM + _MARGIN_DEGREES
    south, north = near.lat - high, near.lat + high
    # Towards the poles a degree of longitude is nothing: then all of them.
    narrowest = np.cos(np.radians(min(90.0, max(abs(south), abs(north)))))
    wide = 180.0 if narrowest < 1e-6 else min(180.0, high / float(narrowest) + _MARGIN_DEGREES)
    west, east = near.lon - wide, near.lon + wide
    south, north = max(-90.0, south), min(90.0, north)
    if wide >= 180.0:
        yield south, north, -180.0, 180.0
        return
    yield south, north, max(west, -180.0), min(east, 180.0)
    if west < -180.0:
        yield south, north, west + 360.0, 180.0
    if east > 180.0:
        yield south, north, -180.0, east - 360.0
