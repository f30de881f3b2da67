"""Which partners a list is about: its filters, and the query that they make."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import ColumnElement, Select, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

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
from shared.vocabulary import AssuranceStatus, Flag, Level, PartnerStatus, Sector, Visibility

# PostgreSQL has no NUL in text, so nothing that is stored could match one.
Word = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00]*$")]


class PartnerFilters(BaseModel):
    """Which partners. Several filters must all hold."""

    model_config = ConfigDict(extra="forbid")

    level: Level | None = Field(default=None, description="Only this level.")
    sector: Sector | None = Field(default=None, description="Only partners of this sector.")
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="Only this country (ISO 3166-1 alpha-2)."
    )
    status: PartnerStatus | None = Field(
        default=None, description="Only this status; left out: all but withdrawn."
    )
    topic: Word | None = Field(default=None, description="A topic's id or notation.")
    name: Word | None = Field(
        default=None, description="Only partners with this text at the start of a word of a name."
    )
    external_id: Word | None = Field(
        default=None,
        description="Only the partner with this identifier, as scheme:value.",
        examples=["ror:https://ror.org/04xfq0f34"],
    )
    flag: Flag | None = Field(
        default=None, description="Only partners whose record, as you read it, has this flag."
    )
    assurance: AssuranceStatus | None = Field(
        default=None, description="Only partners whose assurance has this status."
    )


async def filtered_partners(
    session: AsyncSession, asked: PartnerFilters, audience: Visibility, *columns: Any
) -> Select[Any]:
    """The query for `columns` of the partners that `audience` may see and `asked` is about.

    It has no order yet.

    Raises:
        InvalidValues: a filter names something that is not there.
    """
    conditions = await _conditions(session, asked, audience)
    return select(*columns).where(partner_table.c[audience.value].is_not(None), *conditions)


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
    session: AsyncSession, asked: PartnerFilters, audience: Visibility
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.status is None:
        conditions.append(partner_table.c.status != PartnerStatus.withdrawn.value)
    else:
        conditions.append(partner_table.c.status == asked.status.value)
    if asked.level is not None:
        conditions.append(partner_table.c.level == asked.level.value)
    if asked.country is not None:
        conditions.append(partner_table.c.country == asked.country)
    if asked.assurance is not None:
        conditions.append(partner_table.c.assurance_status == asked.assurance.value)
    if asked.flag is not None:
        flagged = select(partner_flag_table.c.partner_id).where(
            partner_flag_table.c.flag == asked.flag.value,
            partner_flag_table.c[audience.value],
        )
        conditions.append(partner_table.c.id.in_(flagged))
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
        conditions.append(_has_name(asked.name))
    if asked.external_id is not None:
        scheme, separator, value = asked.external_id.partition(":")
        if not separator:
            raise InvalidValues("`external_id` is scheme:value, such as ror:https://ror.org/….")
        claimed = select(external_id_table.c.partner_id).where(
            external_id_table.c.scheme == scheme, external_id_table.c.value == value
        )
        conditions.append(partner_table.c.id.in_(claimed))
    return conditions


def _has_name(wanted: str) -> ColumnElement[bool]:
    folded = _like(folded_name(wanted))
    if not folded and wanted.strip():
        # Nothing of it is a letter or digit. It must not find all because of that.
        return false()
    names = partner_table.c.folded_names
    return or_(names.like(f"%\n{folded}%", escape="\\"), names.like(f"% {folded}%", escape="\\"))
