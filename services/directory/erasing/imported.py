"""What the directory has kept of imports: their files while they run, and their reports."""

import orjson
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.erasing.person import Person
from services.directory.imports.pages import pack_json, unpack_lines, unpack_rows
from services.directory.models import import_page_table
from shared.problems import Problem

_PAGE = import_page_table.c


class ImportHasPerson(Problem):
    """The file of an import that is under way has the person's details in it."""

    status, title, kind = 409, "An import has the person in it", "import-has-person"


async def forget_in_imports(session: AsyncSession, person: Person) -> int:
    """Take the person out of the reports of imports; how many pages of them had it.

    Raises:
        ImportHasPerson: an import that is under way would bring the person back.
    """
    pages = select(_PAGE.import_id, _PAGE.number, _PAGE.content, _PAGE.report).where(
        or_(_PAGE.content.is_not(None), _PAGE.report.is_not(None))
    )
    changed = 0
    # One at a time: a file may have hundreds of megabytes.
    found = await session.stream(pages.execution_options(yield_per=1))
    async for import_id, number, content, report in found:
        if content is not None:
            for row in unpack_rows(content):
                if person.is_mentioned_in(row.decode(errors="replace")):
                    raise ImportHasPerson(
                        f"The file of import {import_id}, which is under way, has them in it. Wait "
                        f"until it has ended, or call it off with DELETE /imports/{import_id}."
                    )
        if report is not None:
            lines = [orjson.loads(line) for line in unpack_lines(report)]
            left = person.forgotten_in(lines)
            if left != lines:
                await session.execute(
                    update(import_page_table)
                    .where(_PAGE.import_id == import_id, _PAGE.number == number)
                    .values(report=pack_json(left))
                )
                changed += 1
    return changed
