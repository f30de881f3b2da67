"""What comes next in an import: read and planned while what stands in front of it is written.

A database that writes leaves a processor free. What a page needs to know is then looked up before
the page in front of it is there; so its plan holds only if that page has written nothing that this
one has looked at, and nobody else has written anything (`Ahead.still_holds`).
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from services.directory.imports.phases import (
    Job,
    PlannedLinks,
    PlannedRows,
    plan_links,
    plan_rows,
    read_page,
)
from services.directory.imports.plan import Plan
from services.directory.imports.reading import ReadRow
from shared.databases import Database


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and what is to be done for them."""

    rows: list[ReadRow]
    planned: PlannedRows


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written, and the newest writes before and after it."""

    plan: Plan
    before: int
    last: int


class Ahead:
    """One process's work ahead of what it writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading = _Begun()
        self._planning = _Begun()
        self._written: _Written | None = None

    async def page(self, job: Job) -> Page | None:
        """The page at which `job` is; None where it has no more."""
        page: Page | None = await (self._planning.take(job) or self._page(job))
        return page

    def begin_page(self, job: Job) -> None:
        """Begin with the page after that of `job`."""
        following = _after(job)
        self._planning.begin(following, self._page(following))

    async def links(self, job: Job) -> PlannedLinks | None:
        """Records that are to show links; None where all do."""
        planned: PlannedLinks | None = await (self._planning.take(job) or self._links(job, None))
        return planned

    def begin_links(self, job: Job, planned: PlannedLinks) -> None:
        """Begin with the records after those of `planned`."""
        following = _after(job)
        self._planning.begin(following, self._links(following, planned.partner_ids[-1]))

    def still_holds(self, plan: Plan, last_write: int) -> bool:
        """Whether it would be the same now that `last_write` is the newest one there is."""
        if plan.mark == last_write:
            return True
        written = self._written
        return (
            written is not None
            and plan.mark == written.before
            and last_write == written.last
            and plan.is_untouched_by(written.plan)
        )

    def note_written(self, plan: Plan, before: int, last: int) -> None:
        """It was written; `before` and `last` are the newest writes before and after it."""
        self._written = _Written(plan, before, last)

    def stop(self) -> None:
        """Leave off, and forget what was read."""
        self._planning.stop()
        self._reading.stop()
        self._written = None

    async def _page(self, job: Job) -> Page | None:
        rows: list[ReadRow] | None = await (self._reading.take(job) or self._read(job))
        if rows is None:
            return None
        async with self._database.reading() as session:
            page = Page(rows, await plan_rows(session, job, rows))
        # Not beside it: both would take turns at the interpreter.
        following = _after(job)
        self._reading.begin(following, self._read(following))
        return page

    async def _read(self, job: Job) -> list[ReadRow] | None:
        async with self._database.reading() as session:
            return await read_page(session, job, job.next_page)

    async def _links(self, job: Job, behind: UUID | None) -> PlannedLinks | None:
        async with self._database.reading() as session:
            return await plan_links(session, job, behind)


class _Begun:
    """Work that has begun for one place of an import."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._task: asyncio.Task[Any] | None = None

    def begin(self, job: Job, work: Coroutine[Any, Any, Any]) -> None:
        self.stop()
        self._job, self._task = job, asyncio.create_task(work)

    def take(self, job: Job) -> asyncio.Task[Any] | None:
        """The work for this very place; what has begun for another one is left off."""
        if self._job != job:
            self.stop()
        task, self._task = self._task, None
        return task

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = None


def _after(job: Job) -> Job:
    return replace(job, next_page=job.next_page + 1)
