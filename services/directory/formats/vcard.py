"""Partners as vCards 4.0 (RFC 6350): one for the partner, one for each person to contact."""

from collections.abc import Iterable, Iterator

from services.directory.formats.text import as_uri
from shared.records import JsonObject

_LONGEST_LINE = 75


def write_vcards(record: JsonObject, address: str) -> str:
    """The partner's record, cut for its reader; `address` is where it is read."""
    points = record["contact_points"]
    people = [point for point in points if point["kind"] == "person"]
    cards = [_of_partner(record, address, [point for point in points if point not in people])]
    cards += [_of_person(point, record, address) for point in people]
    return "".join(_card(lines) for lines in cards)


def _of_partner(record: JsonObject, address: str, points: list[JsonObject]) -> Iterator[str]:
    shown = _display_name(record)
    yield "KIND:org"
    yield f"UID:urn:uuid:{record['id']}"
    yield f"FN:{_text(shown)}"
    yield f"ORG:{_text(shown)}"
    others = [name["value"] for name in record["names"] if name["value"] != shown]
    if others:
        yield f"NICKNAME:{_texts(others)}"
    yield from _common(record, address)
    for language, text in record["description"].items():
        yield f"NOTE;LANGUAGE={language}:{_text(text)}"
    if record["sectors"]:
        yield f"CATEGORIES:{_texts(record['sectors'])}"
    for link in record["links"]:
        yield f"URL:{as_uri(link['url'])}"
    location = record["location"]
    if location is not None and location["lat"] is not None:
        yield f"GEO:geo:{location['lat']:.6f},{location['lon']:.6f}"
    place = (location or {}).get("place") or ""
    if place or record["country"]:
        yield f"ADR;TYPE=work:;;;{_text(place)};;;{record['country'] or ''}"
    for point in points:
        yield from _channels(point)


def _of_person(point: JsonObject, record: JsonObject, address: str) -> Iterator[str]:
    yield "KIND:individual"
    yield f"UID:urn:uuid:{point['id']}"
    yield f"FN:{_text(point['name'])}"
    department = f";{_text(point['department'])}" if point["department"] else ""
    yield f"ORG:{_text(_display_name(record))}{department}"
    if point["title"]:
        yield f"TITLE:{_text(point['title'])}"
    yield f"CATEGORIES:{_texts(point['purposes'])}"
    for place, language in enumerate(point["languages"], 1):
        yield f"LANG;PREF={min(place, 100)}:{language}"
    yield from _common(record, address)
    yield from _channels(point)


def _common(record: JsonObject, address: str) -> Iterator[str]:
    yield f"SOURCE:{as_uri(address)}"
    # 2026-01-31T09:30:00.123456Z, without what the basic format of ISO 8601 leaves out.
    day, _, time = record["modified_at"].partition("T")
    yield f"REV:{day.replace('-', '')}T{time[:8].replace(':', '')}Z"


def _channels(point: JsonObject) -> Iterator[str]:
    for channel in point["channels"]:
        preferred = ";PREF=1" if channel["preferred"] else ""
        value = channel["value"]
        match channel["kind"]:
            case "email":
                yield f"EMAIL;TYPE=work{preferred}:{_text(value)}"
            case "phone":
                yield f"TEL;VALUE=uri;TYPE=work{preferred}:tel:{value}"
            case "url":
                yield f"URL;TYPE=work{preferred}:{as_uri(value)}"
            case "post":
                yield f'ADR;TYPE=work{preferred};LABEL="{_parameter(value)}":;;;;;;'


def _display_name(record: JsonObject) -> str:
    return next(str(name["value"]) for name in record["names"] if "display" in name["kinds"])


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return escaped.replace("\n", "\\n")


def _texts(texts: Iterable[str]) -> str:
    return ",".join(map(_text, texts))


def _parameter(text: str) -> str:
    """RFC 6868: a parameter's value has neither quotation marks nor line ends."""
    return text.replace("^", "^^").replace("\n", "^n").replace('"', "^'")


def _card(lines: Iterable[str]) -> str:
    folded = "".join(map(_folded, lines))
    return f"BEGIN:VCARD\r\nVERSION:4.0\r\n{folded}END:VCARD\r\n"


def _folded(line: str) -> str:
    """RFC 6350, 3.2: at most 75 octets a line, no character parted, a space before what goes on."""
    parts: list[str] = []
    part, length = "", 0
    for character in line:
        octets = len(character.encode())
        if length + octets > _LONGEST_LINE:
            parts.append(part)
            part, length = " ", 1
        part, length = part + character, length + octets
    return "\r\n".join([*parts, part]) + "\r\n"
