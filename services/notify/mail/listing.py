"""Reading the mail outbox."""

from collections.abc import Sequence

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import MAIL, MailRow, MailState
from shared.paging import PageParameters


class MailParameters(PageParameters):
    """Which mails."""

    state: MailState | None = Field(default=None, description="Only those in this state.")


async def list_mail(session: AsyncSession, asked: MailParameters) -> Sequence[MailRow]:
    """The mails, the newest first, one more than a page."""
    columns = MAIL.c
    statement = select(MailRow).order_by(columns.id.desc()).limit(asked.limit + 1)
    if asked.state is not None:
        statement = statement.where(columns.state == asked.state.value)
    if asked.after is not None:
        statement = statement.where(columns.id < asked.after)
    return (await session.execute(statement)).scalars().all()
