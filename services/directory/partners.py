"""Writing partners: each function is one change with its rules and its event, in one transaction.

The caller of these functions opens the transaction; none of them commits. Whatever a record shows
is covered by its version: a change that another record shows too (a name, a relationship, a
successor) raises that record's version as well.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import orjson
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.external_ids import claim_external_ids, release_external_ids
from services.directory.merge_patch import patched
from services.directory.models import (
    PartnerRow,
    PartnerTopicRow,
    SectorRow,
    partner_table,
    partner_topic_table,
    sector_table,
    topic_table,
)
from services.directory.outbox import append_partner_event, stand_in_line
from services.directory.partner_write import AssuranceWrite, PartnerWrite
from services.directory.relationships import drop_relationships, set_relationships
from services.directory.rendering import name_columns, render
from shared.audience import may_see
from shared.preconditions import check_version
from shared.problems import InvalidValues, NotAllowed, NotFound, Problem
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import PartnerStatus, Role

_NOT_CONTENT = {"level", "country", "status", "visibility", "relationships"}
REVIEW_PERIOD = "review_days"


class PartnerWithdrawn(Problem):
    """The partner's record was withdrawn and is not changed any more."""

    status, title, kind = 409, "The partner was withdrawn", "partner-withdrawn"


def _no_such_partner(partner_id: UUID) -> NotFound:
    return NotFound(f"There is no partner {partner_id}, or you may not see it.")


async def _load_for_change(
    session: AsyncSession, partner_id: UUID, expected: int, caller: Caller
) -> PartnerRow:
    await stand_in_line(session)
    row = await session.get(PartnerRow, partner_id)
    if row is None:
        raise _no_such_partner(partner_id)
    if not caller.edits(partner_id):
        if not may_see(caller.audience, row.visibility):
            raise _no_such_partner(partner_id)
        raise NotAllowed("Only the secretariat and the partner's own editors may change it.")
    if row.status == PartnerStatus.withdrawn.value:
        raise PartnerWithdrawn(
            "A withdrawn record is kept as it is. "
            + (f"Change its successor {row.successor_id}." if row.successor_id else "")
        )
    check_version(row.version, expected)
    return row


def _content_of(write: PartnerWrite, kept: Iterable[JsonObject]) -> JsonObject:
    """What of `write` goes into the content column; contact points keep their id and verification.

    Raises:
        InvalidValues: a contact point claims an id that the partner does not have.
    """
    content = write.model_dump(mode="json", exclude=_NOT_CONTENT)
    known = {point["id"]: point for point in kept}
    for point in content["contact_points"]:
        before = known.get(point["id"]) if point["id"] else None
        if point["id"] and before is None:
            raise InvalidValues(
                f"The partner has no contact point {point['id']}. Leave `id` out to add one."
            )
        point["id"] = point["id"] or str(uuid7())
        unchanged = before is not None and before["channels"] == point["channels"]
        point["verification"] = (
            before["verification"]
            if before is not None and unchanged
            else {"status": "unverified", "at": None, "method": None}
        )
    return content


async def _index_values(session: AsyncSession, row: PartnerRow, write: PartnerWrite) -> None:
    """Bring the tables by which partners are filtered in line with `write`."""
    topic_ids = {topic.topic_id for topic in write.topics}
    if topic_ids:
        rows = await session.execute(
            select(topic_table.c.id).where(topic_table.c.id.in_(topic_ids))
        )
        if missing := topic_ids - set(rows.scalars()):
            raise InvalidValues(
                f"There is no topic {', '.join(sorted(map(str, missing)))}; see GET /topics."
            )
    for table in (sector_table, partner_topic_table):
        await session.execute(delete(table).where(table.c.partner_id == row.id))
    session.add_all(SectorRow(partner_id=row.id, sector=sector) for sector in write.sectors)
    session.add_all(PartnerTopicRow(partner_id=row.id, topic_id=one) for one in topic_ids)


