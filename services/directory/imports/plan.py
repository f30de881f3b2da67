"""What is to be written of a page, and what it was worked out from."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.external_ids import ExternalIdPair
from services.directory.imports.bulk_writing import WrittenPartners
from services.directory.models import outbox_table


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written, worked out from what there was at one moment."""

    written: WrittenPartners
    mark: int
    """The newest write at that moment; see `last_write`."""
    partner_ids: frozenset[UUID]
    """Partners that were looked at, or for, under their own ids."""
    external_ids: frozenset[ExternalIdPair] = frozenset()
    """Identifiers whose partners were looked for."""

    def is_untouched_by(self, other: "Plan") -> bool:
        """Whether it makes no difference to this plan if `other` is written before it."""
        claimed = {(one["scheme"], one["value"]) for one in other.written.claims}
        return self.partner_ids.isdisjoint(other.written.subjects) and self.external_ids.isdisjoint(
            claimed
        )


async def last_write(session: AsyncSession) -> int:
    """Stands for the state of the directory: it is another one as soon as anybody has written."""
    newest = (await session.execute(select(func.max(outbox_table.c.id)))).scalar()
    return newest or 0
