"""The outbox: events written in the transaction of their cause. It is the log itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.models import EventLogRow, OutboxRow, outbox_table
from services.directory.rendering import SHOWN_ON
from shared.audience import (
    changed_fields,
    contact_point_visibility,
    cut_event,
    cut_partner,
    may_see,
)
from shared.erasing import CONTACT_ERASED
from shared.records import JsonObject
from shared.request_context import current_traceparent
from shared.tokens import Caller
from shared.vocabulary import Role, Visibility

SOURCE = "/directory"
TOUCHED = "touched_records"
# Any number of our own; see stand_in_line.
_POSTGRES_LINE = 7_231_005
_STAND_IN_LINE = text(f"SELECT pg_advisory_xact_lock({_POSTGRES_LINE})")


async def stand_in_line(session: AsyncSession) -> None:
    """Wait until no other transaction writes; SQLite does that by itself.

    One writer at a time makes the order of commits the order of the outbox, and lets a change
    touch several partners (both ends of a relationship, a circle of parents) without deadlocks.
    """
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(_STAND_IN_LINE)


def event_columns(
    event_type: str, subject: UUID, data: JsonObject, public_url: str
) -> dict[str, Any]:
    """The row of the outbox for an event that happens now."""
    event_id = uuid7()
    event = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": SOURCE,
        "type": event_type,
        "subject": str(subject),
        "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"{public_url}/event-schemas/{event_type}",
        "traceparent": current_traceparent(),
        "data": data,
    }
    if event["traceparent"] is None:
        del event["traceparent"]
    return {
        "event_id": event_id,
        "type": event_type,
        "subject": str(subject),
        "event": orjson.dumps(event),
    }


def tell_of(session: AsyncSession, subjects: Iterable[UUID]) -> None:
    """Leave word of the records that a transaction has changed, for when it has committed."""
    session.info.setdefault(TOUCHED, set()).update(subjects)


def _append(session: AsyncSession, event_type: str, subject: UUID, data: JsonObject) -> OutboxRow:
    row = OutboxRow(**event_columns(event_type, subject, data, session.info["public_url"]))
    session.add(row)
    tell_of(session, [subject])
    return row


def _actor(caller: Caller | None) -> JsonObject:
    if caller is None:
        return {"account_id": None, "role": None}
    return {"account_id": str(caller.account_id), "role": caller.role}


def partner_event_data(
    before: JsonObject | None,
    after: JsonObject,
    caller: Caller | None,
    before_on: date | None = None,
    shown: Mapping[Visibility, JsonObject | None] | None = None,
) -> JsonObject:
    """What an event says of a partner that went from `before` to `after`, at secretariat level.

    `before_on` is the day as of which `before` was shown, where it was not today. `shown` is
    `after` as the public and members see it, where somebody has cut it already.
    """
    audiences: dict[str, Any] = {}
    member_record = None
    changed: list[str] = []
    for audience in (Visibility.public, Visibility.member):
        was = None if before is None else cut_partner(before, audience, before_on)
        now = cut_partner(after, audience) if shown is None else shown[audience]
        changed = [] if now is None else changed_fields(was, now)
        audiences[audience.value] = {"was_visible": was is not None, "changed": changed}
        member_record = now
    return {
        "record": member_record,
        "changed": changed,
        "actor": _actor(caller),
        "audiences": audiences,
    }


def append_partner_event(
    session: AsyncSession,
    event_type: str,
    before: JsonObject | None,
    after: JsonObject,
    caller: Caller | None,
) -> None:
    """Write down that a partner went from `before` to `after`, both at secretariat level."""
    # A flag that has come by the passing of time is a change as well.
    before_on = session.info.get(SHOWN_ON, {}).get(after["id"])
    data = partner_event_data(before, after, caller, before_on)
    _append(session, event_type, UUID(after["id"]), data)


def append_erasure_event(
    session: AsyncSession,
    before: JsonObject,
    after: JsonObject,
    erased: Mapping[str, Sequence[JsonObject]],
    caller: Caller,
) -> OutboxRow:
    """Write down that contact points were erased, for each audience that could ever see them.

    `before` and `after` are the partner's whole records, `erased` what each contact point, by its
    id, has ever been. A contact point may have been gone from the record long before.
    """
    before_on = session.info.get(SHOWN_ON, {}).get(after["id"])
    data = partner_event_data(before, after, caller, before_on)
    for audience, view in data["audiences"].items():
        view["erased"] = sorted(
            point_id
            for point_id, forms in erased.items()
            if any(may_see(audience, contact_point_visibility(form)) for form in forms)
        )
        if view["erased"] and data["record"] is not None:
            view["changed"] = sorted({*view["changed"], "contact_points"})
    of_members = data["audiences"][Visibility.member.value]
    data |= {"changed": of_members["changed"], "contact_point_ids": of_members["erased"]}
    return _append(session, CONTACT_ERASED, UUID(after["id"]), data)


def append_topic_event(
    session: AsyncSession,
    event_type: str,
    before: JsonObject | None,
    after: JsonObject,
    caller: Caller,
) -> None:
    """Write down that a topic went from `before` to `after`."""
    data = {"record": after, "changed": changed_fields(before, after), "actor": _actor(caller)}
    _append(session, event_type, UUID(after["id"]), data)


def append_account_event(
    session: AsyncSession,
    event_type: str,
    before: JsonObject | None,
    after: JsonObject,
    caller: Caller | None,
) -> None:
    """Write down that an account went from `before` to `after`, for our own services alone."""
    data = {"account": after, "changed": changed_fields(before, after), "actor": _actor(caller)}
    _append(session, event_type, UUID(after["id"]), data)


def append_reminder(session: AsyncSession, account: JsonObject, about: JsonObject) -> None:
    """Write down that the owner of `account` is to be reminded, for our own services alone."""
    data = {"account": account, "changed": [], "actor": _actor(None), **about}
    _append(session, "account.reminded", UUID(account["id"]), data)


def append_confirmation_request(session: AsyncSession, about: JsonObject, caller: Caller) -> None:
    """Write down that a contact point is to be mailed, for our own services alone."""
    data = {**about, "actor": _actor(caller)}
    _append(session, "contact_point.confirmation_requested", UUID(about["partner_id"]), data)


def with_sequence(event: bytes, sequence: int) -> bytes:
    """The envelope as it is on the log. Spliced, because parsing it again would cost more."""
    return b'{"sequence":%d,' % sequence + event[1:]


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """A part of the log."""

    items: list[bytes]
    next_after: int
    log_id: UUID
    head: int


async def read_log(session: AsyncSession) -> EventLogRow:
    """The log's identity and head."""
    log: EventLogRow = (await session.execute(select(EventLogRow))).scalar_one()
    return log


async def read_changes(
    session: AsyncSession, caller: Caller, after: int, limit: int
) -> ChangesPage:
    """The events after sequence `after`, cut to the caller; our services get them whole.

    Events that say nothing to the caller are left out, so a page may be short or empty while
    `next_after` still moves on.
    """
    log = await read_log(session)
    rows = (
        await session.execute(
            select(outbox_table.c.sequence, outbox_table.c.event)
            .where(outbox_table.c.sequence > after)
            .order_by(outbox_table.c.sequence)
            .limit(limit)
        )
    ).all()
    events = [with_sequence(event, sequence) for sequence, event in rows]
    if caller.role is not Role.service:
        cut = (cut_event(orjson.loads(event), caller.audience) for event in events)
        events = [orjson.dumps(event) for event in cut if event is not None]
    return ChangesPage(
        items=events,
        next_after=rows[-1].sequence if rows else after,
        log_id=log.log_id,
        head=max(log.head, rows[-1].sequence if rows else 0),
    )
