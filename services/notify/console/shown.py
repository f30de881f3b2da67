"""What the pages show beside what the API answers: whose a webhook is, how much waits for it."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import DELIVERIES, AccountRow, WebhookRow
from services.notify.webhook_readings import WebhookRead
from services.notify.webhooks import show_webhook


@dataclass(frozen=True, slots=True)
class ShownWebhook:
    """A webhook on a page."""

    webhook: WebhookRead
    account: str
    backlog: int
    """Deliveries that are neither delivered nor given up."""


async def show_webhooks(session: AsyncSession, rows: Collection[WebhookRow]) -> list[ShownWebhook]:
    """These webhooks as pages show them."""
    backlogs = await _count_backlogs(session, [row.id for row in rows])
    return [
        ShownWebhook(
            webhook=await show_webhook(session, row),
            account=await _name_account(session, row.account_id),
            backlog=backlogs.get(row.id, 0),
        )
        for row in rows
    ]


async def _count_backlogs(session: AsyncSession, webhook_ids: list[UUID]) -> dict[UUID, int]:
    columns = DELIVERIES.c
    found = await session.execute(
        select(columns.webhook_id, func.count())
        .where(columns.webhook_id.in_(webhook_ids), columns.finished_at.is_(None))
        .group_by(columns.webhook_id)
    )
    return {row[0]: row[1] for row in found}


async def _name_account(session: AsyncSession, account_id: UUID) -> str:
    account = await session.get(AccountRow, account_id)
    # Its name comes with the log, and may not have come yet.
    return account.name if account is not None and account.name else str(account_id)