def _own_columns(row: PartnerRow, write: PartnerWrite) -> None:
    row.level, row.status = str(write.level), str(write.status)
    row.country, row.visibility = write.country, str(write.visibility)
    name_columns(row)


async def _touch(session: AsyncSession, partner_ids: Iterable[UUID], caller: Caller | None) -> None:
    """Render anew the partners that show something of one that was changed, and say so."""
    for partner_id in sorted(set(partner_ids)):
        row = await session.get(PartnerRow, partner_id)
        if row is None or row.status == PartnerStatus.withdrawn.value:
            continue
        before = orjson.loads(row.secretariat)
        row.version += 1
        after = await render(session, row)
        append_partner_event(session, "partner.updated", before, after, caller)


async def create_partner(session: AsyncSession, write: PartnerWrite, caller: Caller) -> PartnerRow:
    """Add a partner.

    Raises:
        InvalidValues: a topic or related partner is not there.
        ExternalIdTaken, CircularRelationship: as their names say.
    """
    await stand_in_line(session)
    now = datetime.now(UTC)
    row = PartnerRow(
        id=uuid7(),
        version=1,
        created_at=now,
        modified_at=now,
        level="",
        status="",
        visibility="",
        display_name="",
        sort_name="",
        folded_names="",
        content=_content_of(write, ()),
        secretariat=b"",
    )
    _own_columns(row, write)
    session.add(row)
    await session.flush()
    # What a new partner cannot have yet is not looked for: each question costs as much as a write.
    touched: set[UUID] = set()
    if write.sectors or write.topics:
        await _index_values(session, row, write)
    if write.external_ids:
        await claim_external_ids(session, row.id, write.external_ids)
    if write.relationships:
        touched = await set_relationships(session, row.id, write.relationships)
    await session.flush()
    after = await render(session, row)
    append_partner_event(session, "partner.created", None, after, caller)
    await _touch(session, touched, caller)
    return row


def _written_form(row: PartnerRow, record: JsonObject) -> PartnerWrite:
    return PartnerWrite.model_validate({**record, **row.content})


async def _change(
    session: AsyncSession,
    partner_id: UUID,
    expected: int,
    caller: Caller,
    make: Callable[[PartnerWrite], PartnerWrite],
) -> PartnerRow:
    row = await _load_for_change(session, partner_id, expected, caller)
    before = orjson.loads(row.secretariat)
    old = _written_form(row, before)
    write = make(old)
    content = _content_of(write, row.content["contact_points"])
    ties = {(one.kind, one.partner_id) for one in write.relationships}
    ties_before = {(one.kind, one.partner_id) for one in old.relationships}
    if ties != ties_before and caller.role is not Role.secretariat:
        raise NotAllowed(
            "A relationship changes the other partner's record too, so only the secretariat may "
            "set it. Send the relationships as they were, and ask the secretariat."
        )
    own_before = (row.level, row.status, row.country, row.visibility)
    shown_before = (row.display_name, row.visibility)
    unchanged = content == row.content and ties == ties_before
    if unchanged and own_before == (write.level, write.status, write.country, write.visibility):
        return row
    row.content = content
    _own_columns(row, write)
    if (old.sectors, old.topics) != (write.sectors, write.topics):
        await _index_values(session, row, write)
    if old.external_ids != write.external_ids:
        await claim_external_ids(session, row.id, write.external_ids)
    touched: set[UUID] = set()
    if ties != ties_before:
        touched |= await set_relationships(session, row.id, write.relationships)
    if shown_before != (row.display_name, row.visibility):
        touched |= {other for _, other in ties}
    row.version += 1
    row.modified_at = datetime.now(UTC)
    await session.flush()
    after = await render(session, row)
    append_partner_event(session, "partner.updated", before, after, caller)
    await _touch(session, touched, caller)
    return row


