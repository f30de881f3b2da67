"""Telling in the report which new partners may be there already, or in the file twice.

It is looked for when all else is done, with nobody waiting in line, because comparing takes longer
than loading. The partners have got their keys with their rows, so each row is held against all
others of the file as well.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.duplicates.likely import likely_duplicates_of
from services.directory.imports.pages import unpack_lines
from services.directory.imports.report import made_by
from services.directory.models import import_page_table, partner_table
from shared.records import JsonObject

# A few seconds' work: files that are no longer are compared without being asked for it.
SOON_COMPARED_ROWS = 2_000
_MOST_NAMED = 3
# Others may have their turn at the database between two parts of a page.
_COMPARED_AT_ONCE = 100
_PAGE = import_page_table.c


def is_warned(warn: bool | None, dry_run: bool, rows: int) -> bool:
    """Whether likely duplicates are looked for in an import that was asked for so."""
    return warn if warn is not None else dry_run or rows <= SOON_COMPARED_ROWS


async def compare_page(
    session: AsyncSession, import_id: UUID, number: int
) -> list[JsonObject] | None:
    """A page's part of the report, with what its new partners may be; None where there is none."""
    report = await session.scalar(
        select(_PAGE.report).where(_PAGE.import_id == import_id, _PAGE.number == number)
    )
    if report is None:
        return None
    lines = [orjson.loads(line) for line in unpack_lines(report)]
    made = made_by(lines)
    ids = sorted(made)
    for start in range(0, len(ids), _COMPARED_AT_ONCE):
        await _warn(session, made, ids[start : start + _COMPARED_AT_ONCE])
    return lines


async def _warn(
    session: AsyncSession, made: dict[UUID, JsonObject], partner_ids: Sequence[UUID]
) -> None:
    likely = await likely_duplicates_of(session, partner_ids)
    named = {one: found[:_MOST_NAMED] for one, found in likely.items()}
    names = await _names(session, {other for found in named.values() for other, _ in found})
    for one, found in named.items():
        made[one]["possible_duplicates"] = [
            {"id": str(other), "name": names[other], "score": likeness.score}
            for other, likeness in found
        ]


async def _names(session: AsyncSession, partner_ids: Iterable[UUID]) -> dict[UUID, str]:
    columns = partner_table.c
    rows = await session.execute(
        select(columns.id, columns.display_name).where(columns.id.in_(partner_ids))
    )
    return {row.id: row.display_name for row in rows}
