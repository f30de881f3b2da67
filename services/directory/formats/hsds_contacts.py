"""Contact points as contacts of HSDS, both ways.

HSDS has a contact's name, title, department, one e-mail address and telephone numbers. Its kind and
its purposes go out as attributes of two taxonomies of ours, and come in from them. A contact of
others is taken for a person where it has a name: a person is not shown to the public without
consent. Nothing that HSDS cannot say (hours, procedure, visibility …) is lost to a contact point
that is there.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid5

import phonenumbers

from services.directory.formats.incoming import UnreadableRecord
from services.directory.formats.text import plain_text
from shared.records import JsonObject
from shared.vocabulary import ContactPointKind, ContactPurpose

_KIND, _PURPOSE = "contact kind", "contact purpose"
_TEXTS = ("name", "title", "department")


def write_contact(point: JsonObject, partner_id: str) -> JsonObject:
    """A contact point as a contact."""
    point_id = UUID(point["id"])
    codes = dict.fromkeys(tag.partition("-")[0] for tag in point["languages"])
    languages = [{"id": str(uuid5(point_id, code)), "code": code} for code in codes]
    phones = [
        {
            "id": str(uuid5(point_id, f"{place}:{channel['value']}")),
            "contact_id": point["id"],
            "number": channel["value"],
            **({"languages": languages} if languages else {}),
        }
        for place, channel in enumerate(_by_preference(point))
        if channel["kind"] == "phone"
    ]
    terms = [(_KIND, point["kind"]), *((_PURPOSE, one) for one in point["purposes"])]
    said = {
        "id": point["id"],
        "organization_id": partner_id,
        **{field: point[field] for field in _TEXTS},
        "email": reachable_by([point], "email"),
        "phones": phones,
        "attributes": [_attribute(point_id, taxonomy, word) for taxonomy, word in terms],
    }
    return {field: value for field, value in said.items() if value not in (None, [])}


def reachable_by(points: Iterable[JsonObject], kind: str) -> str | None:
    """The first address of `kind`; of a single point of contact where there is one."""
    first = sorted(points, key=lambda point: "single_point_of_contact" not in point["purposes"])
    found = (
        one
        for point in first
        for one in _by_preference(point)
        # Both HSDS and vCard know addresses in ASCII only.
        if one["kind"] == kind and one["value"].isascii()
    )
    return next((str(channel["value"]) for channel in found), None)


def read_contact_points(record: JsonObject, country: str | None) -> list[JsonObject]:
    """The organisation's contacts that can be reached, and its own e-mail address and telephones.

    Raises:
        UnreadableRecord: a telephone number cannot be told without knowing its country.
    """
    points = [
        _read_contact(contact, f"/contacts/{place}", country)
        for place, contact in enumerate(record.get("contacts") or ())
    ]
    named = {(one["kind"], one["value"]) for point in points for one in point["channels"]}
    general = [
        channel
        for channel in _channels(record, "", country)
        if (channel["kind"], channel["value"]) not in named
    ]
    if general:
        points.append({"kind": "service_desk", "purposes": ["general"], "channels": general})
    return [point for point in points if point["channels"]]


def combine_contact_points(said: list[JsonObject], has: list[JsonObject]) -> list[JsonObject]:
    """The partner's contact points, with what is said of them, and those that are new."""
    by_id = {point.get("id"): point for point in said}
    new = [
        {field: value for field, value in point.items() if field != "id"}
        for point in said
        if point.get("id") not in {one["id"] for one in has} and not _is_there(point, has)
    ]
    changed = [
        _changed(point, by_id[point["id"]]) if point["id"] in by_id else point for point in has
    ]
    return [*changed, *new]


def _changed(point: JsonObject, said: JsonObject) -> JsonObject:
    addresses = {one["value"] for one in said["channels"]}
    kept = [
        one
        for one in point["channels"]
        if one["value"] in addresses or not _replaced(one, point, said)
    ]
    known = {one["value"] for one in kept}
    added = [one for one in said["channels"] if one["value"] not in known]
    texts = {field: said[field] for field in _TEXTS if field in said}
    return {**point, **texts, "channels": [*added, *kept]}


def _replaced(channel: JsonObject, point: JsonObject, said: JsonObject) -> bool:
    """Whether HSDS would have said the channel of `point`, and now says another of its kind."""
    if not any(one["kind"] == channel["kind"] for one in said["channels"]):
        return False
    # It says one e-mail address only, so others stay.
    first: bool = channel["value"] == reachable_by([point], "email")
    return channel["kind"] == "phone" or first


def _is_there(point: JsonObject, has: list[JsonObject]) -> bool:
    wanted = {(one["kind"], one["value"]) for one in point["channels"]}
    return any(
        wanted <= {(one["kind"], one["value"]) for one in other["channels"]} for other in has
    )


def _by_preference(point: JsonObject) -> list[JsonObject]:
    return sorted(point["channels"], key=lambda channel: not channel["preferred"])


def _attribute(point_id: UUID, taxonomy: str, word: str) -> JsonObject:
    return {
        "id": str(uuid5(point_id, f"{taxonomy}:{word}")),
        "link_id": str(point_id),
        "link_entity": "contact",
        "taxonomy_term": {
            "id": str(uuid5(point_id, f"{taxonomy}:{word}:term")),
            "code": word,
            "name": word,
            "description": "",
            "taxonomy": taxonomy,
        },
    }


def _words(contact: JsonObject, taxonomy: str) -> list[str]:
    terms = (one.get("taxonomy_term") or {} for one in contact.get("attributes") or ())
    return [str(term.get("code")) for term in terms if term.get("taxonomy") == taxonomy]


def _read_contact(contact: JsonObject, where: str, country: str | None) -> JsonObject:
    point: JsonObject = {"id": contact["id"]}
    for field in _TEXTS:
        if text := plain_text(contact.get(field) or ""):
            point[field] = text
    kinds = [word for word in _words(contact, _KIND) if word in {*ContactPointKind}]
    purposes = [word for word in _words(contact, _PURPOSE) if word in {*ContactPurpose}]
    codes = dict.fromkeys(
        language["code"]
        for phone in contact.get("phones") or ()
        for language in phone.get("languages") or ()
        if language.get("code")
    )
    guess = "person" if "name" in point else "role"
    return {
        **point,
        "kind": kinds[0] if kinds else guess,
        "purposes": purposes or ["general"],
        "channels": _channels(contact, where, country),
        "languages": list(codes),
    }


def _channels(said: JsonObject, where: str, country: str | None) -> list[JsonObject]:
    channels: list[JsonObject] = []
    if email := plain_text(said.get("email") or ""):
        channels.append({"kind": "email", "value": email, "preferred": False})
    for place, phone in enumerate(said.get("phones") or ()):
        number = _number(phone["number"], f"{where}/phones/{place}/number", country)
        channels.append({"kind": "phone", "value": number, "preferred": False})
    return channels


def _number(given: Any, where: str, country: str | None) -> str:
    try:
        # Spreadsheets leave quotation marks around numbers.
        parsed = phonenumbers.parse(str(given).strip(' "'), country)
    except phonenumbers.NumberParseException:
        raise UnreadableRecord(
            f"{where}: {str(given)[:50]!r} is no telephone number with country code (+44 …), and "
            "no address says the country"
        ) from None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
