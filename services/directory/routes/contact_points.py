"""Contact points over HTTP: whether they were shown to work, and asking them."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field

from services.directory.answers import written_answer
from services.directory.contact_points.answering import report_bounce
from services.directory.contact_points.asking import (
    AskedLately,
    ConfirmationWrite,
    NotConfirmable,
    ask_to_confirm,
)
from services.directory.contact_points.verification import VerificationWrite, verify_by_hand
from services.directory.idempotency import keyed_router
from services.directory.partner_change import PartnerWithdrawn
from services.directory.reasons import Reason
from shared.databases import Transaction
from shared.preconditions import ExpectedVersion, PreconditionRequired, StaleVersion
from shared.problems import NotAllowed, NotFound, NotSignedIn, answers
from shared.records import Partner
from shared.tokens import Caller, SignedIn
from shared.vocabulary import Role

router = keyed_router("contact points")

_REFUSALS = (NotSignedIn, NotAllowed, NotFound, PartnerWithdrawn)


class Bounce(BaseModel):
    """That the mail of a confirmation was refused for good."""

    confirmation_id: UUID = Field(description="The request that was mailed.")


def _require_service(caller: SignedIn) -> Caller:
    if caller.role is not Role.service:
        raise NotAllowed("Only this network's own services report what came of a mail.")
    return caller


@router.post(
    "/partners/{partner_id}/contact-points/{contact_point_id}/confirmation",
    status_code=202,
    summary="Ask a contact point to confirm itself",
    response_model=Partner,
    responses=answers(*_REFUSALS, NotConfirmable, AskedLately),
)
async def ask_a_contact_point(
    partner_id: UUID,
    contact_point_id: UUID,
    request: Request,
    session: Transaction,
    caller: SignedIn,
    write: ConfirmationWrite | None = None,
) -> Response:
    """It is sent a mail with a link, and is `pending` until somebody there has answered.

    For the secretariat and the partner's own editors. A contact point, and an address, is written
    to once an hour at most, and of one partner twenty contact points an hour.
    """
    keys = request.app.state.signing_keys
    email = None if write is None else write.email
    row = await ask_to_confirm(session, keys, partner_id, contact_point_id, email, caller)
    return written_answer(row, caller, 202)


@router.post(
    "/contact-points/bounces",
    status_code=204,
    summary="Report that a mail was refused for good",
    responses=answers(NotSignedIn, NotAllowed, NotFound),
)
async def report_a_bounce(
    bounce: Bounce, session: Transaction, _: Annotated[Caller, Depends(_require_service)]
) -> None:
    """For this network's own services. The contact point is `bounced` if it is still `pending`."""
    await report_bounce(session, bounce.confirmation_id)


@router.post(
    "/partners/{partner_id}/contact-points/{contact_point_id}/verification",
    summary="Say whether a contact point works",
    response_model=Partner,
    responses=answers(*_REFUSALS, PreconditionRequired, StaleVersion),
)
async def verify_a_contact_point(
    partner_id: UUID,
    contact_point_id: UUID,
    write: VerificationWrite,
    session: Transaction,
    caller: SignedIn,
    expected: ExpectedVersion,
    reason: Reason = None,
) -> Response:
    """For the secretariat and the partner's own editors: somebody has rung, or a mail came back.

    What is found out holds until the channels are edited, and for CONTACT_VERIFICATION_DAYS.
    """
    row = await verify_by_hand(
        session, partner_id, contact_point_id, expected, write, caller, reason
    )
    return written_answer(row, caller)
