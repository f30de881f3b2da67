"""Pages of partners and topics: filters, order, and where the next page begins."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from sqlalchemy import Column, ColumnElement, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.filter_values import Several, each_of, values_of
from services.directory.filters import PartnerFilters, TimeFilters, Word
from services.directory.models import partner_table, topic_table
from services.directory.partner_query import filtered_partners, range_conditions
from services.directory.rendering import aware
from services.directory.variants import Expand, Fields
from shared.paging import BadCursor, PageParameters, decode_cursor, encode_cursor
from shared.vocabulary import TopicScheme, TopicStatus, Visibility

PartnerSort = Literal[
    "name",
    "-name",
    "modified_at",
    "-modified_at",
    "created_at",
    "-created_at",
    "next_review_at",
    "-next_review_at",
]
_ORDER = (
    "Order; `-` turns it round. By `next_review_at`, partners without a review date come last, "
    "and turned round first."
)


class PartnerParameters(PageParameters, PartnerFilters):
    """Which partners, in which order, and which page of them."""

    fields: Fields = None
    expand: Expand = None
    sort: PartnerSort = Field(default="name", description=_ORDER)


class TopicParameters(PageParameters, TimeFilters):
    """Which topics."""

    scheme: TopicScheme | None = Field(default=None, description="Only this scheme.")
    scheme_in: Annotated[str, Several, AfterValidator(each_of(TopicScheme))] | None = Field(
        default=None, alias="scheme[in]", description="Only these schemes, parted by commas."
    )
    status: TopicStatus | None = Field(default=None, description="Only this status.")
    status_in: Annotated[str, Several, AfterValidator(each_of(TopicStatus))] | None = Field(
        default=None, alias="status[in]", description="Only these, parted by commas."
    )
    notation: Word | None = Field(default=None, description="Only the topic of this notation.")
    broader: UUID | None = Field(default=None, description="Only topics right below this one.")
    fields: Fields = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rendered records, and the cursor of the next page if there is one."""

    items: list[bytes]
    next: str | None


_SORT_COLUMNS = {
    "name": partner_table.c.sort_name,
    "modified_at": partner_table.c.modified_at,
    "created_at": partner_table.c.created_at,
    "next_review_at": partner_table.c.next_review_at,
}


def _order_name(sort: str, descending: bool) -> str:
    return f"-{sort}" if descending else sort


def _after(query: Select[Any], sort: str, descending: bool, cursor: str | None) -> Select[Any]:
    """`query` in its order, from the place of `cursor` on; what has no value comes last in it."""
    column, key = _SORT_COLUMNS[sort], partner_table.c.id
    if cursor is not None:
        order_of_cursor, value, last_id = decode_cursor(cursor, str, str, str)
        try:
            if order_of_cursor != _order_name(sort, descending):
                raise ValueError("another order")
            if not value and sort in {"created_at", "modified_at"}:
                raise ValueError("no moment")
            last = UUID(last_id)
            bound: Any = value
            if sort != "name":
                bound = datetime.fromisoformat(value).astimezone(UTC) if value else None
        except (ValueError, OverflowError) as error:
            raise BadCursor(
                "The cursor belongs to another list or order. Use it with the `sort` that it was "
                "given for, or leave it out to begin at the first page."
            ) from error
        query = query.where(_beyond(column, key, descending, bound, last))
    if not column.nullable:
        return query.order_by(*((column.desc(), key.desc()) if descending else (column, key)))
    if descending:
        return query.order_by(column.desc().nulls_first(), key.desc())
    return query.order_by(column.asc().nulls_last(), key)


def _beyond(
    column: Column[Any], key: Column[Any], descending: bool, bound: Any, last: UUID
) -> ColumnElement[bool]:
    if bound is None:
        rest = and_(column.is_(None), key < last if descending else key > last)
        return or_(rest, column.is_not(None)) if descending else rest
    if descending:
        return or_(column < bound, and_(column == bound, key < last))
    beyond = or_(column > bound, and_(column == bound, key > last))
    return or_(beyond, column.is_(None)) if column.nullable else beyond


async def list_partners(
    session: AsyncSession, asked: PartnerParameters, audience: Visibility
) -> Page:
    """A page of the partners that `audience` may see.

    Raises:
        InvalidValues: a filter names something that is not there.
        BadCursor: the cursor is not of this list.
    """
    sort, descending = asked.sort.lstrip("-"), asked.sort.startswith("-")
    columns = (partner_table.c[audience.value], _SORT_COLUMNS[sort], partner_table.c.id)
    query = await filtered_partners(
        session, asked, audience, *columns, order=_SORT_COLUMNS[sort].name
    )
    query = _after(query, sort, descending, asked.cursor).limit(asked.limit + 1)
    rows = (await session.execute(query)).all()
    page = rows[: asked.limit]
    following = None
    if len(rows) > asked.limit:
        value: Any = page[-1][1]
        position = aware(value).isoformat() if isinstance(value, datetime) else value or ""
        following = encode_cursor(_order_name(sort, descending), position, str(page[-1].id))
    return Page([row[0] for row in page], following)


async def list_topics(session: AsyncSession, asked: TopicParameters) -> Page:
    """A page of topics, by notation.

    Raises:
        BadCursor: the cursor is not of this list.
    """
    query = select(topic_table.c.rendered, topic_table.c.notation, topic_table.c.content)
    columns = topic_table.c
    for name in ("scheme", "status"):
        if (one := getattr(asked, name)) is not None:
            query = query.where(columns[name] == one.value)
        if (several := getattr(asked, f"{name}_in")) is not None:
            query = query.where(columns[name].in_(values_of(several)))
    if asked.notation is not None:
        query = query.where(columns.notation == asked.notation)
    if asked.ids is not None:
        query = query.where(columns.id.in_([UUID(one) for one in values_of(asked.ids)]))
    for name in ("created_at", "modified_at"):
        query = query.where(*range_conditions(asked, name, columns[name]))
    if asked.cursor is not None:
        (after,) = decode_cursor(asked.cursor, str)
        query = query.where(topic_table.c.notation > after)
    rows = (await session.execute(query.order_by(topic_table.c.notation))).all()
    if asked.broader is not None:
        # The taxonomy is small; `broader` lies inside the content.
        rows = [row for row in rows if str(asked.broader) in row.content["broader"]]
    page = rows[: asked.limit]
    following = encode_cursor(page[-1].notation) if len(rows) > asked.limit else None
    return Page([row.rendered for row in page], following)
