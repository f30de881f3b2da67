"""Making a partner again what it was in an earlier version, as a new version."""

from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictInt
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.history import record_of_version
from services.directory.models import PartnerRow
from services.directory.outbox import stand_in_line
from services.directory.partner_access import check_keeps_record
from services.directory.partner_change import touch
from services.directory.partner_write import PartnerWrite
from services.directory.partners import rewrite, written_form
from services.directory.relationships import still_there
from shared.preconditions import check_version
from shared.problems import InvalidValues, NotAllowed
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import PartnerStatus, Role

_UNVERIFIED = {"status": "unverified", "at": None, "method": None}


class RestoreWrite(BaseModel):
    """Which version to go back to."""

    model_config = ConfigDict(extra="forbid")

    version: StrictInt = Field(ge=1, le=2**31 - 1, description="A version from the history.")


async def restore_partner(
    session: AsyncSession,
    partner_id: UUID,
    expected: int,
    version: int,
    caller: Caller,
    reason: str | None = None,
) -> PartnerRow:
    """Make the partner's own values those of `version`; a withdrawn partner is back with it.

    Relationships come back as far as the other partners are still there, and only where the
    secretariat restores, because they change the other partners too. Contact points that were
    gone come back unverified. Assurance stays as it is.

    Raises:
        NotFound: the partner or its version is not there, or not to be seen.
        NotSignedIn, NotAllowed, StaleVersion: as their names say.
        InvalidValues: the partner was withdrawn in that version.
        ExternalIdTaken, CircularRelationship: another partner has taken what it had.
    """
    await stand_in_line(session)
    await check_keeps_record(session, partner_id, caller)
    row = await session.get_one(PartnerRow, partner_id)
    check_version(row.version, expected)
    was_withdrawn = row.status == PartnerStatus.withdrawn.value
    if was_withdrawn and caller.role is not Role.secretariat:
        raise NotAllowed("Only the secretariat may bring back a partner that was withdrawn.")
    record = await record_of_version(session, partner_id, version)
    if record["status"] == PartnerStatus.withdrawn.value:
        raise InvalidValues(
            f"In version {version} the partner was withdrawn. Choose an earlier one."
        )
    now: JsonObject = orjson.loads(row.secretariat)
    if caller.role is Role.secretariat:
        record["relationships"] = await still_there(session, record["relationships"])
    else:
        record["relationships"] = now["relationships"]
    gone = [{**point, "verification": _UNVERIFIED} for point in record["contact_points"]]
    write = PartnerWrite.model_validate(record)
    if not was_withdrawn:
        return await rewrite(session, row, written_form(row, now), write, caller, reason, gone)
    successor_id, row.successor_id = row.successor_id, None
    await rewrite(session, row, None, write, caller, reason, gone)
    if successor_id is not None:
        await touch(session, {successor_id}, caller)
    return row
