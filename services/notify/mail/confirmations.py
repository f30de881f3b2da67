"""Asking contact points whether they are reached by their addresses."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.mail.outbox import put_in_outbox
from shared.event_data import ConfirmationData

REQUESTED = "contact_point.confirmation_requested"


def ask_to_confirm(session: AsyncSession, data: ConfirmationData, now: datetime) -> None:
    """Mail the link to the contact point, unless it has been erased since."""
    if data.recipient is None or data.link is None:
        return
    purposes = ", ".join(purpose.value.replace("_", " ") for purpose in data.purposes)
    which = f"{data.contact_point_name}: {purposes}" if data.contact_point_name else purposes
    text = _TEXT.format(
        partner=data.partner_name,
        which=which,
        day=f"{data.expires_at:%Y-%m-%d}",
        link=data.link,
    )
    subject = f"Does this address reach {data.partner_name}?"
    row = put_in_outbox(session, None, data.recipient, subject, text, now)
    row.contact_point_id, row.confirmation_id = data.contact_point_id, data.confirmation_id


_TEXT = """\
The partner directory says that one reaches {partner} by this address ({which}).

Is that right? Please open this page by {day} and say yes or no:

{link}

To open it changes nothing, only a button there does. If you do not know what this is about, say no
there, or do nothing: then whoever keeps the record will look after it.
"""
