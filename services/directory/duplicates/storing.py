"""Keeping what duplicates are found by in line with the partners, in the writer's transaction."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, delete, insert, or_
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.duplicates.keys import keys_of
from services.directory.duplicates.traits import Traits, traits_of_record
from services.directory.models import (
    duplicate_due_table,
    duplicate_key_table,
    duplicate_pair_table,
)
from shared.databases import insert_of
from shared.records import JsonObject


def key_rows(partner_id: UUID, traits: Traits) -> list[dict[str, Any]]:
    """The rows of `duplicate_key` for a partner; for many partners, many such lists in one."""
    return [
        {"number": key.number, "place": key.place, "partner_id": partner_id}
        for key in keys_of(traits)
    ]


def due_row(partner_id: UUID, version: int) -> dict[str, Any]:
    """The row of `duplicate_due` that has a partner compared."""
    return {"partner_id": partner_id, "version": version}


async def keep_for_comparison(
    session: AsyncSession, before: JsonObject | None, after: JsonObject
) -> None:
    """Follow a partner that went from one whole record to another.

    Its keys are what it is now, and it will be compared anew. Where nothing that is compared
    differs, nothing is done. A withdrawn partner is in no pair from now on.
    """
    was = traits_of_record(before) if before is not None else None
    now = traits_of_record(after)
    if was == now:
        return
    partner_id = UUID(after["id"])
    if was is not None:
        await session.execute(
            delete(duplicate_key_table).where(duplicate_key_table.c.partner_id == partner_id)
        )
    if now is None:
        await _forget(session, partner_id)
        return
    # A partner whose names have no letter or digit has no keys.
    if rows := key_rows(partner_id, now):
        await session.execute(insert(duplicate_key_table), rows)
    await mark_due(session, [due_row(partner_id, after["version"])])


def must_be_compared(before: JsonObject | None, after: JsonObject) -> bool:
    """Whether something that is compared differs between two whole records of a partner."""
    was = traits_of_record(before) if before is not None else None
    return was != traits_of_record(after)


async def mark_due(session: AsyncSession, rows: list[dict[str, Any]]) -> None:
    """Have partners compared, each by its `due_row`; the loop writes their keys if they differ."""
    await session.execute(_marking_due(session.get_bind().dialect.name), rows)


# Built once: building it takes longer than the writing.
@cache
def _marking_due(dialect: str) -> Executable:
    statement = insert_of(dialect, duplicate_due_table)
    return statement.on_conflict_do_update(
        index_elements=["partner_id"], set_={"version": statement.excluded.version}
    )


async def _forget(session: AsyncSession, partner_id: UUID) -> None:
    await session.execute(
        delete(duplicate_due_table).where(duplicate_due_table.c.partner_id == partner_id)
    )
    await session.execute(delete(duplicate_pair_table).where(pairs_with([partner_id])))


def pairs_with(partner_ids: list[UUID]) -> Any:
    """The condition that a pair has one of these partners in it."""
    pair = duplicate_pair_table.c
    return or_(pair.first_id.in_(partner_ids), pair.second_id.in_(partner_ids))
