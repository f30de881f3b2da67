"""Imports as they are asked for, listed and called off."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.imports.pages import unpack_lines
from services.directory.imports.phases import COMPARING
from services.directory.imports.receiving import Format, Mode, forget_import
from services.directory.imports.report import refused_lines
from services.directory.imports.warning import is_warned
from services.directory.models import import_page_table, import_table
from services.directory.rendering import aware
from shared.databases import Database
from shared.paging import decode_id_cursor, encode_cursor
from shared.problems import NotFound, Problem

_IMPORT, _PAGE = import_table.c, import_page_table.c


class ImportEnded(Problem):
    """The import has come to its end while it was being called off."""

    status, title, kind = 409, "The import has ended", "import-ended"


class ImportCounts(BaseModel):
    """How many rows have come to what; in a dry run, would come."""

    created: int = Field(description="Partners that were added.")
    updated: int = Field(description="Partners that were changed.")
    unchanged: int = Field(description="Rows that said nothing new; nothing was written.")
    refused: int = Field(description="Rows that were not taken; the report says why.")


class ImportFailure(BaseModel):
    """Why an import has come to nothing, or has not come to its end."""

    reason: Literal["rows-refused", "cancelled", "internal-error"] = Field(
        description="In an atomic import a row was refused; it was called off; or it is our fault."
    )
    detail: str = Field(description="What was written nevertheless, and what to do.")


class ImportRead(BaseModel):
    """An import."""

    id: UUID = Field(description="Its id.")
    state: Literal["running", "done", "failed"] = Field(
        description="`running` from the time it is taken in; `done` or `failed` at its end."
    )
    format: Format = Field(description="The format of the file.")
    mode: Mode = Field(description="Whether one broken row refuses all.")
    dry_run: bool = Field(description="Whether nothing is to be written.")
    counts: ImportCounts = Field(description="How many rows have come to what so far.")
    notes: int = Field(description="Remarks of the report on rows that were taken.")
    warned: int | None = Field(
        description="Rows that made a partner, or would, which may be there already or in the file "
        "twice; null where that is not looked for."
    )
    rows_read: int = Field(description="Rows that were worked on so far.")
    rows_total: int = Field(description="Rows of the file.")
    phase: Literal["rows", "stating", "parting", "linking", "records", "comparing"] = Field(
        description="What is worked on: the rows; which relationships they state, which end, "
        "which begin; the records that show these; which new partners may be duplicates."
    )
    created_at: datetime = Field(description="When the file had come.")
    created_by: UUID = Field(description="The account that has sent it.")
    started_at: datetime | None = Field(description="When the work on it began.")
    finished_at: datetime | None = Field(description="When it ended.")
    seconds: float | None = Field(description="How long it was, or has been, worked on.")
    failure: ImportFailure | None = Field(description="Of a failed one: why.")


class ImportPage(BaseModel):
    """A page of imports."""

    items: list[ImportRead] = Field(description="The imports, the newest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


def _read_of(row: RowMapping) -> ImportRead:
    values: dict[str, Any] = dict(row)
    started, finished = row["started_at"], row["finished_at"]
    if started is not None:
        until = aware(finished) if finished else datetime.now(UTC)
        values["seconds"] = round((until - aware(started)).total_seconds(), 3)
    if not is_warned(row["warn"], row["dry_run"], row["rows_total"]):
        values["warned"] = None
    for name in ("created_at", "started_at", "finished_at"):
        values[name] = aware(row[name]) if row[name] else None
    return ImportRead(
        **{"seconds": None, **values, "counts": values, "created_by": row["account_id"]}
    )


async def _find(session: AsyncSession, import_id: UUID, *, lock: bool = False) -> RowMapping:
    query = select(import_table).where(_IMPORT.id == import_id, _IMPORT.state != "receiving")
    found = await session.execute(query.with_for_update() if lock else query)
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"There is no import {import_id}; see GET /imports.")
    return row


async def read_import(session: AsyncSession, import_id: UUID) -> ImportRead:
    """The import as it stands.

    Raises:
        NotFound: there is none.
    """
    return _read_of(await _find(session, import_id))


async def page_of_imports(session: AsyncSession, limit: int, cursor: str | None) -> ImportPage:
    """A page of imports, the newest first.

    Raises:
        BadCursor: the cursor is not of this list.
    """
    query = select(import_table).where(_IMPORT.state != "receiving")
    if cursor is not None:
        query = query.where(_IMPORT.id < decode_id_cursor(cursor))
    found = await session.execute(query.order_by(_IMPORT.id.desc()).limit(limit + 1))
    rows = list(found.mappings())
    following = encode_cursor(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    return ImportPage(items=[_read_of(row) for row in rows[:limit]], next=following)


async def remove_import(session: AsyncSession, import_id: UUID, *, was_running: bool) -> None:
    """Call off an import that is running; forget one that has ended, with its report.

    What pages before have written stays; so does the report on them. One that has written all and
    only compares is done. `was_running`: what whoever asks for it could know.

    Raises:
        NotFound: there is none.
        ImportEnded: it has come to its end in the meantime.
    """
    row = await _find(session, import_id, lock=True)
    if row["state"] != "running":
        if was_running:
            raise ImportEnded(
                "It ended before it could be called off; what it wrote stands, and the report is "
                "kept. Delete it once more if the report is not needed."
            )
        await forget_import(session, import_id)
        return
    failure = None
    if row["phase"] != COMPARING:
        failure = {
            "reason": "cancelled",
            "detail": "It was called off. What the report names as created or updated was written; "
            "of relationships, those that the partners show.",
        }
    state = "failed" if failure else "done"
    ended = {"state": state, "failure": failure, "finished_at": datetime.now(UTC)}
    await session.execute(import_table.update().where(_IMPORT.id == import_id).values(**ended))
    await session.execute(
        import_page_table.update()
        .where(_PAGE.import_id == import_id)
        .values(content=None, ties=None)
    )


async def report_lines(
    database: Database, import_id: UUID, *, all_rows: bool
) -> AsyncIterator[bytes]:
    """The report, a page at a time; of refused rows alone unless `all_rows`."""
    last = -1
    while True:
        query = select(_PAGE.number, _PAGE.report).where(
            _PAGE.import_id == import_id, _PAGE.number > last, _PAGE.report.is_not(None)
        )
        if not all_rows:
            query = query.where(_PAGE.refused > 0)
        async with database.reading() as session:
            page = (await session.execute(query.order_by(_PAGE.number).limit(1))).first()
        if page is None:
            return
        last = page.number
        lines = unpack_lines(page.report)
        yield b"".join(line + b"\n" for line in (lines if all_rows else refused_lines(lines)))


async def forget_old(session: AsyncSession, days: int) -> int:
    """Forget an import that ended more than `days` ago; how many there were."""
    found = await session.execute(
        select(_IMPORT.id)
        .where(_IMPORT.finished_at < datetime.now(UTC) - timedelta(days=days))
        .limit(1)
    )
    old = list(found.scalars())
    for import_id in old:
        await forget_import(session, import_id)
    return len(old)
