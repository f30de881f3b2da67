"""Pages of partners and topics: filters, order, and where the next page begins."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import ColumnElement, Select, and_, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import (
    external_id_table,
    partner_table,
    partner_topic_table,
    sector_table,
    topic_table,
)
from services.directory.rendering import aware
from shared.folding import folded_name
from shared.paging import DEFAULT_LIMIT, MAX_LIMIT, BadCursor, decode_cursor, encode_cursor
from shared.problems import InvalidValues
from shared.vocabulary import Level, PartnerStatus, Sector, TopicScheme, TopicStatus, Visibility

PartnerSort = Literal["name", "-name", "modified_at", "-modified_at", "created_at", "-created_at"]
# PostgreSQL has no NUL in text, so nothing that is stored could match one.
_Word = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00]*$")]


class PageParameters(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Items a page.")
    cursor: str | None = Field(default=None, description="`next` of the page before.")


class PartnerParameters(PageParameters):
    """Which partners. Several filters must all hold."""

    level: Level | None = Field(default=None, description="Only this level.")
    sector: Sector | None = Field(default=None, description="Only partners of this sector.")
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="Only this country (ISO 3166-1 alpha-2)."
    )
    status: PartnerStatus | None = Field(
        default=None, description="Only this status; left out: all but withdrawn."
    )
    topic: _Word | None = Field(default=None, description="A topic's id or notation.")
    name: _Word | None = Field(
        default=None, description="Only partners with this text at the start of a word of a name."
    )
    external_id: _Word | None = Field(
        default=None,
        description="Only the partner with this identifier, as scheme:value.",
        examples=["ror:https://ror.org/04xfq0f34"],
    )
    sort: PartnerSort = Field(default="name", description="Order; `-` turns it round.")


class TopicParameters(PageParameters):
    """Which topics."""

    scheme: TopicScheme | None = Field(default=None, description="Only this scheme.")
    status: TopicStatus | None = Field(default=None, description="Only this status.")
    notation: _Word | None = Field(default=None, description="Only the topic of this notation.")
    broader: UUID | None = Field(default=None, description="Only topics right below this one.")


@dataclass(frozen=True, slots=True)
class Page:
    """Rendered records, and the cursor of the next page if there is one."""

    items: list[bytes]
    next: str | None


_SORT_COLUMNS = {
    "name": partner_table.c.sort_name,
    "modified_at": partner_table.c.modified_at,
    "created_at": partner_table.c.created_at,
}


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _topic_id(session: AsyncSession, wanted: str) -> UUID | None:
    """The topic of this id or notation, if there is one."""
    try:
        return UUID(wanted)
    except ValueError:
        found = await session.execute(
            select(topic_table.c.id).where(topic_table.c.notation == wanted)
        )
        topic_id: UUID | None = found.scalar()
        return topic_id


async def _conditions(
    session: AsyncSession, asked: PartnerParameters
) -> list[ColumnElement[bool]] | None:
    """What the filters ask for; None where nothing can match."""
    conditions: list[ColumnElement[bool]] = []
    if asked.status is None:
        conditions.append(partner_table.c.status != PartnerStatus.withdrawn.value)
    else:
        conditions.append(partner_table.c.status == asked.status.value)
    if asked.level is not None:
        conditions.append(partner_table.c.level == asked.level.value)
    if asked.country is not None:
        conditions.append(partner_table.c.country == asked.country)
    if asked.sector is not None:
        of_sector = select(sector_table.c.partner_id).where(
            sector_table.c.sector == asked.sector.value
        )
        conditions.append(partner_table.c.id.in_(of_sector))
    if asked.topic is not None:
        topic_id = await _topic_id(session, asked.topic)
        if topic_id is None:
            raise InvalidValues(f"There is no topic {asked.topic!r}; see GET /topics.")
        with_topic = select(partner_topic_table.c.partner_id).where(
            partner_topic_table.c.topic_id == topic_id
        )
        conditions.append(partner_table.c.id.in_(with_topic))
    if asked.name is not None:
        folded = _like(folded_name(asked.name))
        if not folded and asked.name.strip():
            # Nothing of it is a letter or digit. It must not find all because of that.
            conditions.append(false())
        names = partner_table.c.folded_names
        conditions.append(
            or_(names.like(f"%\n{folded}%", escape="\\"), names.like(f"% {folded}%", escape="\\"))
        )
    if asked.external_id is not None:
        scheme, separator, value = asked.external_id.partition(":")
        if not separator:
            raise InvalidValues("`external_id` is scheme:value, such as ror:https://ror.org/….")
        claimed = select(external_id_table.c.partner_id).where(
            external_id_table.c.scheme == scheme, external_id_table.c.value == value
        )
        conditions.append(partner_table.c.id.in_(claimed))
    return conditions


def _order_name(sort: str, descending: bool) -> str:
    return f"-{sort}" if descending else sort


def _after(query: Select[Any], sort: str, descending: bool, cursor: str | None) -> Select[Any]:
    """`query` in its order, from the place of `cursor` on."""
    column = _SORT_COLUMNS[sort]
    key = partner_table.c.id
    if cursor is not None:
        order_of_cursor, value, last_id = decode_cursor(cursor, str, str, str)
        try:
            if order_of_cursor != _order_name(sort, descending):
                raise ValueError("another order")
            last = UUID(last_id)
            bound: Any = value
            if sort != "name":
                bound = datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise BadCursor(
                "The cursor belongs to another list or order. Use it with the `sort` that it was "
                "given for, or leave it out to begin at the first page."
            ) from error
        if descending:
            beyond = or_(column < bound, and_(column == bound, key < last))
        else:
            beyond = or_(column > bound, and_(column == bound, key > last))
        query = query.where(beyond)
    order = (column.desc(), key.desc()) if descending else (column, key)
    return query.order_by(*order)


async def list_partners(
    session: AsyncSession, asked: PartnerParameters, audience: Visibility
) -> Page:
    """A page of the partners that `audience` may see.

    Raises:
        InvalidValues: a filter names something that is not there.
        BadCursor: the cursor is not of this list.
    """
    rendered = partner_table.c[audience.value]
    conditions = await _conditions(session, asked)
    sort, descending = asked.sort.lstrip("-"), asked.sort.startswith("-")
    column = _SORT_COLUMNS[sort]
    query = select(rendered, column, partner_table.c.id).where(rendered.is_not(None))
    query = query.where(*(conditions or []))
    query = _after(query, sort, descending, asked.cursor).limit(asked.limit + 1)
    rows = (await session.execute(query)).all()
    page = rows[: asked.limit]
    following = None
    if len(rows) > asked.limit:
        value: Any = page[-1][1]
        position = aware(value).isoformat() if isinstance(value, datetime) else value
        following = encode_cursor(_order_name(sort, descending), position, str(page[-1].id))
    return Page([row[0] for row in page], following)


async def list_topics(session: AsyncSession, asked: TopicParameters) -> Page:
    """A page of topics, by notation.

    Raises:
        BadCursor: the cursor is not of this list.
    """
    query = select(topic_table.c.rendered, topic_table.c.notation, topic_table.c.content)
    if asked.scheme is not None:
        query = query.where(topic_table.c.scheme == asked.scheme.value)
    if asked.status is not None:
        query = query.where(topic_table.c.status == asked.status.value)
    if asked.notation is not None:
        query = query.where(topic_table.c.notation == asked.notation)
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
