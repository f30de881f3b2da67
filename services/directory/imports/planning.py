"""Planning: reading the next rows of an import, and working out what is to be written for them.

Nothing is written here, so it may be done beside the writing of what stands in front of it, by the
process that writes or by one of its own (`planning_process.py`).
"""

from typing import Protocol
from uuid import UUID

from services.directory.imports.phases import (
    Job,
    PlannedLinks,
    PlannedRows,
    plan_links,
    plan_rows,
    read_page,
)
from services.directory.imports.reading import ReadRow
from shared.databases import Database


class Planner(Protocol):
    """Who plans."""

    async def page(self, job: Job) -> PlannedRows | None:
        """What is to be done for the page at which `job` is; None where it has no more."""

    async def links(self, job: Job, behind: UUID | None) -> PlannedLinks | None:
        """Records that are to show links, of ids after `behind`; None where there are no more."""


class Planning:
    """See Planner; in this very process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read: tuple[Job, list[ReadRow] | None] | None = None

    async def page(self, job: Job) -> PlannedRows | None:
        """See Planner."""
        async with self._database.reading() as session:
            # The same page is asked for again where somebody has written meanwhile.
            if self._read is None or self._read[0] != job:
                self._read = job, await read_page(session, job, job.next_page)
            rows = self._read[1]
            return None if rows is None else await plan_rows(session, job, rows)

    async def links(self, job: Job, behind: UUID | None) -> PlannedLinks | None:
        """See Planner."""
        async with self._database.reading() as session:
            return await plan_links(session, job, behind)

    def stop(self) -> None:
        """Forget what was read."""
        self._read = None
