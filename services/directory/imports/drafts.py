"""Partners as a batch of an import sees and changes them, in memory, until it is written."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.imports.parts import in_parts
from services.directory.models import partner_table, source_values_table
from shared.records import JsonObject

_OWN = ("level", "status", "country", "visibility")


@dataclass(slots=True)
class Draft:
    """A partner's row while it is worked on; see `PartnerRow` for the columns."""

    id: UUID
    version: int
    created_at: datetime
    modified_at: datetime
    level: str = ""
    status: str = ""
    country: str | None = None
    established: int | None = None
    visibility: str = ""
    display_name: str = ""
    sort_name: str = ""
    folded_names: str = ""
    content: JsonObject = field(default_factory=dict)
    assured_at: datetime | None = None
    assured_by: UUID | None = None
    assurance_method: str | None = None
    next_review_at: datetime | None = None
    disputed_at: datetime | None = None
    successor_id: UUID | None = None
    changes_at: datetime | None = None
    secretariat: bytes = b""
    """The whole record as it is stored; empty while there is none."""
    before: JsonObject | None = None
    """The same, read; None for a partner that is new."""
    relationships: list[JsonObject] = field(default_factory=list)
    """As the record shows them."""
    source_values: dict[str, JsonObject] = field(default_factory=dict)
    changed: bool = False
    """Whether it is to be written anew, with a new version."""
    own_changed: bool = False
    """Whether that is for values of its own; else for what it shows of others, or its sources."""
    claims_changed: bool = False
    filters_changed: bool = False
    sources_changed: set[str] = field(default_factory=set)

    @property
    def is_new(self) -> bool:
        """Whether the batch has made it."""
        return self.before is None

    def values(self) -> JsonObject:
        """What was written of it, relationships left out."""
        return {**self.content, **{name: getattr(self, name) for name in _OWN}}


_COLUMNS = [partner_table.c[one.name] for one in fields(Draft) if one.name in partner_table.c]


async def load_drafts(
    session: AsyncSession, partner_ids: Iterable[UUID], source_format: str | None = None
) -> dict[UUID, Draft]:
    """The partners with these ids, as far as they are there.

    `source_format` asks for what was kept of them in that format as well.
    """
    drafts: dict[UUID, Draft] = {}
    for wanted in in_parts(partner_ids):
        found = await session.execute(select(*_COLUMNS).where(partner_table.c.id.in_(wanted)))
        for row in found:
            record = orjson.loads(row.secretariat)
            ties = record["relationships"]
            drafts[row.id] = Draft(**row._asdict(), before=record, relationships=ties)
        if source_format is not None:
            columns = source_values_table.c
            kept = await session.execute(
                select(columns.partner_id, columns.content).where(
                    columns.partner_id.in_(wanted), columns.format == source_format
                )
            )
            for partner_id, content in kept:
                drafts[partner_id].source_values[source_format] = content
    return drafts
