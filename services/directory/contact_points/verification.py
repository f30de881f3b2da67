"""Verification: whether a contact point was shown to work. Verifying edits nothing else."""

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.history import partner_changed
from services.directory.models import PartnerRow
from services.directory.partner_change import load_for_change
from services.directory.rendering import moment, render
from shared.problems import NotFound
from shared.records import JsonObject
from shared.texts import ShortText
from shared.tokens import Caller
from shared.vocabulary import VerificationStatus


class VerificationWrite(BaseModel):
    """That somebody has tried a contact point."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["verified", "bounced"] = Field(
        description="`verified`: it was reached; `bounced`: it cannot be reached this way."
    )
    method: ShortText = Field(description="How it was tried.", examples=["telephone"])


def point_of(row: PartnerRow, contact_point_id: UUID) -> JsonObject:
    """The partner's contact point as it is kept.

    Raises:
        NotFound: the partner has none with this id.
    """
    wanted = str(contact_point_id)
    for point in row.content["contact_points"]:
        if point["id"] == wanted:
            found: JsonObject = point
            return found
    raise NotFound(f"Partner {row.id} has no contact point {contact_point_id}.")


async def verify_by_hand(
    session: AsyncSession,
    partner_id: UUID,
    contact_point_id: UUID,
    expected: int,
    write: VerificationWrite,
    caller: Caller,
    reason: str | None = None,
) -> PartnerRow:
    """Write down what came of it when somebody tried to reach the contact point.

    Raises:
        NotFound, NotAllowed, PartnerWithdrawn, StaleVersion: as their names say.
    """
    row = await load_for_change(session, partner_id, expected, caller)
    point_of(row, contact_point_id)
    status = VerificationStatus(write.status)
    await set_verification(session, row, contact_point_id, status, write.method, caller, reason)
    return row


async def set_verification(
    session: AsyncSession,
    row: PartnerRow,
    contact_point_id: UUID,
    status: VerificationStatus,
    method: str,
    caller: Caller | None,
    reason: str | None = None,
) -> datetime:
    """Let the contact point be of `status` from now on, as a new version of the record.

    `caller`: who found out; None where it was found out without an account.

    Returns:
        The moment that is written down.
    """
    now, wanted = datetime.now(UTC), str(contact_point_id)
    verification = {"status": status.value, "at": moment(now), "method": method}
    before = orjson.loads(row.secretariat)
    row.content = {
        **row.content,
        "contact_points": [
            {**point, "verification": verification} if point["id"] == wanted else point
            for point in row.content["contact_points"]
        ],
    }
    row.version += 1
    await session.flush()
    after = await render(session, row)
    await partner_changed(session, "partner.updated", before, after, caller, reason)
    return now
