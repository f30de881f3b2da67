"""Claims to identifiers elsewhere: (scheme, value) belongs to one partner that is not withdrawn."""

from collections.abc import Iterable
from itertools import groupby
from uuid import UUID

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import ExternalIdRow, external_id_table
from services.directory.partner_write import ExternalIdWrite
from shared.problems import Problem

ExternalIdPair = tuple[str, str]
"""An identifier: its scheme, and its value there."""

# Each may be of a scheme of its own, and SQLite takes conditions of up to 1,000 parts.
_ASKED_AT_ONCE = 500
_CLAIM = external_id_table.c


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
    for (scheme, value), holder in (await find_holders(session, pairs)).items():
        if holder != partner_id:
            raise ExternalIdTaken(
                f"{scheme} {value} belongs to partner {holder}. Change that partner instead of "
                "adding a second one, or correct the identifier.",
                partner_id=str(holder),
            )
    await release_external_ids(session, partner_id)
    session.add_all(
        ExternalIdRow(scheme=scheme, value=value, partner_id=partner_id) for scheme, value in pairs
    )


async def find_holders(
    session: AsyncSession, pairs: Iterable[ExternalIdPair]
) -> dict[ExternalIdPair, UUID]:
    """By identifier the partner that claims it, for those of `pairs` that anybody claims."""
    wanted = sorted(set(pairs))
    found: dict[ExternalIdPair, UUID] = {}
    for start in range(0, len(wanted), _ASKED_AT_ONCE):
        asked = wanted[start : start + _ASKED_AT_ONCE]
        # Scheme by scheme: for pairs in one list SQLite reads the whole table.
        of_schemes = (
            and_(_CLAIM.scheme == scheme, _CLAIM.value.in_([value for _, value in some]))
            for scheme, some in groupby(asked, lambda pair: pair[0])
        )
        rows = await session.execute(select(external_id_table).where(or_(*of_schemes)))
        found |= {(row.scheme, row.value): row.partner_id for row in rows}
    return found


async def release_external_ids(session: AsyncSession, partner_id: UUID) -> None:
    """Give up what the partner claims."""
    await session.execute(
        delete(external_id_table).where(external_id_table.c.partner_id == partner_id)
    )
