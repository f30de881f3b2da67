"""Claims to identifiers elsewhere: (scheme, value) belongs to one partner that is not withdrawn."""

from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import ExternalIdRow, PartnerRow, external_id_table, partner_table
from services.directory.partner_write import ExternalIdWrite
from shared.problems import Problem


class ExternalIdTaken(Problem):
    """Another partner has this external id."""

    status, title, kind = 409, "Another partner has this external id", "external-id-taken"


async def claim_external_ids(
    session: AsyncSession, partner_id: UUID, written: list[ExternalIdWrite]
) -> None:
    """Make `written` the identifiers that the partner claims.

    Raises:
        ExternalIdTaken: another partner claims one of them; the problem names it.
    """
    pairs = [(one.scheme, one.value) for one in written]
    if pairs:
        taken = (
            await session.execute(
                select(external_id_table.c.scheme, external_id_table.c.value, partner_table.c.id)
                .join(PartnerRow, partner_table.c.id == external_id_table.c.partner_id)
                .where(
                    tuple_(external_id_table.c.scheme, external_id_table.c.value).in_(pairs),
                    external_id_table.c.partner_id != partner_id,
                )
            )
        ).first()
        if taken is not None:
            raise ExternalIdTaken(
                f"{taken.scheme} {taken.value} belongs to partner {taken.id}. Change that partner "
                "instead of adding a second one, or correct the identifier.",
                partner_id=str(taken.id),
            )
    await release_external_ids(session, partner_id)
    session.add_all(
        ExternalIdRow(scheme=scheme, value=value, partner_id=partner_id) for scheme, value in pairs
    )


async def release_external_ids(session: AsyncSession, partner_id: UUID) -> None:
    """Give up what the partner claims."""
    await session.execute(
        delete(external_id_table).where(external_id_table.c.partner_id == partner_id)
    )
