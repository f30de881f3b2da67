"""What a contact point answers when it was asked to confirm itself, and mails that come back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.contact_points.asking import (
    BY_MAIL,
    addresses_of,
    hash_address,
    why_not_confirmable,
)
from services.directory.contact_points.links import ConfirmationVoid, read_link
from services.directory.contact_points.verification import point_of, set_verification
from services.directory.models import ConfirmationRow, PartnerRow
from services.directory.outbox import stand_in_line
from services.directory.rendering import aware, moment
from services.directory.signing_keys import SigningKeys
from shared.problems import NotFound
from shared.records import JsonObject
from shared.vocabulary import PartnerStatus, VerificationStatus

Answer = Literal["reached", "not_reached"]

_STATUS: dict[Answer, VerificationStatus] = {
    "reached": VerificationStatus.verified,
    "not_reached": VerificationStatus.bounced,
}
_REASON: dict[Answer, str] = {
    "reached": "The contact point confirmed itself by the link that was mailed to it.",
    "not_reached": "Whoever was mailed says that this does not reach the contact point.",
}
_REFUSED = "The mail server of the contact point refused the mail for good."
_GONE = "The contact point is not in the directory any more, or not as it was when it was asked."


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and the contact point as it is now."""

    confirmation: ConfirmationRow
    row: PartnerRow
    point: JsonObject
    answered_now: bool = False

    @property
    def status(self) -> VerificationStatus:
        """What is known of the contact point now."""
        return VerificationStatus(self.point["verification"]["status"])

    @property
    def is_open(self) -> bool:
        """Whether this request is the one that waits for an answer."""
        at = self.point["verification"]["at"]
        return self.status is VerificationStatus.pending and at == moment(self.confirmation.at)

    @property
    def expires_at(self) -> datetime:
        """Until when it can be answered."""
        return aware(self.confirmation.expires_at)


async def find_asked(session: AsyncSession, keys: SigningKeys, token: str) -> Asked:
    """The request that a link is about, if it is open or was answered.

    Raises:
        NotFound: the link is not one of ours.
        ConfirmationVoid: it has expired, another one was sent since, or the contact point, its
            address or who may see it has changed.
    """
    claims = read_link(keys, token)
    confirmation = await session.get(ConfirmationRow, claims.confirmation_id)
    asked = None if confirmation is None else await _asked_of(session, confirmation)
    if asked is None or claims.contact_point_id != asked.confirmation.contact_point_id:
        raise ConfirmationVoid(_GONE)
    if asked.status is VerificationStatus.pending and not asked.is_open:
        raise ConfirmationVoid("Another mail was sent since. Use the link in the newest one.")
    if asked.status in {VerificationStatus.unverified, VerificationStatus.expired}:
        raise ConfirmationVoid(_GONE)
    return asked


async def answer_confirmation(
    session: AsyncSession, keys: SigningKeys, token: str, answer: Answer
) -> Asked:
    """Write down what was answered by the link; the same answer again changes nothing.

    Raises:
        NotFound, ConfirmationVoid: as for `find_asked`.
        ConfirmationVoid: it was answered otherwise before.
    """
    await stand_in_line(session)
    asked = await find_asked(session, keys, token)
    if asked.is_open:
        return await _close(session, asked, _STATUS[answer], _REASON[answer])
    if asked.status is not _STATUS[answer]:
        raise ConfirmationVoid(
            "It was answered already, and otherwise. Tell whoever keeps the record what is right."
        )
    return asked


async def report_bounce(session: AsyncSession, confirmation_id: UUID) -> None:
    """Write down that the mail of a request was refused for good, if the request is still open.

    Raises:
        NotFound: there is no such request, or none any more.
    """
    await stand_in_line(session)
    confirmation = await session.get(ConfirmationRow, confirmation_id)
    if confirmation is None:
        raise NotFound(f"There is no confirmation {confirmation_id}, or none any more.")
    asked = await _asked_of(session, confirmation)
    if asked is not None and asked.is_open:
        await _close(session, asked, VerificationStatus.bounced, _REFUSED)


async def _asked_of(session: AsyncSession, confirmation: ConfirmationRow) -> Asked | None:
    """The request with its contact point, which a merge may have given to another partner."""
    row = await session.get(PartnerRow, confirmation.partner_id)
    passed: set[UUID] = set()
    while row is not None and row.status == PartnerStatus.withdrawn.value:
        if row.successor_id is None or row.id in passed:
            return None
        passed.add(row.id)
        row = await session.get(PartnerRow, row.successor_id)
    if row is None:
        return None
    try:
        point = point_of(row, confirmation.contact_point_id)
    except NotFound:
        return None
    hashes = {hash_address(confirmation.id, address) for address in addresses_of(point)}
    if confirmation.address_hash not in hashes or why_not_confirmable(row, point) is not None:
        return None
    return Asked(confirmation, row, point)


async def _close(
    session: AsyncSession, asked: Asked, status: VerificationStatus, reason: str
) -> Asked:
    point_id = asked.confirmation.contact_point_id
    await set_verification(session, asked.row, point_id, status, BY_MAIL, None, reason)
    answered = point_of(asked.row, point_id)
    return Asked(asked.confirmation, asked.row, answered, answered_now=True)
