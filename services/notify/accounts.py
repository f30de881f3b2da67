"""Accounts, as far as their webhooks need them: whom a webhook belongs to, and what it may see."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.fan_out import insert_new
from services.notify.models import ACCOUNTS
from shared.tokens import Caller


async def ensure_account(session: AsyncSession, caller: Caller) -> None:
    """Keep the caller's account, unless something is known of it already."""
    if caller.account_id is None or caller.role is None:
        raise ValueError("a webhook belongs to an account")
    row = {"id": caller.account_id, "name": "", "role": caller.role.value}
    await insert_new(session, ACCOUNTS, [row])
