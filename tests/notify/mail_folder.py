"""Mail as it lies in a folder, and accounts that can be written to."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import update

from services.notify.models import ACCOUNTS
from tests.notify.served_notify import ServedNotify
from tests.waiting import wait_until


def mails_in(folder: Path) -> list[EmailMessage]:
    """The mails in `folder`, the oldest first: their names count up with time."""
    found = []
    for path in sorted(folder.glob("*.eml")):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(message, EmailMessage)
        found.append(message)
    return found


async def mailed(folder: Path, count: int) -> list[EmailMessage]:
    """The mails in `folder`, once there are `count` of them."""

    async def enough() -> bool:
        return len(mails_in(folder)) >= count

    await wait_until(enough, f"{count} mail(s) lie in the folder")
    return mails_in(folder)


async def give_email(notify: ServedNotify, webhook: dict[str, Any], email: str) -> None:
    """Let the owner of `webhook` be written to at `email`."""
    async with notify.app.state.database.transaction() as session:
        await session.execute(
            update(ACCOUNTS).where(ACCOUNTS.c.id == UUID(webhook["account_id"])).values(email=email)
        )
