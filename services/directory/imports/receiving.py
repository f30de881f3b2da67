"""Taking in a file: unpacked and cut into rows as it comes, and kept in pages until it is whole.

Nothing of it is held in memory but a page. Each page is a transaction of its own, so a slow sender
keeps nobody waiting. An import whose file did not come to its end is not begun.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect
from uuid_utils.compat import uuid7

from services.directory.imports.framing import framing_of
from services.directory.imports.pages import pack_rows
from services.directory.models import (
    import_page_table,
    import_stated_table,
    import_table,
    import_touched_table,
)
from services.directory.settings import Settings
from shared.databases import Database
from shared.problems import (
    InvalidValues,
    MalformedRequest,
    Problem,
    Unavailable,
    UnsupportedMediaType,
)
from shared.tokens import Caller

Format = Literal["csv", "ndjson", "ror-v2", "hsds"]
Mode = Literal["best-effort", "atomic"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done with a file."""

    format: Format
    mode: Mode
    dry_run: bool
    warn: bool | None


# As many rows as are written in one go: other writers wait for no more than these.
_ROWS_A_PAGE = 500
_BYTES_A_PAGE = 1_000_000
_PIECE = 262_144
# Longer than a file can reasonably take to come.
_ABANDONED = timedelta(hours=6)


class ImportTooLarge(Problem):
    """The file has more bytes or rows than an import may have."""

    status, title, kind = 413, "The file is too large", "import-too-large"


async def receive_import(
    database: Database,
    settings: Settings,
    body: AsyncIterator[bytes],
    encoding: str | None,
    asked: Asked,
    caller: Caller,
) -> UUID:
    """Keep the file in `body` and line its import up.

    Raises:
        UnsupportedMediaType: it is encoded in a way that is not known.
        ImportTooLarge, MalformedRequest, InvalidValues: it cannot be taken as a whole.
    """
    pieces = _unpacked(body, encoding, settings)
    import_id = uuid7()
    async with database.transaction() as session:
        await _forget_abandoned(session)
        await session.execute(insert(import_table).values(_new_import(import_id, asked, caller)))
    pages = _Pages(database, import_id, settings.import_max_rows)
    framing = framing_of(asked.format, settings.import_max_row_bytes)
    try:
        async for piece in pieces:
            for row in framing.feed(piece):
                await pages.add(row)
        for row in framing.end():
            await pages.add(row)
        await pages.finish()
    except ClientDisconnect as error:
        await _forget(database, import_id)
        raise MalformedRequest("The file did not come to its end. Send it again.") from error
    except BaseException:
        # Whoever breaks off leaves nothing; where even this fails, a later import clears up.
        await asyncio.shield(_forget(database, import_id))
        raise
    return import_id


def _new_import(import_id: UUID, asked: Asked, caller: Caller) -> dict[str, object]:
    counts = ("next_page", "rows_total", "rows_read")
    outcomes = ("created", "updated", "unchanged", "refused", "notes", "warned")
    return {
        "id": import_id,
        "created_at": datetime.now(UTC),
        "account_id": caller.account_id,
        "format": asked.format,
        "mode": asked.mode,
        "dry_run": asked.dry_run,
        "warn": asked.warn,
        "state": "receiving",
        "phase": "rows",
        **dict.fromkeys((*counts, *outcomes), 0),
    }


class _Pages:
    """Gathers rows to pages and stores them."""

    def __init__(self, database: Database, import_id: UUID, most_rows: int) -> None:
        self._database = database
        self._import_id = import_id
        self._most_rows = most_rows
        self._rows: list[bytes] = []
        self._bytes = 0
        self._number = 0
        self._total = 0

    async def add(self, row: bytes) -> None:
        """Take one row more."""
        self._total += 1
        if self._total > self._most_rows:
            raise ImportTooLarge(
                f"A file may have {self._most_rows} rows (IMPORT_MAX_ROWS). Send it in parts."
            )
        self._rows.append(row)
        self._bytes += len(row)
        if len(self._rows) >= _ROWS_A_PAGE or self._bytes >= _BYTES_A_PAGE:
            await self._store()

    async def _store(self) -> None:
        first_row = self._total - len(self._rows) + 1
        async with self._database.transaction() as session:
            await self._check_wanted(session)
            await session.execute(
                insert(import_page_table).values(
                    import_id=self._import_id,
                    number=self._number,
                    first_row=first_row,
                    content=pack_rows(self._rows),
                    refused=0,
                )
            )
        self._number += 1
        self._rows, self._bytes = [], 0

    async def _check_wanted(self, session: AsyncSession) -> None:
        query = select(import_table.c.id).where(import_table.c.id == self._import_id)
        if (await session.execute(query.with_for_update())).first() is None:
            raise Unavailable("The file took too long to come and was given up. Send it again.")

    async def finish(self) -> None:
        """Store the rest, and let the import begin."""
        if self._total == 0:
            raise InvalidValues("The file has no rows. Send at least one record.")
        if self._rows:
            await self._store()
        async with self._database.transaction() as session:
            await self._check_wanted(session)
            await session.execute(
                update(import_table)
                .where(import_table.c.id == self._import_id)
                .values(state="running", rows_total=self._total)
            )


