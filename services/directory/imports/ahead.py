"""What comes next in an import: planned while what stands in front of it is written.

What a page needs to know is then looked up before the page in front of it is there; so its plan
holds only if that page has written nothing that this one has looked at, and nobody else has written
anything (`Ahead.still_holds`).
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from services.directory.imports.phases import Job, PlannedLinks, PlannedRows
from services.directory.imports.plan import Plan
from services.directory.imports.planning import Planner, Planning
from services.directory.imports.planning_process import PlanningProcess
from services.directory.settings import Settings
from shared.databases import Database

# A few seconds' work. Until the process of its own is up, the first pages are planned without it.
_LONG_ROWS = 3_000


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written, and the newest writes before and after it."""

    plan: Plan
    before: int
    last: int


class Ahead:
    """One process's work ahead of what it writes."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._here = Planning(database)
        self._elsewhere = PlanningProcess(settings)
        self._begun = _Begun()
        self._written: _Written | None = None

    async def page(self, job: Job) -> PlannedRows | None:
        """What is to be done for the page at which `job` is; None where it has no more."""
        planned: PlannedRows | None = await (self._begun.take(job) or self.page_anew(job))
        return planned

    async def page_anew(self, job: Job) -> PlannedRows | None:
        """The same, as the directory is now."""
        return await self._planner(job).page(job)

    def begin_page(self, job: Job) -> None:
        """Begin with the page after that of `job`."""
        following = _after(job)
        self._begun.begin(following, self.page_anew(following))

    async def links(self, job: Job) -> PlannedLinks | None:
        """Records that are to show links; None where all do."""
        planned: PlannedLinks | None = await (self._begun.take(job) or self.links_anew(job))
        return planned

    async def links_anew(self, job: Job, behind: UUID | None = None) -> PlannedLinks | None:
        """The same, as the directory is now; of partners whose ids come after `behind`."""
        return await self._planner(job).links(job, behind)

    def begin_links(self, job: Job, planned: PlannedLinks) -> None:
        """Begin with the records after those of `planned`."""
        following = _after(job)
        self._begun.begin(following, self.links_anew(following, planned.partner_ids[-1]))

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
        self._begun.stop()
        self._here.stop()
        self._elsewhere.stop()
        self._written = None

    def _planner(self, job: Job) -> Planner:
        if job.rows_total < _LONG_ROWS:
            return self._here
        self._elsewhere.start()
        return self._elsewhere if self._elsewhere.is_ready else self._here


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
