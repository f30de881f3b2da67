"""Relationships between partners: stored once, read from both ends, without circles of parents."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import RelationshipRow, partner_table, relationship_table
from services.directory.partner_write import RelationshipWrite
from services.directory.rendering import Tie, ties_of
from shared.problems import InvalidValues, Problem
from shared.records import JsonObject
from shared.vocabulary import INVERSE_RELATIONSHIP, PartnerStatus, RelationshipKind

# Each relationship is stored in one of these ways; the other four are the same read from behind.
_STORED = {
    RelationshipKind.parent,
    RelationshipKind.successor,
    RelationshipKind.related,
    RelationshipKind.collaborates_with,
    RelationshipKind.funds,
    RelationshipKind.member_of,
}
_SYMMETRIC = {RelationshipKind.related, RelationshipKind.collaborates_with}
WITHOUT_CIRCLES = (RelationshipKind.parent, RelationshipKind.successor)


class CircularRelationship(Problem):
    """A partner would come to be above, or after, itself."""

    status, title, kind = 409, "The relationships would run in a circle", "circular-relationship"


def stored_form(partner_id: UUID, tie: Tie) -> tuple[UUID, RelationshipKind, UUID]:
    """The relationship as it is stored: subject, kind, object."""
    subject, kind, other = partner_id, tie.kind, tie.other
    if kind not in _STORED:
        subject, kind, other = other, INVERSE_RELATIONSHIP[kind], subject
    if kind in _SYMMETRIC and other < subject:
        subject, other = other, subject
    return subject, kind, other


def _as_ties(written: Iterable[RelationshipWrite]) -> set[Tie]:
    return {Tie(RelationshipKind(one.kind), one.partner_id) for one in written}


async def set_relationships(
    session: AsyncSession,
    partner_id: UUID,
    written: list[RelationshipWrite],
    seen: Iterable[RelationshipWrite] | None = None,
) -> set[UUID]:
    """Make `written` the partner's relationships, whoever stated them first.

    `seen`: what its record showed; what an import has stored and no record shows yet stays.

    Returns the other partners whose relationships have changed by it.

    Raises:
        InvalidValues: one leads to the partner itself, or to a partner that is not there.
        CircularRelationship: parents or successors would run in a circle.
    """
    wanted = _as_ties(written)
    had = set(await ties_of(session, partner_id))
    if any(tie.other == partner_id for tie in wanted):
        raise InvalidValues("A partner cannot have a relationship to itself.")
    shown = (
        had if seen is None else {Tie(RelationshipKind(one.kind), one.partner_id) for one in seen}
    )
    added, removed = wanted - had, (had & shown) - wanted
    await _check_others(session, {tie.other for tie in added})
    for tie in removed:
        subject, kind, other = stored_form(partner_id, tie)
        await session.execute(
            delete(relationship_table).where(
                and_(
                    relationship_table.c.subject_id == subject,
                    relationship_table.c.kind == kind.value,
                    relationship_table.c.object_id == other,
                )
            )
        )
    for subject, kind, other in {stored_form(partner_id, tie) for tie in added}:
        session.add(RelationshipRow(subject_id=subject, kind=kind.value, object_id=other))
        await session.flush()
        if kind in WITHOUT_CIRCLES:
            await _check_no_circle(session, subject, kind)
    return {tie.other for tie in added | removed}


async def drop_relationships(session: AsyncSession, partner_id: UUID) -> set[UUID]:
    """Remove all relationships of a partner that is withdrawn; the partners they led to."""
    others = {tie.other for tie in await ties_of(session, partner_id)}
    await session.execute(
        delete(relationship_table).where(
            or_(
                relationship_table.c.subject_id == partner_id,
                relationship_table.c.object_id == partner_id,
            )
        )
    )
    return others


async def still_there(session: AsyncSession, relationships: list[JsonObject]) -> list[JsonObject]:
    """Those of an earlier record's relationships whose other partner is not withdrawn."""
    there = await _not_withdrawn(session, {UUID(one["partner_id"]) for one in relationships})
    return [one for one in relationships if UUID(one["partner_id"]) in there]


async def _not_withdrawn(session: AsyncSession, partner_ids: set[UUID]) -> set[UUID]:
    if not partner_ids:
        return set()
    rows = await session.execute(
        select(partner_table.c.id).where(
            partner_table.c.id.in_(partner_ids),
            partner_table.c.status != PartnerStatus.withdrawn.value,
        )
    )
    return set(rows.scalars())


async def _check_others(session: AsyncSession, others: set[UUID]) -> None:
    if missing := others - await _not_withdrawn(session, others):
        raise InvalidValues(
            f"There is no partner {', '.join(sorted(map(str, missing)))} to relate to, or it was "
            "withdrawn. Create the other partner first, or use its successor."
        )


async def _check_no_circle(session: AsyncSession, start: UUID, kind: RelationshipKind) -> None:
    above = (
        select(relationship_table.c.object_id.label("id"))
        .where(relationship_table.c.subject_id == start, relationship_table.c.kind == kind.value)
        .cte("above", recursive=True)
    )
    # UNION, not UNION ALL: a circle that is met on the way ends there instead of going on for ever.
    above = above.union(
        select(relationship_table.c.object_id).where(
            relationship_table.c.subject_id == above.c.id, relationship_table.c.kind == kind.value
        )
    )
    found = await session.execute(select(above.c.id).where(above.c.id == start).limit(1))
    if found.first() is not None:
        raise CircularRelationship(
            f"With this, the partner would be its own {kind.value} over some steps. Look at the "
            f"{kind.value} of the partners you name, and remove the wrong one first."
        )
