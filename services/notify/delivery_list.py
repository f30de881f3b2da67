"""Reading deliveries and their attempts; a webhook's owner and the secretariat see them."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import (
    ATTEMPTS,
    DELIVERIES,
    EVENTS,
    WEBHOOKS,
    AttemptRow,
    DeliveryState,
)
from services.notify.pages import PageParameters
from services.notify.readings import AttemptRead, DeliveryRead, DeliveryWithAttempts
from services.notify.webhooks import find_webhook
from shared.problems import NotFound
from shared.tokens import Caller
from shared.vocabulary import Role


class DeliveryNotFound(NotFound):
    """No delivery of your webhooks has this id."""

    title, kind = "No such delivery", "delivery-not-found"


class DeliveryParameters(PageParameters):
    """Which deliveries."""

    state: DeliveryState | None = Field(default=None, description="Only those in this state.")


def _deliveries() -> Select[tuple[object, ...]]:
    return select(*DELIVERIES.c, EVENTS.c.type.label("event_type")).join(
        EVENTS, EVENTS.c.id == DELIVERIES.c.event_id
    )


async def list_deliveries(
    session: AsyncSession, webhook_id: UUID, caller: Caller, asked: DeliveryParameters
) -> Sequence[DeliveryRead]:
    """The webhook's deliveries, the newest first, one more than a page.

    Raises:
        WebhookNotFound: it is not the caller's.
    """
    await find_webhook(session, webhook_id, caller)
    columns = DELIVERIES.c
    statement = (
        _deliveries()
        .where(columns.webhook_id == webhook_id)
        .order_by(columns.id.desc())
        .limit(asked.limit + 1)
    )
    if asked.state is not None:
        statement = statement.where(columns.state == asked.state.value)
    if asked.after is not None:
        statement = statement.where(columns.id < asked.after)
    return [DeliveryRead.model_validate(row) for row in await session.execute(statement)]


async def read_delivery(session: AsyncSession, delivery_id: UUID, caller: Caller) -> DeliveryRead:
    """The delivery.

    Raises:
        DeliveryNotFound: it belongs to somebody else's webhook, or never was.
    """
    statement = _deliveries().where(DELIVERIES.c.id == delivery_id)
    if caller.role is not Role.secretariat:
        statement = statement.join(WEBHOOKS, WEBHOOKS.c.id == DELIVERIES.c.webhook_id).where(
            WEBHOOKS.c.account_id == caller.account_id
        )
    row = (await session.execute(statement)).first()
    if row is None:
        raise DeliveryNotFound("GET /webhooks/{webhook_id}/deliveries lists those of a webhook.")
    return DeliveryRead.model_validate(row)


async def read_delivery_with_attempts(
    session: AsyncSession, delivery_id: UUID, caller: Caller
) -> DeliveryWithAttempts:
    """The delivery and all that was tried.

    Raises:
        DeliveryNotFound: it belongs to somebody else's webhook, or never was.
    """
    delivery = await read_delivery(session, delivery_id, caller)
    attempts = (
        await session.execute(
            select(AttemptRow)
            .where(ATTEMPTS.c.delivery_id == delivery_id)
            .order_by(ATTEMPTS.c.number)
        )
    ).scalars()
    return DeliveryWithAttempts(
        **delivery.model_dump(),
        attempt_list=[AttemptRead.model_validate(attempt) for attempt in attempts],
    )
