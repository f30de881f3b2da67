"""Erasing a person's details over HTTP, for the secretariat."""

from uuid import UUID

from services.directory.erasing.erasure import Erasure, erase_contact_point
from services.directory.erasing.imported import ImportHasPerson
from services.directory.idempotency import keyed_router
from services.directory.reasons import Reason
from shared.databases import Transaction
from shared.problems import NotAllowed, NotFound, NotSignedIn, answers
from shared.tokens import OfSecretariat

router = keyed_router("erasures")


@router.post(
    "/partners/{partner_id}/contact-points/{contact_point_id}/erasure",
    summary="Erase a person's details everywhere",
    responses=answers(NotSignedIn, NotAllowed, NotFound, ImportHasPerson),
)
async def erase_a_contact_point(
    partner_id: UUID,
    contact_point_id: UUID,
    session: Transaction,
    caller: OfSecretariat,
    reason: Reason = None,
) -> Erasure:
    """Forget a contact point in the record, its history, the log, the index and all deliveries.

    Other contact points of the same person (its name or its e-mail address) go with it. This
    cannot be undone. Whoever was told of the contact point is told `partner.contact_erased`.
    """
    return await erase_contact_point(session, partner_id, contact_point_id, caller, reason)
