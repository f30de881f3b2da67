"""Imports over HTTP, for the secretariat."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.directory.imports.asked import (
    ImportEnded,
    ImportPage,
    ImportRead,
    page_of_imports,
    read_import,
    remove_import,
    report_lines,
)
from services.directory.imports.receiving import (
    Asked,
    Format,
    ImportTooLarge,
    Mode,
    receive_import,
)
from shared.databases import Database, Reading, Transaction
from shared.paging import BadCursor, PageParameters, link_next
from shared.problems import (
    NotAllowed,
    NotFound,
    NotSignedIn,
    UnknownParameter,
    UnsupportedMediaType,
    answers,
)
from shared.serving import strict_router
from shared.tokens import OfSecretariat

router = strict_router("imports")
# The settings decide (IMPORT_MAX_BYTES), while the file comes; the framework must not before.
_NO_LIMIT_HERE = 2**62
_FILE = {
    "description": "The file, in UTF-8; `csv` with a head, else one record a line or one array.",
    "required": True,
    "content": {
        media_type: {"schema": {"type": "string", "format": "binary"}}
        for media_type in ("application/x-ndjson", "application/json", "text/csv")
    },
}
_REFUSALS = (NotSignedIn, NotAllowed)


@router.post(
    "/imports",
    status_code=202,
    summary="Load partners from a file",
    response_model=ImportRead,
    responses=answers(*_REFUSALS, UnknownParameter, ImportTooLarge, UnsupportedMediaType),
    openapi_extra={"requestBody": _FILE},
    max_body_size=_NO_LIMIT_HERE,
)
async def create_an_import(
    request: Request,
    response: Response,
    caller: OfSecretariat,
    format: Annotated[Format, Query(description="What the file is; see docs/imports.md.")],
    mode: Annotated[
        Mode, Query(description="`atomic`: one broken row refuses all.")
    ] = "best-effort",
    dry_run: Annotated[
        bool, Query(description="Say what would come of it, and write nothing.")
    ] = False,
    warn: Annotated[
        bool | None,
        Query(
            description="Whether the report names likely duplicates of new partners. Left out: of "
            "a dry run it does, and of files of up to 2,000 rows."
        ),
    ] = None,
    content_encoding: Annotated[
        str | None, Header(max_length=100, description="`gzip`, or nothing.")
    ] = None,
) -> ImportRead:
    """The file is taken in and its rows are worked on one after the other; ask `Location` how far
    that is. A row is about the partner that has one of its identifiers, else about a new one."""
    database: Database = request.app.state.database
    import_id = await receive_import(
        database,
        request.app.state.settings,
        request.stream(),
        content_encoding,
        Asked(format, mode, dry_run, warn),
        caller,
    )
    response.headers["Location"] = f"/imports/{import_id}"
    async with database.reading() as session:
        return await read_import(session, import_id)


@router.get(
    "/imports",
    summary="List imports",
    responses=answers(*_REFUSALS, BadCursor, UnknownParameter),
)
async def list_imports(
    request: Request,
    response: Response,
    session: Reading,
    _: OfSecretariat,
    asked: Annotated[PageParameters, Query()],
) -> ImportPage:
    """The newest first; they are kept for IMPORT_DAYS after their end."""
    page = await page_of_imports(session, asked.limit, asked.cursor)
    link_next(request, response, page.next)
    return page


@router.get(
    "/imports/{import_id}",
    summary="Show an import",
    responses=answers(*_REFUSALS, NotFound),
)
async def read_an_import(import_id: UUID, session: Reading, _: OfSecretariat) -> ImportRead:
    """While it runs, the counts grow."""
    return await read_import(session, import_id)


@router.get(
    "/imports/{import_id}/report",
    summary="What came of each row",
    response_class=Response,
    responses={
        200: {
            "description": "One line a row, in the order of the file; see docs/imports.md.",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        },
        **answers(*_REFUSALS, NotFound, UnknownParameter),
    },
)
async def read_a_report(
    request: Request,
    import_id: UUID,
    _: OfSecretariat,
    rows: Annotated[
        Literal["refused", "all"], Query(description="Which rows to tell of.")
    ] = "refused",
) -> StreamingResponse:
    """While the import runs it tells of the rows so far."""
    database: Database = request.app.state.database
    async with database.reading() as session:
        await read_import(session, import_id)
    return StreamingResponse(
        report_lines(database, import_id, all_rows=rows == "all"),
        media_type="application/x-ndjson",
    )


@router.delete(
    "/imports/{import_id}",
    status_code=204,
    summary="Call off an import, or forget it",
    responses=answers(*_REFUSALS, NotFound, ImportEnded),
)
async def remove_an_import(
    request: Request, import_id: UUID, session: Transaction, _: OfSecretariat
) -> None:
    """One that is running stops behind the page under way, and what it has written stays; one that
    has ended is forgotten with its report."""
    database: Database = request.app.state.database
    async with database.reading() as looking:
        found = await read_import(looking, import_id)
    await remove_import(session, import_id, was_running=found.state == "running")
