"""Reading deliveries and their attempts; a webhook's owner and the secretariat see them.

Delivered ones are millions, so no list walks through them in search of others: what is not
delivered is found in indexes that hold nothing else, a span of time by ids, a record by its events.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, literal_column, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from services.notify.deliveries.ids import first_id_of, last_id_before
from services.notify.deliveries.parameters import DeliveryParameters
from services.notify.models import (
    ATTEMPTS,
    DELIVERIES,
    EVENTS,
    WEBHOOKS,
    AttemptRow,
    DeliveryState,
)
from services.notify.readings import AttemptRead, DeliveryRead, DeliveryWithAttempts
from services.notify.webhooks.registering import find_webhook
from shared.problems import NotFound
from shared.tokens import Caller
from shared.vocabulary import Role

_columns = DELIVERIES.c
_Ids = Select[tuple[UUID]]
# SQLite takes 500 at most in one statement.
_RUNS_AT_ONCE = 100


class DeliveryNotFound(NotFound):
    """No delivery of your webhooks has this id."""

    title, kind = "No such delivery", "delivery-not-found"


def _deliveries() -> Select[tuple[object, ...]]:
    return select(*_columns, EVENTS.c.type.label("event_type")).join(
        EVENTS, EVENTS.c.id == _columns.event_id
    )


async def list_deliveries(
    session: AsyncSession, webhook_id: UUID, caller: Caller, asked: DeliveryParameters
) -> Sequence[DeliveryRead]:
    """The webhook's deliveries, one more than a page.

    Raises:
        WebhookNotFound: it is not the caller's.
        InvalidValues: a state is none.
        UnknownEventPattern: the pattern can match no event.
    """
    await find_webhook(session, webhook_id, caller)
    return await _read_page(session, [_of_webhook(webhook_id, asked)], asked)


async def list_all_deliveries(
    session: AsyncSession, caller: Caller, asked: DeliveryParameters
) -> Sequence[DeliveryRead]:
    """The deliveries of all of the caller's webhooks, everybody's for the secretariat.

    Raises:
        InvalidValues: a state is none.
        UnknownEventPattern: the pattern can match no event.
    """
    if caller.role is Role.secretariat:
        return await _read_page(session, _runs_of_all(asked), asked)
    webhook_ids = await session.scalars(
        select(WEBHOOKS.c.id).where(WEBHOOKS.c.account_id == caller.account_id)
    )
    runs = [_of_webhook(webhook_id, asked) for webhook_id in webhook_ids]
    return await _read_page(session, runs, asked)


def _of_webhook(webhook_id: UUID, asked: DeliveryParameters) -> ColumnElement[bool]:
    if asked.subject is None:
        return _columns.webhook_id == webhook_id
    # As an expression, so that SQLite does not go through all that the webhook ever got: a record
    # has few events, and each of them one delivery for the webhook.
    return func.coalesce(_columns.webhook_id, _columns.webhook_id) == webhook_id


def _runs_of_all(asked: DeliveryParameters) -> list[ColumnElement[bool]]:
    states = asked.states()
    if not states or DeliveryState.delivered in states:
        return [literal_column("1 = 1")]
    return [_columns.state == state.value for state in states]


async def _read_page(
    session: AsyncSession, runs: Sequence[ColumnElement[bool]], asked: DeliveryParameters
) -> Sequence[DeliveryRead]:
    """One more than a page of what lies in `runs`, in order.

    The beginning of each run is read from an index that has it in order; they are merged here.
    """
    newest_first = asked.order == "newest"
    conditions = _conditions(asked)
    statements = [_beginning_of(run, conditions, asked) for run in runs]
    ids: list[UUID] = []
    for begin in range(0, len(statements), _RUNS_AT_ONCE):
        some = statements[begin : begin + _RUNS_AT_ONCE]
        found: Any = await session.scalars(
            union_all(*[select(one.subquery().c.id) for one in some])
        )
        ids += found
    page = sorted(ids, reverse=newest_first)[: asked.limit + 1]
    rows = await session.execute(_deliveries().where(_columns.id.in_(page)))
    read = [DeliveryRead.model_validate(row) for row in rows]
    return sorted(read, key=lambda delivery: delivery.id, reverse=newest_first)


def _beginning_of(
    run: ColumnElement[bool], conditions: Sequence[ColumnElement[bool]], asked: DeliveryParameters
) -> _Ids:
    by_id = _columns.id.desc() if asked.order == "newest" else _columns.id
    return select(_columns.id).where(run, *conditions).order_by(by_id).limit(asked.limit + 1)


def _conditions(asked: DeliveryParameters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if states := asked.states():
        found.append(_columns.state.in_(state.value for state in states))
        if DeliveryState.delivered not in states:
            # Written out as the indexes of those that are not have it.
            found.append(_columns.state != literal_column("'delivered'"))
    if (pattern := asked.pattern()) is not None:
        event_type = EVENTS.c.type
        fits = (
            event_type.startswith(pattern[:-1], autoescape=True)
            if pattern.endswith(".*")
            else event_type == pattern
        )
        found.append(select(EVENTS.c.id).where(EVENTS.c.id == _columns.event_id, fits).exists())
    if asked.subject is not None:
        events = select(EVENTS.c.id).where(EVENTS.c.subject == asked.subject)
        found.append(_columns.event_id.in_(events))
    if (after := asked.after) is not None:
        found.append(_columns.id < after if asked.order == "newest" else _columns.id > after)
    if asked.since is not None:
        found += [_columns.id >= first_id_of(asked.since), _columns.created_at >= asked.since]
    if asked.until is not None:
        found += [_columns.id <= last_id_before(asked.until), _columns.created_at < asked.until]
    return found


async def read_delivery(session: AsyncSession, delivery_id: UUID, caller: Caller) -> DeliveryRead:
    """The delivery.

    Raises:
        DeliveryNotFound: it belongs to somebody else's webhook, or never was.
    """
    statement = _deliveries().where(_columns.id == delivery_id)
    if caller.role is not Role.secretariat:
        statement = statement.join(WEBHOOKS, WEBHOOKS.c.id == _columns.webhook_id).where(
            WEBHOOKS.c.account_id == caller.account_id
        )
    row = (await session.execute(statement)).first()
    if row is None:
        raise DeliveryNotFound("GET /deliveries lists those of your webhooks.")
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
