"""Relationships that rows name by identifiers, tied once all rows are read.

A relationship is stored first; the records of both its ends show it when their turn comes, each
once, however many relationships it gets.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, delete, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.external_ids import ExternalIdPair, find_holders
from services.directory.imports.batch import Batch
from services.directory.imports.drafts import load_drafts
from services.directory.imports.parts import in_parts
from services.directory.imports.ties import OWN_IDS, NamedTie, RowTies
from services.directory.models import (
    import_stated_table,
    import_touched_table,
    partner_table,
    relationship_table,
)
from services.directory.relationships import WITHOUT_CIRCLES, stored_form
from services.directory.rendering import Shown, Tie, shown_ties
from shared.many_rows import insert_new_rows, insert_rows
from shared.vocabulary import INVERSE_RELATIONSHIP, PartnerStatus, RelationshipKind

Stored = tuple[UUID, RelationshipKind, UUID]
_RECORDS_A_BATCH = 500
_STORED = relationship_table.c


@dataclass(slots=True)
class Linked:
    """What came of the relationships that some rows name."""

    changed: set[int] = field(default_factory=set)
    """Rows whose partner has got or lost one."""
    notes: dict[int, list[str]] = field(default_factory=dict)
    """By row, what could not be tied, and why."""
    circular: dict[int, str] = field(default_factory=dict)
    """By row, why one would make a circle."""


async def state_ties(session: AsyncSession, import_id: UUID, rows: Sequence[RowTies]) -> None:
    """Note which relationships `rows` state, so that no other row ends them."""
    targets = await _targets(session, rows)
    stated = {tie for one in rows for tie in _wanted(one, targets, Linked())}
    columns = [{"import_id": import_id, **_columns(tie)} for tie in stated]
    await insert_new_rows(session, import_stated_table, columns)


async def part_rows(session: AsyncSession, import_id: UUID, rows: Sequence[RowTies]) -> Linked:
    """End the relationships of partners whose rows name all they have, and that no row states."""
    linked = Linked()
    whole = {one.partner_id for one in rows if one.all_of_them}
    had = await _ties_of(session, relationship_table, whole)
    of_import = import_stated_table.c.import_id == import_id
    stated = await _ties_of(session, import_stated_table, whole, of_import)
    lost: set[Stored] = set()
    for one in rows:
        ended = had.get(one.partner_id, set()) - stated.get(one.partner_id, set())
        if one.all_of_them and ended:
            linked.changed.add(one.row)
            lost |= ended
    for tie in lost:
        conditions = [_STORED[name] == value for name, value in _columns(tie).items()]
        await session.execute(delete(relationship_table).where(*conditions))
    await _touch(session, import_id, lost)
    return linked


async def link_rows(session: AsyncSession, import_id: UUID, rows: Sequence[RowTies]) -> Linked:
    """Store the relationships of `rows`, and note which partners' records are to show them."""
    linked = Linked()
    targets = await _targets(session, rows)
    had = await _ties_of(session, relationship_table, {one.partner_id for one in rows})
    added: dict[Stored, int] = {}
    for one in rows:
        for tie in _wanted(one, targets, linked) - had.get(one.partner_id, set()):
            added.setdefault(tie, one.row)
    above = await _above(session, added)
    for tie, row in list(added.items()):
        if tie[1] in WITHOUT_CIRCLES and above.closes(tie):
            linked.circular[row] = (
                f"With {tie[1].value} {tie[2]} of {tie[0]}, a partner would be its own "
                f"{tie[1].value} over some steps."
            )
            del added[tie]
        else:
            above.add(tie)
            linked.changed.add(row)
    await insert_rows(session, relationship_table, [_columns(tie) for tie in added])
    await _touch(session, import_id, added)
    return linked


def _columns(tie: Stored) -> dict[str, Any]:
    return {"subject_id": tie[0], "kind": tie[1].value, "object_id": tie[2]}


async def _touch(session: AsyncSession, import_id: UUID, ties: Iterable[Stored]) -> None:
    ends = {end for tie in ties for end in (tie[0], tie[2])}
    rows = [{"import_id": import_id, "partner_id": end} for end in sorted(ends)]
    await insert_new_rows(session, import_touched_table, rows)


def _wanted(one: RowTies, targets: dict[ExternalIdPair, UUID], linked: Linked) -> set[Stored]:
    wanted = set()
    for tie in one.ties:
        target = targets.get((tie.scheme, tie.value))
        if target is None:
            linked.notes.setdefault(one.row, []).append(
                f"{tie.kind.value} {_named(tie)} is not in the directory, so they are not related."
            )
        elif target != one.partner_id:
            wanted.add(stored_form(one.partner_id, Tie(tie.kind, target)))
    return wanted


def _named(tie: NamedTie) -> str:
    return tie.value if tie.scheme == OWN_IDS else f"{tie.scheme} {tie.value}"


