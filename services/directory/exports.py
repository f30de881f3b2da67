"""Partners in the formats of others: one, or all that a reader asks for, streamed.

What is written is always the rendering that is kept for the reader's audience; nothing here reads
the row behind it.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.answers import audience_for, find_rendering, headers_of, moved_answer
from services.directory.filters import PartnerFilters
from services.directory.formats.ror import FORMAT as ROR
from services.directory.formats.ror import NotInRor
from services.directory.models import partner_table
from services.directory.outbox import read_log
from services.directory.partner_query import filtered_partners
from services.directory.representations import Beside, NotAcceptable, Representation
from services.directory.ror_neighbours import load_neighbours, load_source_values
from shared.databases import Database
from shared.preconditions import not_modified
from shared.records import JsonObject
from shared.tokens import Caller

_BATCH = 500


async def export_answer(
    request: Request, caller: Caller, asked: PartnerFilters, form: Representation
) -> StreamingResponse:
    """The partners that the caller may see and `asked` is about, a batch at a time.

    The sequence is read before the records: an event that comes in between is seen twice by who
    follows on, and repeats are harmless; none is missed.

    Raises:
        InvalidValues: a filter names something that is not there.
    """
    database: Database = request.app.state.database
    columns = (partner_table.c.id, partner_table.c[caller.audience.value].label("rendered"))
    async with database.reading() as session:
        log = await read_log(session)
        query = await filtered_partners(session, asked, caller.audience, *columns, order="id")
    query = query.order_by(partner_table.c.id).limit(_BATCH)
    base = request.app.state.settings.public_url
    return StreamingResponse(
        _body(database, query, form, form.head(caller.audience), base),
        media_type=form.media_type,
        headers={
            "X-Sequence": str(log.head),
            "X-Log-Id": str(log.log_id),
            "Vary": "Authorization",
            "Cache-Control": "no-cache",
        },
    )


async def _body(
    database: Database, query: Select[Any], form: Representation, head: str, base: str
) -> AsyncIterator[bytes]:
    if head:
        yield head.encode()
    between = b""
    last: UUID | None = None
    while True:
        page = query if last is None else query.where(partner_table.c.id > last)
        async with database.reading() as session:
            rows = (await session.execute(page)).all()
            written = await _written(session, rows, form, base)
        if written:
            yield between + form.between.encode().join(written)
            between = form.between.encode()
        if len(rows) < _BATCH:
            break
        last = rows[-1].id
    if form.tail:
        yield form.tail.encode()


async def _written(
    session: AsyncSession, rows: Sequence[Row[Any]], form: Representation, base: str
) -> list[bytes]:
    """The records of a batch; those that the format cannot have are left out."""
    if form.as_rendered:
        return [row.rendered + b"\n" for row in rows]
    records = [orjson.loads(row.rendered) for row in rows]
    written = []
    for record, beside in zip(records, await _beside(session, records, form, base), strict=True):
        try:
            written.append(form.write(record, beside).encode())
        except NotInRor:
            continue
    return written


async def _beside(
    session: AsyncSession, records: Sequence[JsonObject], form: Representation, base: str
) -> list[Beside]:
    if form.source_format is None:
        return [Beside(base)] * len(records)
    sources = await load_source_values(
        session, form.source_format, (UUID(record["id"]) for record in records)
    )
    neighbours = (
        await load_neighbours(session, records, sources) if form.source_format == ROR else {}
    )
    return [
        Beside(base, sources.get(UUID(record["id"])), neighbours.get(record["id"], []))
        for record in records
    ]


async def form_answer(
    request: Request,
    caller: Caller,
    partner_id: UUID,
    form: Representation,
    if_none_match: str | None,
    suffix: str = "",
) -> Response:
    """One partner as the caller may see it; `suffix` is what the address has behind its id.

    Raises:
        NotFound: there is none, or the caller may not see it.
        NotAcceptable: the format cannot have it.
    """
    audience = audience_for(caller, partner_id)
    database: Database = request.app.state.database
    base = request.app.state.settings.public_url
    async with database.reading() as session:
        row = await find_rendering(session, partner_id, audience)
        if (moved := moved_answer(row, suffix)) is not None:
            return moved
        record = orjson.loads(row.rendered)
        (beside,) = await _beside(session, [record], form, base)
    try:
        body = form.one(form.write(record, beside), audience).encode()
    except NotInRor as error:
        raise NotAcceptable(
            "A ROR record needs a ROR id (`external_ids`) and a place of GeoNames (`location` with "
            "`geonames_id` and `place`), which this partner has not. Ask for another format.",
        ) from error
    # Of ROR's it shows related partners' ids too, which the version does not cover.
    shown = hashlib.blake2b(body, digest_size=6).hexdigest()
    headers = {
        **headers_of(row.version, row.modified_at),
        "ETag": f'"{row.version}-{shown}"',
    }
    if not_modified(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=form.media_type, headers=headers)
