"""What tells one entry of a record's list from another."""

from typing import Any

from shared.records import JsonObject

# It is the same entry, edited, where these values are equal; entries of other lists are plain.
IDENTITY: dict[str, tuple[str, ...]] = {
    "names": ("value", "lang"),
    "areas": ("code", "name"),
    "links": ("kind", "url"),
    "external_ids": ("scheme", "value"),
    "topics": ("topic_id", "role"),
    "relationships": ("kind", "partner_id"),
    "contact_points": ("id",),
}


# What a contact point has beside what it says.
_NOT_SAID = {"id", "verification"}


def said_by(point: JsonObject) -> JsonObject:
    """What a contact point says: two that say the same are one desk, whatever their ids."""
    return {name: value for name, value in point.items() if name not in _NOT_SAID}


def key_of(field: str, entry: Any) -> Any:
    """What makes `entry` the entry that it is in the list `field`."""
    identity = IDENTITY.get(field)
    return entry if identity is None else tuple(entry[part] for part in identity)
