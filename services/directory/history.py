"""The history of partners: every version is kept, with who made it, when and why.

Whoever may see a value today may not have been meant to see what stood there before: so history
is for the secretariat and for the partner's own editors alone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, Field
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.differences import differences
from services.directory.duplicates.storing import keep_for_comparison
from services.directory.models import PartnerVersionRow, partner_table, partner_version_table
from services.directory.outbox import append_partner_event
from services.directory.partner_access import check_keeps_record
from services.directory.rendering import aware
from shared.event_data import Actor
from shared.paging import decode_cursor, encode_cursor
from shared.problems import InvalidValues, NotFound
from shared.records import JsonObject
from shared.tokens import Caller

_VERSION = partner_version_table.c
# The version that is current has its record in the partner's own row.
_RECORD = func.coalesce(_VERSION.record, partner_table.c.secretariat).label("record")
_LARGEST = 2**31 - 1


class Difference(BaseModel):
    """One value that differs from the version before."""

    field: str = Field(
        description="The field; `field.inner` where a part of a value, or of an entry, differs.",
        examples=["description.en"],
    )
    change: Literal["added", "removed", "changed", "reordered"] = Field(
        description="What became of it; `reordered`: the entries of a list stand in another order."
    )
    item: dict[str, Any] | None = Field(
        description="Of an entry in a list: the values that make it that entry."
    )
    before: Any = Field(description="What stood there before; null where nothing did.")
    after: Any = Field(description="What stands there since; null where nothing does.")


class PartnerVersion(BaseModel):
    """One version of a partner."""

    version: int = Field(description="Its number, the ETag of then.")
    at: datetime = Field(description="When it came about.")
    event: str | None = Field(
        description="The type of the event that told of it; null where history began later.",
        examples=["partner.updated"],
    )
    actor: Actor = Field(description="Who made it.")
    reason: str | None = Field(description="Why, in the words of who made it.")
    differences: list[Difference] | None = Field(
        description="From the version before; null for the first that is known."
    )


class HistoryPage(BaseModel):
    """A page of versions."""

    items: list[PartnerVersion] = Field(description="The versions, the newest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


async def partner_changed(
    session: AsyncSession,
    event_type: str,
    before: JsonObject | None,
    after: JsonObject,
    caller: Caller | None,
    reason: str | None = None,
) -> None:
    """Write down that a partner went from `before` to `after`: on the log and in its history.

    Both are the whole record, as the secretariat reads it.
    """
    append_partner_event(session, event_type, before, after, caller)
    await keep_for_comparison(session, before, after)
    await keep_version(session, event_type, before, after, caller, reason)


async def keep_version(
    session: AsyncSession,
    event_type: str,
    before: JsonObject | None,
    after: JsonObject,
    caller: Caller | None,
    reason: str | None = None,
) -> None:
    """Write down the version `after`, and what the one before it was; both whole records."""
    partner_id = UUID(after["id"])
    if before is not None:
        await session.execute(
            update(partner_version_table)
            .where(_VERSION.partner_id == partner_id, _VERSION.version == before["version"])
            .values(record=orjson.dumps(before))
        )
    session.add(
        PartnerVersionRow(
            **version_columns(partner_id, after["version"], event_type, caller, reason)
        )
    )


def version_columns(
    partner_id: UUID, version: int, event_type: str, caller: Caller | None, reason: str | None
) -> dict[str, Any]:
    """The row of history for a version that comes about now."""
    return {
        "partner_id": partner_id,
        "version": version,
        "at": datetime.now(UTC),
        "event": event_type,
        "account_id": None if caller is None else caller.account_id,
        "role": None if caller is None or caller.role is None else caller.role.value,
        "reason": reason,
    }


async def history_of(
    session: AsyncSession, partner_id: UUID, caller: Caller, limit: int, cursor: str | None
) -> HistoryPage:
    """A page of the partner's versions, the newest first.

    Raises:
        NotFound, NotSignedIn, NotAllowed: as their names say.
        BadCursor: the cursor is not of this list.
    """
    await check_keeps_record(session, partner_id, caller)
    query = (
        select(partner_version_table, _RECORD)
        .join_from(partner_version_table, partner_table)
        .where(_VERSION.partner_id == partner_id)
        .order_by(_VERSION.version.desc())
        # One more: it says that there is a next page, and gives the last one its differences.
        .limit(limit + 1)
    )
    if cursor is not None:
        (last,) = decode_cursor(cursor, int)
        query = query.where(_VERSION.version < min(last, _LARGEST))
    rows = (await session.execute(query)).all()
    records = [orjson.loads(row[-1]) for row in rows]
    items = []
    for at, row in enumerate(rows[:limit]):
        differ = None
        if at + 1 < len(rows):
            differ = differences(records[at + 1], records[at])
        elif row.event == "partner.created":
            differ = differences({}, records[at])
        items.append(_shown(row, differ))
    following = encode_cursor(items[-1].version) if len(rows) > limit else None
    return HistoryPage(items=items, next=following)


def _shown(row: Any, differ: list[JsonObject] | None) -> PartnerVersion:
    return PartnerVersion(
        version=row.version,
        at=aware(row.at),
        event=row.event,
        actor=Actor(account_id=row.account_id, role=row.role),
        reason=row.reason,
        differences=None if differ is None else [Difference(**one) for one in differ],
    )


@dataclass(frozen=True, slots=True)
class PastRecord:
    """A partner as it was."""

    version: int
    at: datetime
    record: bytes
    """The whole record as JSON, as the secretariat reads it."""


async def record_at(
    session: AsyncSession, partner_id: UUID, caller: Caller, wanted: str
) -> PastRecord:
    """The partner as it was at a time, or in a version.

    Raises:
        NotFound: there is no such partner to be seen, or it was not there at that time.
        NotSignedIn, NotAllowed: as their names say.
        InvalidValues: `wanted` is neither a time nor a version.
    """
    await check_keeps_record(session, partner_id, caller)
    found = _version_or_time(wanted)
    return await _find(session, partner_id, wanted, found)


async def record_of_version(session: AsyncSession, partner_id: UUID, version: int) -> JsonObject:
    """The whole record of a partner in a version, for whoever may see all of it.

    Raises:
        NotFound: there is no such version.
    """
    past = await _find(session, partner_id, f"version {version}", version)
    record: JsonObject = orjson.loads(past.record)
    return record


async def _find(
    session: AsyncSession, partner_id: UUID, wanted: str, found: int | datetime
) -> PastRecord:
    condition = _VERSION.version == found if isinstance(found, int) else _VERSION.at <= found
    row = (
        await session.execute(
            select(_VERSION.version, _VERSION.at, _RECORD)
            .join_from(partner_version_table, partner_table)
            .where(_VERSION.partner_id == partner_id, condition)
            .order_by(_VERSION.version.desc())
            .limit(1)
        )
    ).first()
    if row is None:
        raise NotFound(
            f"Of partner {partner_id} nothing is known at {wanted!r}; see "
            f"GET /partners/{partner_id}/history."
        )
    return PastRecord(row.version, aware(row.at), row.record)


def _version_or_time(wanted: str) -> int | datetime:
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= len(str(_LARGEST)):
        return min(int(wanted), _LARGEST)
    try:
        # The + of a time zone that was not escaped arrives as a space.
        moment = datetime.fromisoformat(wanted.replace(" ", "+") if "T" in wanted else wanted)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValues(
            "`at` is a version such as 3, a day such as 2026-11-26 (its beginning, UTC), or a time "
            "such as 2026-11-26T10:00:00Z."
        ) from error