async def _unpacked(
    body: AsyncIterator[bytes], encoding: str | None, settings: Settings
) -> AsyncIterator[bytes]:
    """The file in small pieces, unpacked where it was packed, within the limits of the settings."""
    known = (encoding or "identity").strip().lower()
    if known not in {"identity", "gzip", "x-gzip"}:
        raise UnsupportedMediaType(
            "Send the file as it is, or packed by gzip with `Content-Encoding: gzip`.",
            headers={"Accept-Encoding": "gzip"},
        )
    received = unpacked = 0
    gunzip = None if known == "identity" else _Gunzip()
    async for chunk in body:
        received += len(chunk)
        if received > settings.import_max_bytes:
            raise ImportTooLarge(
                f"A file may be sent in {settings.import_max_bytes} bytes (IMPORT_MAX_BYTES). "
                "Pack it by gzip, or send it in parts."
            )
        for piece in _cut(chunk) if gunzip is None else gunzip.feed(chunk):
            unpacked += len(piece)
            if unpacked > settings.import_max_unpacked_bytes:
                raise ImportTooLarge(
                    f"A file may have {settings.import_max_unpacked_bytes} bytes when unpacked "
                    "(IMPORT_MAX_UNPACKED_BYTES). Send it in parts."
                )
            yield piece
            # Others have their turn between two pieces, however much a chunk unpacks to.
            await asyncio.sleep(0)
    if gunzip is not None:
        gunzip.end()


def _cut(chunk: bytes) -> Iterator[bytes]:
    for start in range(0, len(chunk), _PIECE):
        yield chunk[start : start + _PIECE]


class _Gunzip:
    """Unpacks gzip (RFC 1952), of which there may be several parts one after the other."""

    def __init__(self) -> None:
        self._part = _new_part()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` unpacks to, in small pieces."""
        piece = b""
        # A full piece may leave more behind although all that came was taken in.
        while data or len(piece) == _PIECE:
            if self._part.eof:
                # Padding with zeros may follow (RFC 1952 has none, tar's and tapes' do).
                data = data.lstrip(b"\x00")
                if not data:
                    return
                self._part = _new_part()
            try:
                piece = self._part.decompress(data, _PIECE)
            except zlib.error as error:
                raise MalformedRequest(
                    "The body is not gzip, or is damaged, although Content-Encoding says gzip."
                ) from error
            data = self._part.unused_data if self._part.eof else self._part.unconsumed_tail
            if piece:
                yield piece

    def end(self) -> None:
        """Nothing, where all parts have come to their end."""
        if not self._part.eof:
            raise MalformedRequest("The gzip body is cut off. Send all of it.")


def _new_part() -> "zlib._Decompress":
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


async def _forget(database: Database, import_id: UUID) -> None:
    async with database.transaction() as session:
        await forget_import(session, import_id)


async def forget_import(session: AsyncSession, import_id: UUID) -> None:
    """Leave nothing of an import, its file and its report."""
    for table in (import_page_table, import_stated_table, import_touched_table):
        await session.execute(delete(table).where(table.c.import_id == import_id))
    await session.execute(delete(import_table).where(import_table.c.id == import_id))


async def _forget_abandoned(session: AsyncSession) -> None:
    """Forget the files whose senders, or receivers, have died on the way."""
    abandoned = await session.execute(
        select(import_table.c.id).where(
            import_table.c.state == "receiving",
            import_table.c.created_at < datetime.now(UTC) - _ABANDONED,
        )
    )
    for import_id in list(abandoned.scalars()):
        await forget_import(session, import_id)
