"""What tells one entry of a record's list from another."""

from typing import Any

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


def key_of(field: str, entry: Any) -> Any:
    """What makes `entry` the entry that it is in the list `field`."""
    identity = IDENTITY.get(field)
    return entry if identity is None else tuple(entry[part] for part in identity)
