"""What the list shows beside what the API answers: whose a webhook is, how much waits for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, literal_column, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import DELIVERIES, AccountRow, WebhookRow
from services.notify.webhooks.readings import WebhookRead
from services.notify.webhooks.registering import show_webhook

MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class ShownWebhook:
    """A webhook in the list."""

    webhook: WebhookRead
    account: str
    backlog: int
    """Deliveries that are neither delivered nor given up; at most MOST_COUNTED are counted."""
    backlog_is_complete: bool
    """Whether all of them were counted."""


async def show_webhooks(session: AsyncSession, rows: Sequence[WebhookRow]) -> list[ShownWebhook]:
    """These webhooks as the list shows them."""
    counts = await _count_backlogs(session, [row.id for row in rows])
    return [
        ShownWebhook(
            webhook=await show_webhook(session, row),
            account=await name_account(session, row.account_id),
            backlog=min(count, MOST_COUNTED),
            backlog_is_complete=count <= MOST_COUNTED,
        )
        for row, count in zip(rows, counts, strict=True)
    ]


async def _count_backlogs(session: AsyncSession, webhook_ids: list[UUID]) -> list[int]:
    """One more than MOST_COUNTED where there are more: millions may wait for each of a page."""
    if not webhook_ids:
        return []
    columns = DELIVERIES.c
    some = [
        select(columns.id)
        .where(columns.webhook_id == webhook_id, columns.finished_at.is_(None))
        .limit(MOST_COUNTED + 1)
        .subquery()
        for webhook_id in webhook_ids
    ]
    counts: list[Select[int, int]] = [
        select(literal_column(str(place)), func.count()).select_from(one)
        for place, one in enumerate(some)
    ]
    found = {row[0]: row[1] for row in await session.execute(union_all(*counts))}
    return [found[place] for place in range(len(webhook_ids))]


async def name_account(session: AsyncSession, account_id: UUID) -> str:
    """The account's name; its id as long as no name is known."""
    account = await session.get(AccountRow, account_id)
    return account.name if account is not None and account.name else str(account_id)
