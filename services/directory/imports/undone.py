"""What is kept of the report of an import whose transaction is about to be undone."""

from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.imports.pages import pack_json, pack_lines, unpack_lines
from services.directory.imports.report import hide_unmade, made_by, refused_lines
from services.directory.models import import_page_table
from shared.records import JsonObject

_PAGE = import_page_table.c


async def kept_reports(
    session: AsyncSession, import_id: UUID, *, only_refused: bool
) -> dict[int, tuple[bytes, int]]:
    """By page what is kept of its report, and how many of its rows were refused."""
    found = await session.execute(
        select(_PAGE.number, _PAGE.report, _PAGE.refused).where(_PAGE.import_id == import_id)
    )
    pages = found.all()
    if only_refused:
        return {
            page.number: (
                pack_lines(refused_lines(unpack_lines(page.report)) if page.refused else []),
                page.refused,
            )
            for page in pages
        }
    unmade = {str(one) for page in pages for one in made_by(_lines_of(page.report))}
    kept = {}
    for page in pages:
        lines = _lines_of(page.report)
        hide_unmade(lines, unmade)
        kept[page.number] = (pack_json(lines), page.refused)
    return kept


def _lines_of(report: bytes) -> list[JsonObject]:
    return [orjson.loads(line) for line in unpack_lines(report)]
