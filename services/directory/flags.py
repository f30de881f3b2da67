"""The flags that partners are found by, kept in line with the flags that their readers see."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import partner_flag_table
from shared.records import JsonObject
from shared.vocabulary import Flag, Visibility

FlagsOfAudiences = dict[str, frozenset[str]]
"""Each flag of a partner, with the audiences that read it."""

ALL_FLAGS = [flag.value for flag in Flag]
_AUDIENCES = [audience.value for audience in Visibility]


def flags_shown(records: Mapping[str, JsonObject | None]) -> FlagsOfAudiences:
    """The flags in `records`: what each audience, by its name, reads of one partner."""
    shown: dict[str, set[str]] = {}
    for audience, record in records.items():
        for flag in record["flags"] if record is not None else ():
            shown.setdefault(flag, set()).add(audience)
    return {flag: frozenset(audiences) for flag, audiences in shown.items()}


async def read_flags(session: AsyncSession, partner_id: UUID) -> FlagsOfAudiences:
    """The flags by which the partner is found now."""
    columns = partner_flag_table.c
    rows = await session.execute(
        # The key begins with the flag, because that is what lists ask by; there are only a few.
        select(partner_flag_table).where(
            columns.flag.in_(ALL_FLAGS), columns.partner_id == partner_id
        )
    )
    return {
        row["flag"]: frozenset(audience for audience in _AUDIENCES if row[audience])
        for row in rows.mappings()
    }


def flag_rows(partner_id: UUID, flags: FlagsOfAudiences) -> list[JsonObject]:
    """The rows by which a partner that shows `flags` is found."""
    return [
        {"flag": flag, "partner_id": partner_id}
        | {audience: audience in audiences for audience in _AUDIENCES}
        for flag, audiences in flags.items()
    ]


async def keep_flags(
    session: AsyncSession, partner_id: UUID, before: FlagsOfAudiences, after: FlagsOfAudiences
) -> None:
    """Let the partner, which must have been flushed, be found by the flags of `after`.

    Only what differs from `before` is written.
    """
    gone = [flag for flag, audiences in before.items() if after.get(flag) != audiences]
    if gone:
        columns = partner_flag_table.c
        await session.execute(
            delete(partner_flag_table).where(
                columns.flag.in_(gone), columns.partner_id == partner_id
            )
        )
    come = {flag: audiences for flag, audiences in after.items() if before.get(flag) != audiences}
    if come:
        await session.execute(insert(partner_flag_table), flag_rows(partner_id, come))
