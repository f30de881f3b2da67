"""Batches of writes over HTTP."""

from typing import Annotated

from fastapi import Query, Request

from services.directory.batches import BatchRead, BatchRefused, BatchWrite, write_batch
from services.directory.idempotency import keyed_router
from services.directory.reasons import Reason
from shared.databases import Transaction
from shared.problems import NotAllowed, NotSignedIn, answers
from shared.tokens import SignedIn

router = keyed_router("partners")


@router.post(
    "/partners/batch",
    summary="Write several partners",
    responses=answers(NotSignedIn, NotAllowed, BatchRefused),
)
async def write_a_batch(
    request: Request,
    batch: BatchWrite,
    session: Transaction,
    caller: SignedIn,
    atomic: Annotated[
        bool, Query(description="Write all or nothing; else what can be written is.")
    ] = False,
    reason: Reason = None,
) -> BatchRead:
    """In their order, each by the rules of the same write sent alone, with one result for each.

    An editor may send writes of its own partner. A write that is refused leaves nothing behind.
    """
    return await write_batch(session, batch, atomic, caller, request.url.path, reason)
