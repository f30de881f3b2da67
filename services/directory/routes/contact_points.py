"""Contact points over HTTP: whether they were shown to work."""

from uuid import UUID

from fastapi import Response

from services.directory.answers import written_answer
from services.directory.contact_points.verification import VerificationWrite, verify_by_hand
from services.directory.idempotency import keyed_router
from services.directory.partner_change import PartnerWithdrawn
from services.directory.reasons import Reason
from shared.databases import Transaction
from shared.preconditions import ExpectedVersion, PreconditionRequired, StaleVersion
from shared.problems import NotAllowed, NotFound, NotSignedIn, answers
from shared.records import Partner
from shared.tokens import SignedIn

router = keyed_router("contact points")

_REFUSALS = (NotSignedIn, NotAllowed, NotFound, PartnerWithdrawn)


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
