"""Writing partners: each function is one change with its rules and its event, in one transaction.

The caller of these functions opens the transaction; none of them commits. `reason` is why, in the
words of who makes the change; it stands in the partner's history and nowhere else.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.external_ids import claim_external_ids, release_external_ids
from services.directory.history import partner_changed
from services.directory.merge_patch import patched
from services.directory.models import PartnerRow
from services.directory.outbox import stand_in_line
from services.directory.partner_change import (
    content_of,
    index_values,
    load_for_change,
    own_columns,
    touch,
)
from services.directory.partner_write import PartnerWrite
from services.directory.relationships import drop_relationships, set_relationships
from services.directory.rendering import render, ties_of
from shared.problems import InvalidValues, NotAllowed
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import PartnerStatus, Role


async def create_partner(
    session: AsyncSession, write: PartnerWrite, caller: Caller, reason: str | None = None
) -> PartnerRow:
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
        content=content_of(write, ()),
        secretariat=b"",
    )
    own_columns(row, write)
    session.add(row)
    await session.flush()
    # What a new partner cannot have yet is not looked for: each question costs as much as a write.
    touched: set[UUID] = set()
    if write.sectors or write.topics:
        await index_values(session, row, write)
    if write.external_ids:
        await claim_external_ids(session, row.id, write.external_ids)
    if write.relationships:
        touched = await set_relationships(session, row.id, write.relationships)
    await session.flush()
    after = await render(session, row)
    await partner_changed(session, "partner.created", None, after, caller, reason)
    await touch(session, touched, caller)
    return row


def written_form(row: PartnerRow, record: JsonObject) -> PartnerWrite:
    """What was written of a partner that is not withdrawn; `record` is the whole record."""
    return PartnerWrite.model_validate({**record, **row.content})


async def _change(
    session: AsyncSession,
    partner_id: UUID,
    expected: int,
    caller: Caller,
    make: Callable[[PartnerWrite], PartnerWrite],
    reason: str | None,
) -> PartnerRow:
    row = await load_for_change(session, partner_id, expected, caller)
    old = written_form(row, orjson.loads(row.secretariat))
    return await rewrite(session, row, old, make(old), caller, reason)


async def rewrite(
    session: AsyncSession,
    row: PartnerRow,
    old: PartnerWrite | None,
    write: PartnerWrite,
    caller: Caller,
    reason: str | None,
    once_had: Sequence[JsonObject] = (),
) -> PartnerRow:
    """Make `write` what the partner is, which was `old`, or nothing while it was withdrawn.

    Contact points may have the id of one that the partner has or `once_had`.

    Raises:
        NotAllowed: relationships differ, and the caller is not of the secretariat.
        InvalidValues, ExternalIdTaken, CircularRelationship: as when it is created.
    """
    before = orjson.loads(row.secretariat)
    content = content_of(write, (*once_had, *row.content["contact_points"]))
    ties = {(one.kind, one.partner_id) for one in write.relationships}
    ties_before = {(one.kind, one.partner_id) for one in (old.relationships if old else ())}
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
    own_columns(row, write)
    if old is None or (old.sectors, old.topics) != (write.sectors, write.topics):
        await index_values(session, row, write)
    if old is None or old.external_ids != write.external_ids:
        await claim_external_ids(session, row.id, write.external_ids)
    touched: set[UUID] = set()
    if ties != ties_before:
        seen = old.relationships if old else ()
        touched |= await set_relationships(session, row.id, write.relationships, seen)
    if shown_before != (row.display_name, row.visibility):
        touched |= {tie.other for tie in await ties_of(session, row.id)}
    row.version += 1
    row.modified_at = datetime.now(UTC)
    await session.flush()
    after = await render(session, row)
    await partner_changed(session, "partner.updated", before, after, caller, reason)
    await touch(session, touched, caller)
    return row


async def replace_partner(
    session: AsyncSession,
    partner_id: UUID,
    expected: int,
    write: PartnerWrite,
    caller: Caller,
    reason: str | None = None,
) -> PartnerRow:
    """Put `write` in the place of what the partner was. Nothing happens if nothing differs.

    Raises:
        NotFound, NotAllowed, PartnerWithdrawn, StaleVersion: as their names say.
        InvalidValues, ExternalIdTaken, CircularRelationship: as when it is created.
    """
    return await _change(session, partner_id, expected, caller, lambda _: write, reason)


async def patch_partner(
    session: AsyncSession,
    partner_id: UUID,
    expected: int,
    patch: JsonObject,
    caller: Caller,
    reason: str | None = None,
) -> PartnerRow:
    """Apply a JSON merge patch (RFC 7396) to what is written of the partner.

    Raises:
        InvalidValues: the patched partner breaks a rule.
        Others: as for `replace_partner`.
    """
    return await _change(
        session, partner_id, expected, caller, lambda old: patched(old, patch, "partner"), reason
    )


async def withdraw_partner(
    session: AsyncSession,
    partner_id: UUID,
    expected: int,
    successor_id: UUID | None,
    caller: Caller,
    reason: str | None = None,
) -> None:
    """Take a record out of the directory, because it was a duplicate or an error.

    Its identifiers are free again, its relationships are removed, and its address leads to the
    successor if there is one.

    Raises:
        NotFound, NotAllowed, PartnerWithdrawn, StaleVersion: as their names say.
        InvalidValues: the successor is not there, is withdrawn, or is the partner itself.
    """
    row = await load_for_change(session, partner_id, expected, caller)
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
    await partner_changed(session, "partner.withdrawn", before, after, caller, reason)
    await touch(session, touched | ({successor_id} if successor_id else set()), caller)
