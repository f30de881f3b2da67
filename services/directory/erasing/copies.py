"""What the directory has kept of partners beside their current records, rewritten in place."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Column, ColumnElement, Table, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.erasing.person import Person
from services.directory.models import (
    dispute_table,
    duplicate_dismissal_table,
    kept_answer_table,
    merge_table,
    outbox_table,
    partner_table,
    partner_version_table,
    proposal_comment_table,
    proposal_table,
    source_values_table,
)
from services.directory.proposal_write import ProposalKind
from shared.erasing import with_contact_points_forgotten, without_contact_points
from shared.records import JsonObject


def _holds(session: AsyncSession, column: Any, what: Collection[str]) -> ColumnElement[bool]:
    """Whether the bytes of `column` have one of the texts in them."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"

    def place(text: str) -> Any:
        needle: Any = bindparam(None, text.encode())
        return func.instr(column, needle) if is_sqlite else func.position(needle.op("IN")(column))

    return or_(*(place(text) > 0 for text in sorted(what)))


async def kept_records(session: AsyncSession, partner_id: UUID) -> AsyncIterator[JsonObject]:
    """All that is kept of the partner: its record, earlier ones, and those that events carry."""
    versions, events = partner_version_table.c, outbox_table.c
    current = select(partner_table.c.secretariat).where(partner_table.c.id == partner_id)
    earlier = select(versions.record).where(
        versions.partner_id == partner_id, versions.record.is_not(None)
    )
    told = select(events.event).where(events.subject == str(partner_id))
    for query in (current, earlier):
        async for record in await session.stream_scalars(query.execution_options(yield_per=50)):
            yield orjson.loads(record)
    # History may have begun later than the log.
    async for event in await session.stream_scalars(told.execution_options(yield_per=50)):
        record = orjson.loads(event)["data"].get("record")
        if record is not None:
            yield record


async def forget_in_versions(session: AsyncSession, partner_id: UUID, person: Person) -> int:
    """Take the person out of the partner's earlier records; how many had it."""
    columns = partner_version_table.c
    of_partner = columns.partner_id == partner_id
    rows = await session.execute(
        select(columns.version, columns.record).where(
            of_partner, _holds(session, columns.record, person.ids)
        )
    )
    changed = 0
    for version, record in rows.all():
        left = without_contact_points(orjson.loads(record), person.ids)
        await session.execute(
            update(partner_version_table)
            .where(of_partner, columns.version == version)
            .values(record=orjson.dumps(left))
        )
        changed += 1
    return changed


async def forget_in_events(session: AsyncSession, partner_id: UUID, person: Person) -> int:
    """Take the person out of the events about the partner; how many had it."""
    columns = outbox_table.c
    rows = await session.execute(
        select(columns.id, columns.event).where(
            columns.subject == str(partner_id), _holds(session, columns.event, person.ids)
        )
    )
    changed = 0
    for row_id, event in rows.all():
        had = orjson.loads(event)
        left = with_contact_points_forgotten(had, person.ids)
        # The event of the erasure itself has the ids in it, and nothing else.
        if left != had:
            await session.execute(
                update(outbox_table).where(columns.id == row_id).values(event=orjson.dumps(left))
            )
            changed += 1
    return changed


async def forget_in_proposals(
    session: AsyncSession, partner_ids: Collection[UUID], person: Person
) -> int:
    """Take the person out of what was proposed of the partners, or as a new one; how many had it.

    What was said about these proposals is looked through too.
    """
    columns = proposal_table.c
    concerned = or_(
        columns.partner_id.in_(partner_ids),
        columns.other_id.in_(partner_ids),
        columns.kind == ProposalKind.create.value,
    )
    changed = 0
    for proposal_id, content in (
        await session.execute(
            select(columns.id, columns.content).where(concerned, columns.content.is_not(None))
        )
    ).all():
        points = (content or {}).get("contact_points")
        left = person.others_of(points) if points else points
        if left != points:
            await session.execute(
                update(proposal_table)
                .where(columns.id == proposal_id)
                .values(content={**content, "contact_points": left})
            )
            changed += 1
    said = ("reason", "contact", "outcome")
    changed += await _forget_in_texts(session, proposal_table, said, concerned, person)
    comments = proposal_comment_table.c.proposal_id.in_(select(columns.id).where(concerned))
    return changed + await _forget_in_texts(
        session, proposal_comment_table, ("text",), comments, person
    )


