"""Replays over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.notify.deliveries.replays import (
    BadPeriod,
    ReplayNotFound,
    ReplayPage,
    ReplayRead,
    ReplayUnderWay,
    ReplayWrite,
    begin_replay,
    find_replay,
    list_replays,
    show_replay,
    stop_replay,
)
from services.notify.webhooks.registering import WebhookDisabled, WebhookNotFound, WebhookUnverified
from shared.databases import Reading, Transaction
from shared.paging import BadCursor, PageParameters, link_next, page_of
from shared.problems import NotSignedIn, Unavailable, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import SignedIn

router = strict_router("webhooks")


@router.post(
    "/webhooks/{webhook_id}/replay",
    status_code=202,
    summary="Send a period of the event log again",
    responses=answers(
        NotSignedIn,
        WebhookNotFound,
        WebhookDisabled,
        WebhookUnverified,
        ReplayUnderWay,
        BadPeriod,
        Unavailable,
    ),
)
async def replay_a_period(
    webhook_id: UUID,
    asked: ReplayWrite,
    response: Response,
    session: Transaction,
    caller: SignedIn,
) -> ReplayRead:
    """Whatever was sent before: also from before the webhook was registered.

    It is sent what it wants by its patterns, filters and audience as they are now, behind all that
    it is owed, as fast as its endpoint takes it. Without `until` what happens meanwhile is sent
    once more at the end, so the last event of each record is the newest.
    """
    replay = await begin_replay(session, webhook_id, asked, caller)
    response.headers["Location"] = f"/replays/{replay.id}"
    return show_replay(replay)


@router.get(
    "/webhooks/{webhook_id}/replays",
    summary="List the replays of a webhook",
    responses=answers(NotSignedIn, WebhookNotFound, BadCursor, UnknownParameter),
)
async def list_some_replays(
    webhook_id: UUID,
    request: Request,
    response: Response,
    session: Reading,
    caller: SignedIn,
    asked: Annotated[PageParameters, Query()],
) -> ReplayPage:
    rows, following = page_of(await list_replays(session, webhook_id, caller, asked), asked)
    link_next(request, response, following)
    return ReplayPage(items=[show_replay(row) for row in rows], next=following)


@router.get(
    "/replays/{replay_id}",
    summary="Show a replay and how far it has come",
    responses=answers(NotSignedIn, ReplayNotFound),
)
async def read_a_replay(replay_id: UUID, session: Reading, caller: SignedIn) -> ReplayRead:
    return show_replay(await find_replay(session, replay_id, caller))


@router.delete(
    "/replays/{replay_id}",
    summary="Stop a replay",
    responses=answers(NotSignedIn, ReplayNotFound),
)
async def stop_a_replay(replay_id: UUID, session: Transaction, caller: SignedIn) -> ReplayRead:
    """What it has owed so far is sent; one that has ended stays as it is."""
    return show_replay(await stop_replay(session, replay_id, caller))
