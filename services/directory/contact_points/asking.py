"""Asking a contact point to confirm itself: who may be asked, how often, and what is kept of it."""

import hashlib
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from math import ceil
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.contact_points.links import LinkClaims, write_link
from services.directory.contact_points.verification import point_of, set_verification
from services.directory.models import ConfirmationRow, PartnerRow, confirmation_table
from services.directory.outbox import append_confirmation_request
from services.directory.partner_change import load_to_change
from services.directory.periods import periods_of
from services.directory.rendering import aware, moment
from services.directory.signing_keys import SigningKeys
from services.directory.values import EmailAddress
from shared.audience import contact_point_visibility, is_current, may_see
from shared.problems import InvalidValues, Problem
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import ChannelKind, VerificationStatus, Visibility

BY_MAIL = "email"
ASK_AGAIN_AFTER = timedelta(hours=1)
MOST_OF_A_PARTNER = 20
"""Requests for the contact points of one partner within ASK_AGAIN_AFTER."""


class NotConfirmable(Problem):
    """The contact point cannot be asked by mail."""

    status, title, kind = 409, "The contact point cannot be asked", "not-confirmable"


class AskedLately(Problem):
    """The contact point or its address was asked within the hour, or many of the partner were."""

    status, title, kind = 429, "It was asked a short while ago", "asked-lately"


class ConfirmationWrite(BaseModel):
    """Which address is asked."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress | None = Field(
        default=None,
        description="One of the contact point's; left out: the preferred one, else the first.",
        examples=["desk@example.org"],
    )


async def ask_to_confirm(
    session: AsyncSession,
    keys: SigningKeys,
    partner_id: UUID,
    contact_point_id: UUID,
    email: str | None,
    caller: Caller,
) -> PartnerRow:
    """Have a mail with a link sent to the contact point, which is `pending` until it is answered.

    Raises:
        NotFound, NotAllowed, PartnerWithdrawn, NotConfirmable, AskedLately: as their names say.
        InvalidValues: the contact point does not have the address `email`.
    """
    row = await load_to_change(session, partner_id, caller)
    point = point_of(row, contact_point_id)
    if (why := why_not_confirmable(row, point)) is not None:
        raise NotConfirmable(why)
    address = _address_of(point, email)
    await _check_not_asked_lately(session, row.id, contact_point_id, address)
    confirmation_id = uuid7()
    at = await set_verification(
        session, row, contact_point_id, VerificationStatus.pending, BY_MAIL, caller
    )
    expires_at = at + periods_of(session).pending
    session.add(
        ConfirmationRow(
            id=confirmation_id,
            partner_id=row.id,
            contact_point_id=contact_point_id,
            at=at,
            expires_at=expires_at,
            address_hash=hash_address(confirmation_id, address),
        )
    )
    claims = LinkClaims(confirmation_id, contact_point_id)
    append_confirmation_request(
        session,
        {
            "confirmation_id": str(confirmation_id),
            "partner_id": str(row.id),
            "partner_name": row.display_name,
            "contact_point_id": str(contact_point_id),
            "contact_point_name": point["name"],
            "purposes": point["purposes"],
            "recipient": address,
            "link": write_link(keys, session.info["public_url"], claims, expires_at),
            "expires_at": moment(expires_at),
        },
        caller,
    )
    return row


def why_not_confirmable(row: PartnerRow, point: JsonObject) -> str | None:
    """Why the contact point may not be asked by mail, in a sentence; None where it may."""
    if not is_current(point, datetime.now(UTC).date()):
        return "The contact point is not in use today; see `valid_from` and `valid_to`."
    least = (row.visibility, contact_point_visibility(point))
    if not all(may_see(Visibility.member, visibility) for visibility in least):
        # Events are told to our own services at member level, and so is where a mail goes.
        return (
            "What only the secretariat may see is not handed on, not even to be mailed. Ask there "
            "yourself, and write down what came of it: POST …/verification."
        )
    if not any(addresses_of(point)):
        return "The contact point has no e-mail address. Ring it, and POST …/verification."
    return None


def addresses_of(point: JsonObject) -> Iterable[str]:
    """The e-mail addresses of a contact point, in their order."""
    return (one["value"] for one in point["channels"] if one["kind"] == ChannelKind.email)


def hash_address(confirmation_id: UUID, address: str) -> str:
    """What is kept of the address that was asked: enough to know it again in its own request."""
    return hashlib.sha256(f"{confirmation_id} {address.casefold()}".encode()).hexdigest()


def _address_of(point: JsonObject, email: str | None) -> str:
    if email is None:
        preferred = (
            one["value"]
            for one in point["channels"]
            if one["preferred"] and one["kind"] == ChannelKind.email
        )
        return str([*preferred, *addresses_of(point)][0])
    if email not in addresses_of(point):
        raise InvalidValues("`email` must be one of the contact point's own e-mail addresses.")
    return email


async def _check_not_asked_lately(
    session: AsyncSession, partner_id: UUID, contact_point_id: UUID, address: str
) -> None:
    """Nobody is written to again and again, whoever's contact point the address is put into."""
    now = datetime.now(UTC)
    found = await session.execute(
        select(ConfirmationRow)
        .where(confirmation_table.c.at > now - ASK_AGAIN_AFTER)
        .order_by(confirmation_table.c.at.desc())
    )
    lately = list(found.scalars())
    for one in lately:
        same_address = one.address_hash == hash_address(one.id, address)
        if same_address or one.contact_point_id == contact_point_id:
            raise _asked_lately("This contact point, or its address, was asked already", one, now)
    of_partner = [one for one in lately if one.partner_id == partner_id]
    if len(of_partner) >= MOST_OF_A_PARTNER:
        raise _asked_lately(
            f"{MOST_OF_A_PARTNER} contact points of this partner were asked",
            of_partner[MOST_OF_A_PARTNER - 1],
            now,
        )


def _asked_lately(what: str, oldest: ConfirmationRow, now: datetime) -> AskedLately:
    wait = ceil((aware(oldest.at) + ASK_AGAIN_AFTER - now).total_seconds())
    return AskedLately(
        f"{what} within the last hour. Look for the mail, also among unwanted ones, or ask again "
        "later.",
        headers={"Retry-After": str(max(wait, 1))},
    )


async def forget_confirmations_of(session: AsyncSession, point_ids: Collection[UUID]) -> None:
    """Forget that the contact points were asked; their links lead nowhere then."""
    await session.execute(
        delete(confirmation_table).where(confirmation_table.c.contact_point_id.in_(point_ids))
    )


async def forget_expired_confirmations(session: AsyncSession) -> int:
    """Delete the requests that can be answered no more; how many there were."""
    gone = await session.execute(
        delete(confirmation_table)
        .where(confirmation_table.c.expires_at <= datetime.now(UTC))
        .returning(confirmation_table.c.id)
    )
    return len(gone.all())
