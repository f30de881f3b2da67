"""The query that a list's filters make, begun at the end where there is least to read.

A filter that holds for few partners is where a query should begin; one that holds for many is best
asked of each partner in the order of the list, because a page of them is soon found. SQLite does
not know which is which: it sorted 50,000 whole records to give the first fifty. So the few are
counted before, up to a limit, in an index; PostgreSQL comes to the same by its statistics.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, Table, and_, exists, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from services.directory.filter_values import span_of, values_of
from services.directory.filters import PartnerFilters, TimeFilters
from services.directory.models import (
    external_id_table,
    partner_flag_table,
    partner_table,
    partner_topic_table,
    sector_table,
    topic_table,
)
from shared.folding import folded_name
from shared.problems import InvalidValues
from shared.vocabulary import PartnerStatus, Visibility

_FEW = 1_000
_ID = partner_table.c.id


@dataclass(frozen=True, slots=True)
class _Filter:
    """A filter both ways: the ids of all it holds for, and whether it holds for one partner."""

    ids: Select[Any]
    holds: ColumnElement[bool]


async def filtered_partners(
    session: AsyncSession,
    asked: PartnerFilters,
    audience: Visibility,
    *columns: Any,
    order: str | None = None,
) -> Select[Any]:
    """The query for `columns` of the partners that `audience` may see and `asked` is about.

    `order` names the column that it will be ordered by, if it will be.

    Raises:
        InvalidValues: a filter names something that is not there.
    """
    conditions = _plain_conditions(asked)
    begun = False
    for one in await _filters(session, asked, audience, order):
        if not begun and await _holds_for_few(session, one):
            conditions.append(_ID.in_(one.ids.correlate(None)))
            begun = True
        else:
            conditions.append(one.holds)
    return select(*columns).where(partner_table.c[audience.value].is_not(None), *conditions)


async def _holds_for_few(session: AsyncSession, one: _Filter) -> bool:
    counted = one.ids.limit(_FEW + 1).subquery()
    number = await session.scalar(select(func.count()).select_from(counted))
    return number is not None and number <= _FEW


def _plain_conditions(asked: PartnerFilters) -> list[ColumnElement[bool]]:
    """What an index has together with the order of names, or what is but a few ids."""
    columns = partner_table.c
    conditions: list[ColumnElement[bool]] = []
    if asked.status is not None:
        conditions.append(columns.status == asked.status.value)
    elif asked.status_in is None:
        conditions.append(columns.status != PartnerStatus.withdrawn.value)
    if asked.level is not None:
        conditions.append(columns.level == asked.level.value)
    if asked.country is not None:
        conditions.append(columns.country == asked.country)
    if asked.ids is not None:
        conditions.append(_ID.in_([UUID(one) for one in values_of(asked.ids)]))
    if asked.external_id is not None:
        scheme, separator, value = asked.external_id.partition(":")
        if not separator:
            raise InvalidValues("`external_id` is scheme:value, such as ror:https://ror.org/….")
        claimed = select(external_id_table.c.partner_id).where(
            external_id_table.c.scheme == scheme, external_id_table.c.value == value
        )
        conditions.append(_ID.in_(claimed))
    if asked.name is not None:
        conditions.append(_has_name(asked.name))
    return conditions


async def _filters(
    session: AsyncSession, asked: PartnerFilters, audience: Visibility, order: str | None
) -> list[_Filter]:
    filters = []
    if asked.flag is not None:
        table = partner_flag_table
        filters.append(_listed_in(table, table.c.flag == asked.flag.value, table.c[audience.value]))
    if asked.topic is not None:
        topic_id = await _topic_id(session, asked.topic)
        if topic_id is None:
            raise InvalidValues(f"There is no topic {asked.topic!r}; see GET /topics.")
        filters.append(_listed_in(partner_topic_table, partner_topic_table.c.topic_id == topic_id))
    sectors = [asked.sector.value] if asked.sector is not None else None
    for wanted in (sectors, values_of(asked.sector_in) if asked.sector_in is not None else None):
        if wanted is not None:
            filters.append(_listed_in(sector_table, sector_table.c.sector.in_(wanted)))
    for name in ("level", "country", "status"):
        if (several := getattr(asked, f"{name}_in")) is not None:
            column = partner_table.c[name]
            filters.append(_by_column(session, column, order, values_of(several)))
    if asked.assurance is not None:
        column = partner_table.c.assurance_status
        # Its index has the order of the reviews behind it.
        by = column.name if order == "next_review_at" else order
        filters.append(_by_column(session, column, by, [asked.assurance.value]))
    for name in ("created_at", "modified_at", "next_review_at", "established"):
        if conditions := range_conditions(asked, name, partner_table.c[name]):
            walked = range_conditions(asked, name, _walked(session, partner_table.c[name], order))
            filters.append(_Filter(select(_ID).where(*conditions), and_(*walked)))
    return filters


def _listed_in(table: Table, *conditions: ColumnElement[bool]) -> _Filter:
    """The partners that `table` has a row about."""
    of_this = exists().where(table.c.partner_id == _ID, *conditions)
    return _Filter(select(table.c.partner_id).where(*conditions), of_this)


def _by_column(
    session: AsyncSession, column: Column[Any], order: str | None, values: Sequence[str]
) -> _Filter:
    """The partners that have one of `values` in `column`."""
    walked = _walked(session, column, order).in_(values)
    return _Filter(select(_ID).where(column.in_(values)), walked)


def _walked(session: AsyncSession, column: Column[Any], order: str | None) -> ColumnElement[Any]:
    """`column`, to be looked at in each row; not by its index, unless the list is in its order."""
    if column.name == order or session.get_bind().dialect.name != "sqlite":
        return column
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def range_conditions(
    asked: TimeFilters, name: str, column: ColumnElement[Any]
) -> list[ColumnElement[bool]]:
    """What `name[gte]`, `name[gt]`, `name[lte]` and `name[lt]` of `asked` want of `column`."""
    conditions: list[ColumnElement[bool]] = []
    for operator in ("gte", "gt", "lte", "lt"):
        value = getattr(asked, f"{name}_{operator}")
        if value is None:
            continue
        begins: Any = value
        ends: Any = value
        is_long = False
        if isinstance(value, str):
            span = span_of(value)
            begins, ends, is_long = span.begins_at, span.ends_at, span.is_day
        match operator:
            case "gte":
                conditions.append(column >= begins)
            case "gt":
                conditions.append(column >= ends if is_long else column > ends)
            case "lte":
                conditions.append(column < ends if is_long else column <= ends)
            case _:
                conditions.append(column < begins)
    return conditions


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


def _has_name(wanted: str) -> ColumnElement[bool]:
    folded = _like(folded_name(wanted))
    if not folded and wanted.strip():
        # Nothing of it is a letter or digit. It must not find all because of that.
        return false()
    names = partner_table.c.folded_names
    return or_(names.like(f"%\n{folded}%", escape="\\"), names.like(f"% {folded}%", escape="\\"))


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
