"""The phases of an import, a page at a time: rows, links between them, records of these, warnings.

Each function works in the transaction of its session and leaves it to the caller to commit.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.imports.batch import Batch, RowOutcome, load_batch, named_ids
from services.directory.imports.bulk_writing import WrittenPartners, write_partners
from services.directory.imports.finishing import load_who_shows, write_down
from services.directory.imports.linking import (
    forget_touched,
    link_rows,
    load_touched,
    part_rows,
    state_ties,
)
from services.directory.imports.pages import pack_json, unpack_lines, unpack_rows
from services.directory.imports.plan import Plan, last_write
from services.directory.imports.readers import NAME_ALL_RELATIONSHIPS, READERS
from services.directory.imports.reading import ReadRow, read_rows
from services.directory.imports.report import amend, counts_of, line_of
from services.directory.imports.ties import RowTies
from services.directory.imports.warning import is_warned
from services.directory.models import (
    import_page_table,
    import_stated_table,
    import_table,
)
from services.directory.periods import periods_of
from shared.audience import audience_of_role
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import Role

_IMPORT, _PAGE = import_table.c, import_page_table.c
COMPARING = "comparing"
_PHASES = ("rows", "stating", "parting", "linking", "records", COMPARING)
_FEWER_PHASES = ("rows", "linking", "records", COMPARING)
_NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Job:
    """An import that is worked on, and how far it is."""

    id: UUID
    account_id: UUID
    format: str
    mode: str
    dry_run: bool
    phase: str
    next_page: int
    warn: bool | None
    rows_total: int

    @classmethod
    def of(cls, row: RowMapping) -> "Job":
        """The import that `row` keeps."""
        return cls(**{name: row[name] for name in cls.__slots__})

    def next_phase(self) -> "Job | None":
        """The import at the beginning of its next phase; None in its last one."""
        phases = _PHASES if self.format in NAME_ALL_RELATIONSHIPS else _FEWER_PHASES
        ahead = phases[phases.index(self.phase) + 1 :]
        if not ahead or (ahead[0] == COMPARING and not self.warns):
            return None
        return replace(self, phase=ahead[0], next_page=0)

    @property
    def caller(self) -> Caller:
        """Who has asked for it."""
        role = Role.secretariat
        return Caller(self.account_id, role, None, audience_of_role(role), None)

    @property
    def warns(self) -> bool:
        """Whether likely duplicates are looked for."""
        return is_warned(self.warn, self.dry_run, self.rows_total)

    @property
    def atomic(self) -> bool:
        """Whether one broken row refuses all."""
        return self.mode == "atomic"


@dataclass(frozen=True, slots=True)
class PlannedRows:
    """What is to be done for the rows of a page."""

    lines: list[JsonObject]
    ties: list[RowTies]
    plan: Plan


@dataclass(frozen=True, slots=True)
class PlannedLinks:
    """Partners, in the order of their ids, whose records are to show their relationships."""

    partner_ids: list[UUID]
    plan: Plan


async def read_page(session: AsyncSession, job: Job, number: int) -> list[ReadRow] | None:
    """The rows of a page, read; None where there is no such page."""
    found = await session.execute(
        select(_PAGE.first_row, _PAGE.content).where(
            _PAGE.import_id == job.id, _PAGE.number == number
        )
    )
    page = found.first()
    # One that was called off has its pages without their rows.
    if page is None or page.content is None:
        return None
    # Beside the loop, which goes on answering requests.
    return await asyncio.to_thread(
        lambda: read_rows(READERS[job.format], page.first_row, unpack_rows(page.content))
    )


async def plan_rows(session: AsyncSession, job: Job, rows: Sequence[ReadRow]) -> PlannedRows:
    """Hold `rows` against the directory as it is now."""
    mark = await last_write(session)
    batch = await load_batch(session, job.format, rows, datetime.now(UTC))
    outcomes = await asyncio.to_thread(_take_all, batch, rows)
    await load_who_shows(session, batch)
    written = await asyncio.to_thread(write_down, batch, _nothing_written(session, job))
    return PlannedRows(
        [line_of(one) for one in outcomes],
        [one.ties for one in outcomes if one.ties is not None],
        Plan(
            written,
            mark,
            frozenset(batch.partners).union(named_ids(rows)),
            frozenset(pair for row in rows for pair in row.external_ids),
        ),
    )


def _take_all(batch: Batch, rows: Sequence[ReadRow]) -> list[RowOutcome]:
    return [batch.take(row) for row in rows]


def _nothing_written(session: AsyncSession, job: Job) -> WrittenPartners:
    return WrittenPartners(
        job.caller,
        session.info["public_url"],
        periods_of(session),
        f"Imported with /imports/{job.id}",
        with_keys=job.warns,
    )


async def store_rows(
    session: AsyncSession, job: Job, number: int, planned: PlannedRows
) -> Counter[str]:
    """Write what was planned for a page, with its part of the report; the page's counts."""
    await write_partners(session, planned.plan.written)
    counts = counts_of(planned.lines)
    ties = [tie.as_json() for tie in planned.ties]
    await _update_page(
        session,
        job,
        number,
        report=pack_json(planned.lines),
        refused=counts["refused"],
        ties=pack_json(ties) if ties else None,
    )
    counts["rows_read"] = len(planned.lines)
    return counts