async def _targets(session: AsyncSession, rows: Iterable[RowTies]) -> dict[ExternalIdPair, UUID]:
    named = {(tie.scheme, tie.value) for one in rows for tie in one.ties}
    found = await find_holders(session, (pair for pair in named if pair[0] != OWN_IDS))
    for ids in in_parts(UUID(value) for scheme, value in named if scheme == OWN_IDS):
        there = await session.execute(
            select(partner_table.c.id).where(
                partner_table.c.id.in_(ids),
                partner_table.c.status != PartnerStatus.withdrawn.value,
            )
        )
        found |= {(OWN_IDS, str(partner_id)): partner_id for partner_id in there.scalars()}
    return found


async def _ties_of(
    session: AsyncSession, table: Table, partner_ids: set[UUID], *conditions: ColumnElement[bool]
) -> dict[UUID, set[Stored]]:
    """The relationships in `table` of each of these partners, at whichever end it stands."""
    found: dict[UUID, set[Stored]] = {}
    for end in (table.c.subject_id, table.c.object_id):
        query = select(table.c.subject_id, table.c.kind, table.c.object_id)
        for part in in_parts(partner_ids):
            for row in await session.execute(query.where(end.in_(part), *conditions)):
                tie = (row.subject_id, RelationshipKind(row.kind), row.object_id)
                for partner_id in {row.subject_id, row.object_id} & partner_ids:
                    found.setdefault(partner_id, set()).add(tie)
    return found


class _Above:
    """What is above what, by the kinds of relationship that must not run in a circle."""

    def __init__(self) -> None:
        self._steps: dict[tuple[RelationshipKind, UUID], set[UUID]] = {}

    def add(self, tie: Stored) -> None:
        """A relationship more."""
        subject, kind, other = tie
        self._steps.setdefault((kind, subject), set()).add(other)

    def closes(self, tie: Stored) -> bool:
        """Whether the relationship would make a circle."""
        end, kind, start = tie
        seen, ahead = {start}, [start]
        while ahead:
            here = ahead.pop()
            if here == end:
                return True
            further = self._steps.get((kind, here), set()) - seen
            seen |= further
            ahead += further
        return False


async def _above(session: AsyncSession, added: Iterable[Stored]) -> _Above:
    """What leads upwards from where the added relationships lead to."""
    above = _Above()
    for kind in WITHOUT_CIRCLES:
        tops = {other for _, added_kind, other in added if added_kind is kind}
        for part in in_parts(tops):
            edges = (
                select(_STORED.subject_id, _STORED.object_id)
                .where(_STORED.kind == kind.value, _STORED.subject_id.in_(part))
                .cte("above", recursive=True)
            )
            # UNION, not UNION ALL: what is met again on the way is not followed again.
            edges = edges.union(
                select(_STORED.subject_id, _STORED.object_id).where(
                    _STORED.kind == kind.value, _STORED.subject_id == edges.c.object_id
                )
            )
            for row in await session.execute(select(edges.c.subject_id, edges.c.object_id)):
                above.add((row.subject_id, kind, row.object_id))
    return above


async def load_touched(
    session: AsyncSession, import_id: UUID, batch: Batch, behind: UUID | None
) -> list[UUID]:
    """Fill `batch` with partners whose records are to show their relationships; which these are.

    `behind`: those whose ids come after this one.
    """
    columns = import_touched_table.c
    after = true() if behind is None else columns.partner_id > behind
    found = await session.execute(
        select(columns.partner_id)
        .where(columns.import_id == import_id, after)
        .order_by(columns.partner_id)
        .limit(_RECORDS_A_BATCH)
    )
    partner_ids = list(found.scalars())
    batch.partners = await load_drafts(session, partner_ids)
    rows = await session.execute(
        select(relationship_table).where(
            or_(_STORED.subject_id.in_(partner_ids), _STORED.object_id.in_(partner_ids))
        )
    )
    ties: dict[UUID, list[Tie]] = {}
    for row in rows:
        kind = RelationshipKind(row.kind)
        ties.setdefault(row.subject_id, []).append(Tie(kind, row.object_id))
        ties.setdefault(row.object_id, []).append(Tie(INVERSE_RELATIONSHIP[kind], row.subject_id))
    others = await _shown(session, {tie.other for one in partner_ids for tie in ties.get(one, ())})
    for draft in batch.partners.values():
        shown = shown_ties(ties.get(draft.id, ()), others)
        withdrawn = draft.status == PartnerStatus.withdrawn.value
        if shown != draft.relationships and not withdrawn:
            draft.relationships, draft.changed = shown, True
    return partner_ids


async def _shown(session: AsyncSession, partner_ids: set[UUID]) -> dict[UUID, Shown]:
    found: dict[UUID, Shown] = {}
    columns = partner_table.c
    for part in in_parts(partner_ids):
        rows = await session.execute(
            select(columns.id, columns.display_name, columns.visibility).where(columns.id.in_(part))
        )
        found |= {row.id: Shown(row.display_name, row.visibility) for row in rows}
    return found


async def forget_touched(session: AsyncSession, import_id: UUID, partner_ids: list[UUID]) -> None:
    """The records of these partners show their relationships now."""
    columns = import_touched_table.c
    await session.execute(
        delete(import_touched_table).where(
            columns.import_id == import_id, columns.partner_id.in_(partner_ids)
        )
    )