async def forget_in_remarks(
    session: AsyncSession, partner_ids: Collection[UUID], person: Person
) -> int:
    """Take the person out of reasons and other remarks about the partners; how many had it."""
    version, dispute, merge = partner_version_table.c, dispute_table.c, merge_table.c
    dismissal = duplicate_dismissal_table.c
    remarks: list[tuple[Table, Sequence[str], ColumnElement[bool]]] = [
        (partner_version_table, ("reason",), version.partner_id.in_(partner_ids)),
        (dispute_table, ("reason", "contact", "outcome"), dispute.partner_id.in_(partner_ids)),
        (
            merge_table,
            ("reason",),
            merge.from_id.in_(partner_ids) | merge.into_id.in_(partner_ids),
        ),
        (
            duplicate_dismissal_table,
            ("reason",),
            dismissal.first_id.in_(partner_ids) | dismissal.second_id.in_(partner_ids),
        ),
    ]
    return sum([await _forget_in_texts(session, *of, person) for of in remarks])


async def _forget_in_texts(
    session: AsyncSession,
    table: Table,
    names: Sequence[str],
    where: ColumnElement[bool],
    person: Person,
) -> int:
    keys = list(table.primary_key)
    texts = [table.c[name] for name in names]
    changed = 0
    for row in (await session.execute(select(*keys, *texts).where(where))).mappings().all():
        left = {text.name: _forgotten(text, row[text.name], person) for text in texts}
        if any(left[name] != row[name] for name in names):
            await session.execute(
                update(table).where(*(key == row[key.name] for key in keys)).values(**left)
            )
            changed += 1
    return changed


def _forgotten(column: Column[Any], text: str | None, person: Person) -> str | None:
    left: str | None = person.forgotten_in(text)
    longest: int | None = column.type.length  # type: ignore[attr-defined]
    # What stands in the place of a short name may be longer than that.
    return left if left is None or longest is None else left[:longest]


async def forget_in_merges(
    session: AsyncSession, partner_ids: Collection[UUID], person: Person
) -> int:
    """Take the person out of what is kept to undo merges; how many had it."""
    columns = merge_table.c
    rows = await session.execute(
        select(columns.id, columns.moved).where(
            columns.from_id.in_(partner_ids) | columns.into_id.in_(partner_ids)
        )
    )
    changed = 0
    for merge_id, moved in rows.all():
        points = moved["values"].get("contact_points", [])
        left = person.others_of(points)
        if left != points:
            values = {**moved["values"], "contact_points": left}
            await session.execute(
                update(merge_table)
                .where(columns.id == merge_id)
                .values(moved={**moved, "values": values})
            )
            changed += 1
    return changed


async def forget_in_source_values(
    session: AsyncSession, partner_ids: Collection[UUID], person: Person
) -> int:
    """Take the person out of what other formats said of the partners; how many had it."""
    columns = source_values_table.c
    rows = await session.execute(
        select(source_values_table).where(columns.partner_id.in_(partner_ids))
    )
    changed = 0
    for row in rows.all():
        left = person.forgotten_in(row.content)
        if left != row.content:
            await session.execute(
                update(source_values_table)
                .where(columns.partner_id == row.partner_id, columns.format == row.format)
                .values(content=left)
            )
            changed += 1
    return changed


async def forget_in_answers(session: AsyncSession, person: Person) -> int:
    """Show no answer again that has something of the person in it; how many there were."""
    columns = kept_answer_table.c
    rows = await session.execute(
        select(columns.account_id, columns.key, columns.body).where(columns.body.is_not(None))
    )
    forgotten = [
        (account_id, key)
        for account_id, key, body in rows.all()
        if any(point_id.encode() in body for point_id in person.ids)
        or person.is_mentioned_in(body.decode(errors="replace"))
    ]
    for account_id, key in forgotten:
        await session.execute(
            update(kept_answer_table)
            .where(columns.account_id == account_id, columns.key == key)
            .values(body=None)
        )
    return len(forgotten)
