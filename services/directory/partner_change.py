"""What every change of a partner goes through: who may make it, and what else shows it.

The caller of these functions opens the transaction; none of them commits. Whatever a record shows
is covered by its version: a change that another record shows too (a name, a relationship, a
successor) raises that record's version as well.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

import orjson
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.history import partner_changed
from services.directory.models import (
    PartnerRow,
    PartnerTopicRow,
    SectorRow,
    partner_topic_table,
    sector_table,
    topic_table,
)
from services.directory.outbox import stand_in_line
from services.directory.partner_access import find_seen
from services.directory.partner_write import PartnerWrite
from services.directory.periods import periods_of
from services.directory.rendering import (
    FoundByName,
    build_record,
    name_columns,
    render,
    surroundings_of,
)
from shared.audience import changed_fields
from shared.preconditions import check_version
from shared.problems import InvalidValues, NotAllowed, Problem
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import PartnerStatus

_NOT_CONTENT = {"level", "country", "status", "visibility", "relationships"}


class PartnerWithdrawn(Problem):
    """The partner's record was withdrawn and is not changed any more."""

    status, title, kind = 409, "The partner was withdrawn", "partner-withdrawn"


def check_not_withdrawn(row: PartnerRow) -> None:
    """Nothing, where the partner's record may be changed.

    Raises:
        PartnerWithdrawn: it is kept as it is.
    """
    if row.status == PartnerStatus.withdrawn.value:
        raise PartnerWithdrawn(
            "A withdrawn record is kept as it is. "
            + (f"Change its successor {row.successor_id}." if row.successor_id else "")
        )


async def load_for_change(
    session: AsyncSession, partner_id: UUID, expected: int, caller: Caller
) -> PartnerRow:
    """The partner's row, for a caller who may change it and has seen its version.

    Raises:
        NotFound, NotAllowed, PartnerWithdrawn, StaleVersion: as their names say.
    """
    row = await load_to_change(session, partner_id, caller)
    check_version(row.version, expected)
    return row


async def load_to_change(session: AsyncSession, partner_id: UUID, caller: Caller) -> PartnerRow:
    """The same for a change that writes over nothing, whatever the version.

    Raises:
        NotFound, NotAllowed, PartnerWithdrawn: as their names say.
    """
    await stand_in_line(session)
    row = await find_seen(session, partner_id, caller)
    if not caller.edits(partner_id):
        raise NotAllowed("Only the secretariat and the partner's own editors may change it.")
    check_not_withdrawn(row)
    return row


def content_of(write: PartnerWrite, kept: Iterable[JsonObject]) -> JsonObject:
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


async def index_values(session: AsyncSession, row: PartnerRow, write: PartnerWrite) -> None:
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


def own_columns(row: FoundByName, write: PartnerWrite) -> None:
    """Bring the columns that partners are filtered and sorted by in line with `write`."""
    row.level, row.status = str(write.level), str(write.status)
    row.country, row.visibility = write.country, str(write.visibility)
    row.established = write.established
    name_columns(row)


async def touch(session: AsyncSession, partner_ids: Iterable[UUID], caller: Caller | None) -> None:
    """Render anew the partners that show something of one that was changed, and say so.

    Those that show nothing else than before are left alone: a version of which nobody is told
    would be a hole for who counts them.
    """
    for partner_id in sorted(set(partner_ids)):
        row = await session.get(PartnerRow, partner_id)
        if row is None or row.status == PartnerStatus.withdrawn.value:
            continue
        before = orjson.loads(row.secretariat)
        around = await surroundings_of(session, row)
        now = datetime.now(UTC)
        if not changed_fields(before, build_record(row, around, now, periods_of(session))):
            continue
        row.version += 1
        after = await render(session, row, around)
        await partner_changed(session, "partner.updated", before, after, caller)
