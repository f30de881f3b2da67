"""Who may do what with a partner."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import PartnerRow, partner_table
from shared.audience import may_see
from shared.problems import NotAllowed, NotFound, NotSignedIn
from shared.tokens import Caller


def no_such_partner(partner_id: UUID) -> NotFound:
    """The problem for a partner that is not there or not to be seen."""
    return NotFound(f"There is no partner {partner_id}, or you may not see it.")


async def find_seen(session: AsyncSession, partner_id: UUID, caller: Caller) -> PartnerRow:
    """The partner's row, withdrawn or not, for a caller who may see something of it.

    Raises:
        NotFound: the partner is not there, or the caller may not see it.
    """
    row = await session.get(PartnerRow, partner_id)
    if row is None or not (caller.edits(partner_id) or may_see(caller.audience, row.visibility)):
        raise no_such_partner(partner_id)
    return row


async def check_keeps_record(session: AsyncSession, partner_id: UUID, caller: Caller) -> None:
    """Nothing, where the caller keeps the partner's record and so reads all that is about it.

    Raises:
        NotFound: the partner is not there, or the caller may not see it.
        NotSignedIn: nobody in particular asks for a partner that everybody may see.
        NotAllowed: the caller is neither of the secretariat nor an editor of the partner.
    """
    visibility = await session.scalar(
        select(partner_table.c.visibility).where(partner_table.c.id == partner_id)
    )
    if visibility is None:
        raise no_such_partner(partner_id)
    if caller.edits(partner_id):
        return
    if not may_see(caller.audience, visibility):
        raise no_such_partner(partner_id)
    if caller.role is None:
        raise NotSignedIn("Only the secretariat and the partner's own editors may read this.")
    raise NotAllowed("Only the secretariat and the partner's own editors may read this.")
