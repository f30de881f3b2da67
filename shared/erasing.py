"""Forgetting contact points in what was kept of a partner: its records, and events about it."""

from collections.abc import Collection

from shared.records import JsonObject

CONTACT_ERASED = "partner.contact_erased"
_OF_MAIL = ("contact_point_name", "recipient", "link")


def without_contact_points(record: JsonObject, ids: Collection[str]) -> JsonObject:
    """The partner's `record` without the contact points of `ids`; nothing else differs."""
    left = [point for point in record["contact_points"] if point["id"] not in ids]
    return {**record, "contact_points": left}


def with_contact_points_forgotten(event: JsonObject, ids: Collection[str]) -> JsonObject:
    """The `event` as it would be if the contact points of `ids` had never been in its record.

    What it says of the change stays: that a field differed, who did it, and when. Of one that had a
    contact point mailed it stays that it was, not whom it reached.
    """
    data = event["data"]
    if data.get("contact_point_id") in ids:
        return {**event, "data": {**data, **dict.fromkeys(_OF_MAIL)}}
    if data.get("record") is None:
        return event
    return {**event, "data": {**data, "record": without_contact_points(data["record"], ids)}}