async def replace_partner(
    session: AsyncSession, partner_id: UUID, expected: int, write: PartnerWrite, caller: Caller
) -> PartnerRow:
    """Put `write` in the place of what the partner was. Nothing happens if nothing differs.

    Raises:
        NotFound, NotAllowed, PartnerWithdrawn, StaleVersion: as their names say.
        InvalidValues, ExternalIdTaken, CircularRelationship: as when it is created.
    """
    return await _change(session, partner_id, expected, caller, lambda _: write)


async def patch_partner(
    session: AsyncSession, partner_id: UUID, expected: int, patch: JsonObject, caller: Caller
) -> PartnerRow:
    """Apply a JSON merge patch (RFC 7396) to what is written of the partner.

    Raises:
        InvalidValues: the patched partner breaks a rule.
        Others: as for `replace_partner`.
    """
    return await _change(
        session, partner_id, expected, caller, lambda old: patched(old, patch, "partner")
    )


async def withdraw_partner(
    session: AsyncSession,
    partner_id: UUID,
    expected: int,
    successor_id: UUID | None,
    caller: Caller,
) -> None:
    """Take a record out of the directory, because it was a duplicate or an error.

    Its identifiers are free again, its relationships are removed, and its address leads to the
    successor if there is one.

    Raises:
        NotFound, NotAllowed, PartnerWithdrawn, StaleVersion: as their names say.
        InvalidValues: the successor is not there, is withdrawn, or is the partner itself.
    """
    row = await _load_for_change(session, partner_id, expected, caller)
    if successor_id is not None:
        successor = await session.get(PartnerRow, successor_id)
        gone = successor is None or successor.status == PartnerStatus.withdrawn.value
        if gone or successor_id == partner_id:
            raise InvalidValues("`successor` must be another partner that is not withdrawn.")
    before = orjson.loads(row.secretariat)
    touched = await drop_relationships(session, partner_id)
    await release_external_ids(session, partner_id)
    row.status, row.successor_id = PartnerStatus.withdrawn.value, successor_id
    row.version += 1
    row.modified_at = datetime.now(UTC)
    await session.flush()
    after = await render(session, row)
    append_partner_event(session, "partner.withdrawn", before, after, caller)
    await _touch(session, touched | ({successor_id} if successor_id else set()), caller)


async def assure_partner(
    session: AsyncSession, partner_id: UUID, expected: int, write: AssuranceWrite, caller: Caller
) -> PartnerRow:
    """Record that the caller has checked the partner against the world; this edits nothing.

    Raises:
        NotFound, NotAllowed, PartnerWithdrawn, StaleVersion: as their names say.
        InvalidValues: the next review does not lie ahead.
    """
    row = await _load_for_change(session, partner_id, expected, caller)
    now = datetime.now(UTC)
    if write.next_review_at is not None and write.next_review_at <= now.date():
        raise InvalidValues("`next_review_at` must lie ahead.")
    before = orjson.loads(row.secretariat)
    row.assured_at, row.assured_by, row.assurance_method = now, caller.account_id, write.method
    row.next_review_at = (
        datetime.combine(write.next_review_at, time(), UTC)
        if write.next_review_at is not None
        else now + timedelta(days=session.info[REVIEW_PERIOD])
    )
    row.version += 1
    after = await render(session, row)
    append_partner_event(session, "partner.assured", before, after, caller)
    return row


async def render_due(session: AsyncSession, limit: int = 100) -> int:
    """Render anew the records that read otherwise because time has passed; how many there were."""
    await stand_in_line(session)
    now = datetime.now(UTC)
    due = (
        await session.execute(
            select(partner_table.c.id)
            .where(
                partner_table.c.changes_at <= now,
                # A withdrawn record stays as it is, so it would be due for ever.
                partner_table.c.status != PartnerStatus.withdrawn.value,
            )
            .limit(limit)
        )
    ).scalars()
    partner_ids = list(due)
    await _touch(session, partner_ids, None)
    return len(partner_ids)
