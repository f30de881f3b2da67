"""Working on imports: one at a time, page by page, each page one transaction.

Invariants. How far an import is, is committed together with what it has written, under the lease
that only one process has: after a crash another one goes on behind the last page, and no row is
lost or taken twice. What a page changes is worked out before the transaction, beside the writing of
the page in front of it, and is written only if nothing that it has looked at can have changed
since; else it is worked out anew.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import structlog
from sqlalchemy import RowMapping, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.imports.ahead import Ahead
from services.directory.imports.phases import (
    COMPARING,
    Job,
    advance,
    finish,
    plan_links,
    plan_rows,
    read_page,
    store_links,
    store_rows,
    tie_page,
    warn_of,
)
from services.directory.imports.plan import last_write
from services.directory.imports.undone import kept_reports
from services.directory.imports.warning import compare_page
from services.directory.models import import_page_table, import_table, leases
from services.directory.outbox import stand_in_line
from services.directory.settings import Settings
from shared.databases import Database
from shared.leases import hold_lease, release_lease

LEASE_SECONDS = 10.0
_LEASE = "import"
_TRIES = 3
_IMPORT, _PAGE = import_table.c, import_page_table.c
_log = structlog.get_logger()


class Importing:
    """One process's work on imports; it works while it holds the lease."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._holder = str(uuid7())
        self._held_until = 0.0
        self._busy = False
        self._failed: Counter[tuple[UUID, str, int]] = Counter()
        self._ahead = Ahead(settings, database)

    @property
    def busy(self) -> bool:
        """Whether the last step had something to do."""
        return self._busy

    async def step(self) -> int:
        """Go on with the oldest import by one page; 0 where there is nothing to do here."""
        row = await self._next_row()
        self._busy = row is not None
        if row is None:
            self._ahead.stop()
            return 0
        job = Job.of(row)
        if row["started_at"] is None or time.monotonic() > self._held_until:
            async with self._turn(job) as session:
                if session is None:
                    self._busy = False
                    return 0
        try:
            whole = (job.atomic or job.dry_run) and job.phase != COMPARING
            await (self._run_whole(job) if whole else self._run_page(job))
        except (OperationalError, InterfaceError, OSError):
            # The database is away or full; nothing is lost by waiting.
            raise
        except Exception as error:
            await self._give_up_at_last(job, error)
        return 1

    async def end(self) -> None:
        """Let another process go on at once."""
        self._ahead.stop()
        async with self._database.transaction() as session:
            await release_lease(session, leases, _LEASE, self._holder)

    async def _next_row(self) -> RowMapping | None:
        async with self._database.reading() as session:
            found = await session.execute(
                select(import_table).where(_IMPORT.state == "running").order_by(_IMPORT.id).limit(1)
            )
            return found.mappings().first()

    @asynccontextmanager
    async def _turn(self, job: Job) -> AsyncIterator[AsyncSession | None]:
        """A transaction in which `job` is where it was; None where another one has gone on."""
        async with self._database.transaction() as session:
            await stand_in_line(session)
            if not await hold_lease(session, leases, _LEASE, self._holder, LEASE_SECONDS):
                yield None
                return
            found = await session.execute(
                select(import_table)
                .where(_IMPORT.id == job.id, _IMPORT.state == "running")
                .with_for_update()
            )
            row = found.mappings().first()
            if row is None or Job.of(row) != job:
                yield None
                return
            if row["started_at"] is None:
                await advance(session, job, Counter(), {"started_at": datetime.now(UTC)})
            yield session
        self._held_until = time.monotonic() + LEASE_SECONDS / 2

    async def _run_page(self, job: Job) -> None:
        match job.phase:
            case "rows":
                await self._run_rows(job)
            case "records":
                await self._run_links(job)
            case "comparing":
                async with self._database.reading() as session:
                    lines = await compare_page(session, job.id, job.next_page)
                async with self._turn(job) as session:
                    if session is not None:
                        warned = None
                        if lines is not None:
                            warned = await warn_of(session, job, job.next_page, lines)
                        await self._go_on(session, job, warned)
            case _:
                async with self._turn(job) as session:
                    if session is not None:
                        counts = await tie_page(session, job, job.next_page)
                        await self._go_on(session, job, counts)

    async def _run_rows(self, job: Job) -> None:
        planned = await self._ahead.page(job)
        async with self._turn(job) as session:
            if session is None:
                return
            before = await last_write(session)
            if planned is not None and not self._ahead.still_holds(planned.plan, before):
                planned = await self._ahead.page_anew(job)
            if planned is None:
                await self._go_on(session, job, None)
                return
            # Not before it has its turn: what is worked out would keep it from getting there.
            self._ahead.begin_page(job)
            counts = await store_rows(session, job, job.next_page, planned)
            await self._go_on(session, job, counts)
            last = await last_write(session)
        self._ahead.note_written(planned.plan, before, last)

    async def _run_links(self, job: Job) -> None:
        planned = await self._ahead.links(job)
        async with self._turn(job) as session:
            if session is None:
                return
            before = await last_write(session)
            if planned is not None and not self._ahead.still_holds(planned.plan, before):
                planned = await self._ahead.links_anew(job)
            if planned is None:
                await self._go_on(session, job, None)
                return
            self._ahead.begin_links(job, planned)
            await store_links(session, job, planned)
            await self._go_on(session, job, Counter())
            last = await last_write(session)
        self._ahead.note_written(planned.plan, before, last)

    async def _go_on(self, session: AsyncSession, job: Job, counts: Counter[str] | None) -> None:
        """Note that a page is done; or, where there was none, that the phase is."""
        if counts is not None:
            await advance(session, job, counts, {"next_page": job.next_page + 1})
        elif (ahead := job.next_phase()) is not None:
            place = {"phase": ahead.phase, "next_page": ahead.next_page}
            await advance(session, job, Counter(), place)
        else:
            await finish(session, job, Counter())
            self._say_ended(job)

    async def _run_whole(self, job: Job) -> None:
        """All pages in one transaction, which is undone in a dry run or where a row is refused.

        Likely duplicates of what was written are looked for afterwards, a page at a time.
        """
        try:
            async with self._turn(job) as session:
                if session is None:
                    return
                counts = await _all_pages(session, job)
                refused = job.atomic and counts["refused"] > 0
                if job.dry_run or refused:
                    raise _Undone(counts, await kept_reports(session, job.id, only_refused=refused))
                if job.warns:
                    await advance(session, job, counts, {"phase": COMPARING, "next_page": 0})
                    return
                await finish(session, job, counts)
        except _Undone as undone:
            await self._keep_report(job, undone)
        self._say_ended(job)

    async def _keep_report(self, job: Job, undone: "_Undone") -> None:
        async with self._turn(job) as session:
            if session is None:
                return
            for number, (report, refused) in undone.reports.items():
                await session.execute(
                    update(import_page_table)
                    .where(_PAGE.import_id == job.id, _PAGE.number == number)
                    .values(report=report, refused=refused)
                )
            counts, failure = undone.counts, None
            if job.atomic and counts["refused"]:
                failure = {
                    "reason": "rows-refused",
                    "detail": f"{counts['refused']} row(s) were refused, so nothing was written. "
                    "Mend the rows that the report names, and send the file again.",
                }
                kept = Counter({"refused": counts["refused"], "rows_read": counts["rows_read"]})
                counts = kept
            await finish(session, job, counts, failure)

    async def _give_up_at_last(self, job: Job, error: Exception) -> None:
        """Try a page a few times; then end the import, for the next ones wait behind it."""
        place = (job.id, job.phase, job.next_page)
        self._failed[place] += 1
        if self._failed[place] < _TRIES:
            raise error
        _log.error("import.failed", import_id=str(job.id), page=job.next_page, exc_info=error)
        async with self._turn(job) as session:
            if session is not None:
                detail = "This is our fault, and it is logged under the import's id. "
                if job.phase == COMPARING:
                    detail += "All was written, but not all compared."
                elif not job.atomic:
                    detail += "Pages before it were written."
                failure = {"reason": "internal-error", "detail": detail.strip()}
                await finish(session, job, Counter(), failure)

    def _say_ended(self, job: Job) -> None:
        self._failed.clear()
        _log.info("import.ended", import_id=str(job.id), format=job.format, mode=job.mode)


class _Undone(Exception):
    """Undoes the transaction of an import that is not to write anything."""

    def __init__(self, counts: Counter[str], reports: dict[int, tuple[bytes, int]]) -> None:
        super().__init__("undone")
        self.counts = counts
        self.reports = reports


async def _all_pages(session: AsyncSession, job: Job) -> Counter[str]:
    counts: Counter[str] = Counter()
    number = 0
    while (rows := await read_page(session, job, number)) is not None:
        counts.update(await store_rows(session, job, number, await plan_rows(session, job, rows)))
        number += 1
    while (ahead := job.next_phase()) is not None and ahead.phase != "records":
        job = ahead
        for page in range(number):
            counts.update(await tie_page(session, job, page) or {})
    while (links := await plan_links(session, job, None)) is not None:
        await store_links(session, job, links)
    if job.dry_run and job.warns and not (job.atomic and counts["refused"]):
        for page in range(number):
            lines = await compare_page(session, job.id, page) or []
            counts.update(await warn_of(session, job, page, lines))
    return counts
