"""The partners with a ROR id that records, or what ROR said of them, name."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.formats.ror import FORMAT, ror_id_of
from services.directory.formats.ror_relationships import Neighbour, named_ror_ids
from services.directory.models import external_id_table, partner_table, source_values_table
from shared.records import JsonObject

# SQLite and PostgreSQL take about 32,000 values in one statement.
_AT_A_TIME = 10_000


async def load_source_values(
    session: AsyncSession, source_format: str, partner_ids: Iterable[UUID]
) -> dict[UUID, JsonObject]:
    """What `source_format` said of these partners and our own record has no place for."""
    columns = source_values_table.c
    found: dict[UUID, JsonObject] = {}
    for some in _parts(partner_ids):
        rows = await session.execute(
            select(columns.partner_id, columns.content).where(
                columns.format == source_format, columns.partner_id.in_(some)
            )
        )
        found |= {row.partner_id: row.content for row in rows}
    return found


async def load_neighbours(
    session: AsyncSession,
    records: Sequence[JsonObject],
    sources: Mapping[UUID, JsonObject],
) -> dict[str, list[Neighbour]]:
    """By the id of each of `records`, its neighbours."""
    related = {record["id"]: _related(record) for record in records}
    named = {record["id"]: named_ror_ids(sources.get(UUID(record["id"]))) for record in records}
    by_ror_id = await _holders(session, set().union(*named.values()))
    partner_ids = set().union(*related.values()) | {*by_ror_id.values()}
    ror_ids = await _ror_ids(session, partner_ids)
    names = await _names(session, ror_ids)
    said = await load_source_values(session, FORMAT, ror_ids)
    known = {
        partner_id: Neighbour(str(partner_id), ror_id, names[partner_id], said.get(partner_id))
        for partner_id, ror_id in ror_ids.items()
        if partner_id in names
    }
    return {
        record_id: [
            known[partner_id]
            for partner_id in others | {by_ror_id[one] for one in named[record_id] & {*by_ror_id}}
            if partner_id in known
        ]
        for record_id, others in related.items()
    }


def _related(record: JsonObject) -> set[UUID]:
    return {UUID(tie["partner_id"]) for tie in record["relationships"]}


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    wanted = list(values)
    for start in range(0, len(wanted), _AT_A_TIME):
        yield wanted[start : start + _AT_A_TIME]


async def _holders(session: AsyncSession, ror_ids: Iterable[str]) -> dict[str, UUID]:
    columns = external_id_table.c
    found: dict[str, UUID] = {}
    for some in _parts(ror_ids):
        rows = await session.execute(
            select(columns.value, columns.partner_id).where(
                columns.scheme == "ror", columns.value.in_(some)
            )
        )
        found |= {row.value: row.partner_id for row in rows}
    return found


async def _ror_ids(session: AsyncSession, partner_ids: Iterable[UUID]) -> dict[UUID, str]:
    columns = external_id_table.c
    found: dict[UUID, list[str]] = defaultdict(list)
    for some in _parts(partner_ids):
        rows = await session.execute(
            select(columns.partner_id, columns.value).where(
                columns.scheme == "ror", columns.partner_id.in_(some)
            )
        )
        for row in rows:
            found[row.partner_id].append(row.value)
    ids = {partner_id: values[0] for partner_id, values in found.items()}
    # Which of several is preferred stands in the record.
    several = [partner_id for partner_id, values in found.items() if len(values) > 1]
    for some in _parts(several):
        rows = await session.execute(
            select(partner_table.c.id, partner_table.c.content).where(partner_table.c.id.in_(some))
        )
        ids |= {row.id: ror_id_of(row.content) or ids[row.id] for row in rows}
    return ids


async def _names(session: AsyncSession, partner_ids: Iterable[UUID]) -> dict[UUID, str]:
    columns = partner_table.c
    names: dict[UUID, str] = {}
    for some in _parts(partner_ids):
        rows = await session.execute(
            select(columns.id, columns.display_name).where(columns.id.in_(some))
        )
        names |= {row.id: row.display_name for row in rows}
    return names
