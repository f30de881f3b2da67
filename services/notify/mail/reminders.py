"""Reminding a partner's editors that its record is to be checked against the world again."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.mail.outbox import put_in_outbox
from shared.event_data import ReminderData
from shared.vocabulary import AssuranceStatus

REMINDED = "account.reminded"


def remind(session: AsyncSession, data: ReminderData, now: datetime) -> None:
    """Write to the editor, if it can be written to."""
    account = data.account
    if account.email is None or account.disabled_at is not None:
        return
    is_overdue = data.status is AssuranceStatus.overdue
    day = f"{data.next_review_at:%Y-%m-%d}"
    text = _TEXT.format(
        name=data.partner_name,
        when=f"should have been checked by {day}" if is_overdue else f"is to be checked by {day}",
        partner_id=data.partner_id,
    )
    subject = "Please check the record of " + data.partner_name
    put_in_outbox(session, account.id, account.email, subject, text, now)


_TEXT = """\
The record of {name} in the directory {when}.

What to do: look whether names, contact points and all else are still true, and change what is not.
Then tell the secretariat that the record was checked; it says so in the directory.
The record: GET /partners/{partner_id}
"""
