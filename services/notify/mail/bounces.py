"""Telling the directory of addresses that do not work: mail to contact points that was refused.

What is to be told is a row until the directory has answered. It may be told twice, which changes
nothing there, so any number of workers may do it.
"""

from uuid import UUID

import httpx
import structlog
from sqlalchemy import select, update

from services.notify.models import MAIL
from shared.databases import Database
from shared.leases import database_time
from shared.service_client import DirectoryClient

_AT_ONCE = 20
# The directory has understood, and there is nothing to write down any more.
_SETTLED = frozenset({httpx.codes.NOT_FOUND, httpx.codes.CONFLICT})
_log = structlog.get_logger()
_mine = MAIL.c


class BounceReports:
    """One worker's telling."""

    def __init__(self, database: Database, directory: DirectoryClient) -> None:
        self._database = database
        self._directory = directory

    async def step(self) -> int:
        """Tell of some mails that were refused; how many.

        Raises:
            httpx.HTTPError: the directory does not answer, or with an error; it is told later.
        """
        async with self._database.reading() as session:
            rows = await session.execute(
                select(_mine.id, _mine.confirmation_id)
                .where(
                    _mine.confirmation_id.is_not(None),
                    _mine.refused_at.is_not(None),
                    _mine.bounce_reported_at.is_(None),
                )
                .order_by(_mine.refused_at)
                .limit(_AT_ONCE)
            )
            refused = [(row.id, row.confirmation_id) for row in rows]
        for mail_id, confirmation_id in refused:
            await self._tell(mail_id, confirmation_id)
        return len(refused)

    async def _tell(self, mail_id: UUID, confirmation_id: UUID) -> None:
        told = {"confirmation_id": str(confirmation_id)}
        try:
            status = (await self._directory.post("/contact-points/bounces", told)).status_code
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status not in _SETTLED:
                raise
        async with self._database.transaction() as session:
            await session.execute(
                update(MAIL)
                .where(_mine.id == mail_id)
                .values(bounce_reported_at=await database_time(session))
            )
        _log.info("mail.bounce_reported", mail=str(mail_id), status=status)
