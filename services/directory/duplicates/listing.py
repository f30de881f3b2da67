"""Pages of likely duplicates, by score."""

from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Row, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.duplicates.describing import (
    Dismissal,
    DuplicatePage,
    DuplicatePair,
    DuplicateSide,
    reasons_in_words,
)
from services.directory.models import (
    duplicate_dismissal_table,
    duplicate_pair_table,
    partner_table,
    relationship_table,
)
from services.directory.rendering import aware
from shared.paging import BadCursor, PageParameters, decode_cursor, encode_cursor
from shared.vocabulary import PartnerStatus, RelationshipKind

DEFAULT_SCORE = 0.5
_PAIR, _WORD = duplicate_pair_table.c, duplicate_dismissal_table.c


class DuplicateParameters(PageParameters):
    """Which pairs."""

    min_score: float = Field(
        default=DEFAULT_SCORE,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Only pairs of at least this score. Pairs below 0.2 are not kept.",
    )
    partner: UUID | None = Field(default=None, description="Only pairs with this partner.")
    dismissed: bool = Field(
        default=False, description="The pairs that somebody has dismissed, instead of the others."
    )


async def list_duplicates(session: AsyncSession, asked: DuplicateParameters) -> DuplicatePage:
    """A page of the pairs that are open, or of those that are dismissed.

    Two partners that the directory relates to each other are known to be two and are not listed.
    That one came after the other does not keep a pair off the list: what became of a body may
    have been written down twice.

    Raises:
        BadCursor: the cursor is not of this list.
    """
    holds = and_(
        _WORD.first_id == _PAIR.first_id,
        _WORD.second_id == _PAIR.second_id,
        _WORD.names == _PAIR.names,
    )
    query = (
        select(
            duplicate_pair_table,
            _WORD.id,
            _WORD.dismissed_by,
            _WORD.dismissed_at,
            _WORD.reason,
        )
        .outerjoin(duplicate_dismissal_table, holds)
        .where(
            _PAIR.score >= asked.min_score,
            _WORD.id.is_not(None) if asked.dismissed else _WORD.id.is_(None),
            ~_are_related(),
        )
    )
    if asked.partner is not None:
        query = query.where(or_(_PAIR.first_id == asked.partner, _PAIR.second_id == asked.partner))
    if asked.cursor is not None:
        query = query.where(_beyond(asked.cursor))
    order = (_PAIR.score.desc(), _PAIR.first_id.desc(), _PAIR.second_id.desc())
    rows = (await session.execute(query.order_by(*order).limit(asked.limit + 1))).all()
    page = rows[: asked.limit]
    sides = await read_sides(session, {one for row in page for one in (row[0], row[1])})
    following = None
    if len(rows) > asked.limit:
        last = page[-1]
        following = encode_cursor(last.score, str(last.first_id), str(last.second_id))
    # A page is read in two questions, and on PostgreSQL a partner may be withdrawn between them.
    there = [row for row in page if row.first_id in sides and row.second_id in sides]
    return DuplicatePage(items=[_pair_of(row, sides) for row in there], next=following)


def _are_related() -> Any:
    tie = relationship_table.c
    return exists().where(
        tie.kind != RelationshipKind.successor.value,
        or_(
            and_(tie.subject_id == _PAIR.first_id, tie.object_id == _PAIR.second_id),
            and_(tie.subject_id == _PAIR.second_id, tie.object_id == _PAIR.first_id),
        ),
    )


def _beyond(cursor: str) -> Any:
    score, first, second = decode_cursor(cursor, float, str, str)
    try:
        first_id, second_id = UUID(first), UUID(second)
    except ValueError as error:
        raise BadCursor(
            "Use the `next` value of the page before exactly as it was given."
        ) from error
    return or_(
        _PAIR.score < score,
        and_(_PAIR.score == score, _PAIR.first_id < first_id),
        and_(_PAIR.score == score, _PAIR.first_id == first_id, _PAIR.second_id < second_id),
    )


def _pair_of(row: Row[Any], sides: dict[UUID, DuplicateSide]) -> DuplicatePair:
    return DuplicatePair(
        score=row.score,
        reasons=reasons_in_words(row.reasons),
        a=sides[row.first_id],
        b=sides[row.second_id],
        dismissal=None
        if row.id is None
        else Dismissal(
            id=row.id, by=row.dismissed_by, at=aware(row.dismissed_at), reason=row.reason
        ),
    )


async def read_sides(session: AsyncSession, partner_ids: set[UUID]) -> dict[UUID, DuplicateSide]:
    """What is told of these partners, those that are withdrawn left out."""
    columns = partner_table.c
    rows = await session.execute(
        select(
            columns.id, columns.display_name, columns.country, columns.status, columns.content
        ).where(
            columns.id.in_(sorted(partner_ids)),
            columns.status != PartnerStatus.withdrawn.value,
        )
    )
    return {
        row.id: DuplicateSide(
            id=row.id,
            name=row.display_name,
            country=row.country,
            place=(row.content["location"] or {}).get("place"),
            status=row.status,
            established=row.content["established"],
            domains=row.content["domains"],
            external_ids=row.content["external_ids"],
        )
        for row in rows
    }
