"""Places as the Research Organization Registry writes them: GeoNames ids with details beside them.

Our record keeps the seat. Of the seat's details it has no place for the subdivision, and none for
further places; those are source values:

- `seat`: `[geonames_id, country, subdivision code, subdivision name]`; without the last two where
  the record has the short details of old ones; or the whole place where it says something else.
- `further_places`: as they came.
"""

from typing import Any

from services.directory.formats.geonames_countries import CONTINENTS, COUNTRIES
from services.directory.formats.text import plain_text
from shared.records import JsonObject

_ONLY_IN_FULL = (
    "continent_code",
    "continent_name",
    "country_subdivision_code",
    "country_subdivision_name",
)


def read_place(place: JsonObject) -> tuple[str | None, JsonObject]:
    """The country and the `location` of a partner that has its seat there."""
    details = place["geonames_details"]
    lat, lon = details.get("lat"), details.get("lng")
    if lat is None or lon is None:
        lat = lon = None
    return details.get("country_code"), {
        "lat": lat,
        "lon": lon,
        "place": plain_text(details["name"]),
        "geonames_id": place["geonames_id"],
    }


def seat_values(place: JsonObject) -> Any:
    """What is kept beside the record so that the place of the seat can be given back."""
    details = place["geonames_details"]
    country = details.get("country_code")
    seat = [place["geonames_id"], country]
    if "continent_code" in details:
        seat += [
            details.get("country_subdivision_code"),
            details.get("country_subdivision_name"),
        ]
    _, location = read_place(place)
    return seat if _place_of(country, location, seat) == place else place


def write_places(record: JsonObject, source: JsonObject) -> list[JsonObject]:
    """The places of a partner, its seat first; none where it has no place that GeoNames knows."""
    further: list[JsonObject] = source.get("further_places", [])
    location = record["location"]
    if location is None or location["geonames_id"] is None or location["place"] is None:
        return further
    seat = _place_of(record["country"], location, source.get("seat"))
    return [seat, *(place for place in further if place != seat)]


def _place_of(country: str | None, location: JsonObject, seat: Any) -> JsonObject:
    if isinstance(seat, dict) and read_place(seat) == (country, location):
        return seat
    name, continent = COUNTRIES.get(country or "", (None, None))
    details = {
        "continent_code": continent,
        "continent_name": CONTINENTS.get(continent or ""),
        "country_code": country,
        "country_name": name,
        "country_subdivision_code": None,
        "country_subdivision_name": None,
        "lat": location["lat"],
        "lng": location["lon"],
        "name": location["place"],
    }
    # What is known of another place does not hold for one to which the partner has moved.
    if isinstance(seat, list) and seat[:2] == [location["geonames_id"], country]:
        if len(seat) > 2:
            details["country_subdivision_code"], details["country_subdivision_name"] = seat[2:]
        else:
            for field in _ONLY_IN_FULL:
                del details[field]
    return {"geonames_id": location["geonames_id"], "geonames_details": details}
