"""Who may see what: the one place that cuts a record or an event down to its reader.

The directory's answers, the search index, notify's messages and the change feed all go through
`cut_partner` and `cut_event`; nothing else decides what a reader gets.
"""

from datetime import UTC, date, datetime
from typing import Any

from shared.events import EVENT_TYPES
from shared.records import JsonObject
from shared.vocabulary import (
    AssuranceStatus,
    Flag,
    PartnerStatus,
    Role,
    VerificationStatus,
    Visibility,
)

_TOLD = frozenset(EVENT_TYPES)
_BOOKKEEPING = {"version", "modified_at"}
_FAILED = {VerificationStatus.expired.value, VerificationStatus.bounced.value}
_FLAG_OF_ASSURANCE = {
    AssuranceStatus.due.value: Flag.assurance_due,
    AssuranceStatus.overdue.value: Flag.assurance_overdue,
    AssuranceStatus.disputed.value: Flag.disputed,
}
_RANK = {Visibility.public: 0, Visibility.member: 1, Visibility.secretariat: 2}


def may_see(audience: Visibility | str, visibility: Visibility | str) -> bool:
    """Whether a reader of `audience` may see a value of `visibility`."""
    return _RANK[Visibility(audience)] >= _RANK[Visibility(visibility)]


def audience_of_role(role: Role | None) -> Visibility:
    """The audience an account of `role` belongs to; nobody in particular is the public.

    Our own services are given member level, because secretariat values never enter an event.
    """
    match role:
        case None:
            return Visibility.public
        case Role.member | Role.editor | Role.service:
            return Visibility.member
        case Role.secretariat:
            return Visibility.secretariat


def contact_point_visibility(contact_point: JsonObject) -> Visibility:
    """A person is shown to the public only where the person's consent is recorded."""
    stated = Visibility(contact_point["visibility"])
    if (
        stated is Visibility.public
        and contact_point["kind"] == "person"
        and contact_point["consent"] is None
    ):
        return Visibility.member
    return stated


def is_current(contact_point: JsonObject, today: date) -> bool:
    """Whether `today` lies within the contact point's days of use, both ends included."""
    first, last = contact_point["valid_from"], contact_point["valid_to"]
    day = today.isoformat()
    return (first is None or str(first) <= day) and (last is None or day <= str(last))


def has_expired(contact_point: JsonObject, today: date) -> bool:
    """Whether the contact point's last day of use has passed, or a check found that it fails."""
    last = contact_point["valid_to"]
    outlived = last is not None and str(last) < today.isoformat()
    return outlived or contact_point["verification"]["status"] in _FAILED


def flags_of(record: JsonObject, today: date) -> list[str]:
    """What a partner's record wants, judged from the values in `record` alone.

    A cut record is judged anew, so a flag never tells of a value its reader may not see. A body
    that has ceased need not be reachable, and a withdrawn record wants nothing any more.
    """
    if record["status"] == PartnerStatus.withdrawn:
        return []
    found = []
    if record["status"] == PartnerStatus.active:
        points = record["contact_points"]
        if not any(
            "single_point_of_contact" in point["purposes"] and is_current(point, today)
            for point in points
        ):
            found.append(Flag.no_single_point_of_contact.value)
        if any(has_expired(point, today) for point in points):
            found.append(Flag.contact_expired.value)
    if (flag := _FLAG_OF_ASSURANCE.get(record["assurance"]["status"])) is not None:
        found.append(flag.value)
    return found


def cut_partner(
    record: JsonObject, audience: Visibility | str, today: date | None = None
) -> JsonObject | None:
    """The partner as `audience` may see it, or None where it may not see it at all.

    `record` is the partner at the level of `audience` or above; it is not changed.
    """
    if not may_see(audience, record["visibility"]):
        return None
    cut = dict(record)
    cut["contact_points"] = [
        _cut_contact_point(contact_point, audience)
        for contact_point in record["contact_points"]
        if may_see(audience, contact_point_visibility(contact_point))
    ]
    cut["relationships"] = [
        relationship
        for relationship in record["relationships"]
        if may_see(audience, relationship["visibility"])
    ]
    if audience != Visibility.secretariat and record["assurance"]["assured_by"] is not None:
        cut["assurance"] = {**record["assurance"], "assured_by": None}
    cut["flags"] = flags_of(cut, today or datetime.now(UTC).date())
    return cut


def _cut_contact_point(contact_point: JsonObject, audience: Visibility | str) -> JsonObject:
    """Where a person's agreement is kept concerns nobody but who may have to show it."""
    consent = contact_point["consent"]
    if consent is None or audience == Visibility.secretariat:
        return contact_point
    return {**contact_point, "consent": {**consent, "reference": None}}


def changed_fields(before: JsonObject | None, after: JsonObject) -> list[str]:
    """Names of the fields that differ, bookkeeping left out; all of them where `before` is None."""
    if before is None:
        return sorted(after.keys() - _BOOKKEEPING)
    return sorted(
        field
        for field, value in after.items()
        if field not in _BOOKKEEPING and before.get(field) != value
    )


def cut_event(event: JsonObject, audience: Visibility | str) -> JsonObject | None:
    """The event as `audience` may see it, or None where it has nothing to tell that audience.

    On the log an event carries the member-level record and beside it, in `data.audiences`, what the
    change is to the public and to members: the names of the fields that changed for them and
    whether they could see the record before. That part never leaves; the rest is cut by it. A
    record that has gone out of sight comes as `record: null`, so that a follower forgets it.

    Inner events, and those of any type that is not known to be told, are for no audience.
    """
    if event["type"] not in _TOLD:
        return None
    data: dict[str, Any] = event["data"]
    told = {field: value for field, value in data.items() if field != "audiences"}
    if audience == Visibility.public and "actor" in told:
        told["actor"] = None
    view = data.get("audiences", {}).get("public" if audience == Visibility.public else "member")
    if view is None:
        return {**event, "data": told}
    if data["record"] is not None:
        told["record"] = cut_partner(data["record"], _at_most_member(audience))
    if told["record"] is None and not view["was_visible"]:
        return None
    if told["record"] is not None and not view["changed"]:
        return None
    told["changed"] = view["changed"]
    if "contact_point_ids" in told:
        told["contact_point_ids"] = view["erased"]
    return {**event, "data": told}


def _at_most_member(audience: Visibility | str) -> Visibility:
    return Visibility.public if audience == Visibility.public else Visibility.member