async def _update_page(session: AsyncSession, job: Job, number: int, **values: object) -> None:
    await session.execute(
        update(import_page_table)
        .where(_PAGE.import_id == job.id, _PAGE.number == number)
        .values(**values)
    )


async def tie_page(session: AsyncSession, job: Job, number: int) -> Counter[str] | None:
    """Do with the relationships that a page's rows name what the phase is for.

    How the counts change; None where there is no such page.
    """
    found = await session.execute(
        select(_PAGE.ties, _PAGE.report).where(_PAGE.import_id == job.id, _PAGE.number == number)
    )
    page = found.first()
    if page is None:
        return None
    if page.ties is None:
        return Counter()
    rows = [RowTies.from_json(orjson.loads(line)) for line in unpack_lines(page.ties)]
    match job.phase:
        case "stating":
            await state_ties(session, job.id, rows)
            return Counter()
        case "parting":
            linked = await part_rows(session, job.id, rows)
        case _:
            linked = await link_rows(session, job.id, rows)
    refused = linked.circular if job.atomic else {}
    for row, why in linked.circular.items():
        if not job.atomic:
            linked.notes.setdefault(row, []).append(why)
    lines = [orjson.loads(line) for line in unpack_lines(page.report)]
    before = counts_of(lines)
    amend(lines, linked.changed, linked.notes, refused)
    counts = counts_of(lines)
    if linked.changed or linked.notes or refused:
        await _update_page(session, job, number, report=pack_json(lines), refused=counts["refused"])
    counts.subtract(before)
    return counts


async def warn_of(
    session: AsyncSession, job: Job, number: int, lines: list[JsonObject]
) -> Counter[str]:
    """Keep a page's part of the report, to which likely duplicates were added; how many rows."""
    warned = Counter({"warned": counts_of(lines)["warned"]})
    if warned["warned"]:
        await _update_page(session, job, number, report=pack_json(lines))
    return warned


async def plan_links(session: AsyncSession, job: Job, behind: UUID | None) -> PlannedLinks | None:
    """What records show of relationships that were stored; None where there are none any more.

    `behind`: of partners whose ids come after this one.
    """
    mark = await last_write(session)
    batch = Batch(job.format, datetime.now(UTC))
    partner_ids = await load_touched(session, job.id, batch, behind)
    if not partner_ids:
        return None
    written = await asyncio.to_thread(write_down, batch, _nothing_written(session, job))
    return PlannedLinks(partner_ids, Plan(written, mark, frozenset(batch.partners)))


async def store_links(session: AsyncSession, job: Job, planned: PlannedLinks) -> None:
    """Let the records show them."""
    await write_partners(session, planned.plan.written)
    await forget_touched(session, job.id, planned.partner_ids)


async def advance(
    session: AsyncSession, job: Job, counts: Counter[str], values: Mapping[str, object] = _NOTHING
) -> None:
    """Note how far the import is: what is to be added to its counts, and its new `values`."""
    added = {name: _IMPORT[name] + count for name, count in counts.items() if count}
    if added or values:
        await session.execute(
            update(import_table).where(_IMPORT.id == job.id).values(**added, **values)
        )


async def finish(
    session: AsyncSession, job: Job, counts: Counter[str], failure: JsonObject | None = None
) -> None:
    """The import has ended; its file is not needed any more."""
    await session.execute(
        update(import_page_table).where(_PAGE.import_id == job.id).values(content=None, ties=None)
    )
    await session.execute(
        delete(import_stated_table).where(import_stated_table.c.import_id == job.id)
    )
    state = "done" if failure is None else "failed"
    ended = {"state": state, "failure": failure, "finished_at": datetime.now(UTC)}
    await advance(session, job, counts, ended)
