"""The mail outbox as tests write into it and the secretariat reads it."""

from typing import Any
from uuid import uuid4

from services.notify.mail.outbox import put_in_outbox
from shared.leases import database_time
from tests.notify.served_notify import ServedNotify
from tests.waiting import wait_until

OWNER = "owner@example.org"


async def mail(
    notify: ServedNotify, recipient: str = OWNER, text: str = "A text.\n"
) -> dict[str, Any]:
    """A mail put into the outbox, as the list has it once its transaction is over."""
    subject = f"About {uuid4()}"
    async with notify.app.state.database.transaction() as session:
        now = await database_time(session)
        put_in_outbox(session, uuid4(), recipient, subject, text, now)
    return next(one for one in await listed(notify) if one["subject"] == subject)


async def listed(notify: ServedNotify, state: str = "") -> list[dict[str, Any]]:
    """The outbox, as the secretariat sees it."""
    query = f"?state={state}&limit=200" if state else "?limit=200"
    items: list[dict[str, Any]] = (await notify.get(f"/notify/mail{query}"))["items"]
    return items


async def ended(notify: ServedNotify, one: dict[str, Any]) -> dict[str, Any]:
    """The mail when it was sent or given up."""
    found: dict[str, Any] = {}

    async def has_ended() -> bool:
        found.update(next(m for m in await listed(notify) if m["id"] == one["id"]))
        return found["finished_at"] is not None

    await wait_until(has_ended, "the mail was sent or given up")
    return found
