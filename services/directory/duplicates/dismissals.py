"""The secretariat's word that two partners are not one, and taking it back."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.duplicates.describing import Dismissal
from services.directory.models import (
    DuplicateDismissalRow,
    duplicate_dismissal_table,
    duplicate_pair_table,
)
from services.directory.outbox import stand_in_line
from shared.problems import NotFound
from shared.texts import ShortText
from shared.tokens import Caller

_PAIR, _WORD = duplicate_pair_table.c, duplicate_dismissal_table.c


class DismissalWrite(BaseModel):
    """That two partners are not one."""

    model_config = ConfigDict(extra="forbid")

    a: UUID = Field(description="One of the partners.")
    b: UUID = Field(description="The other; their order makes no difference.")
    reason: Annotated[ShortText, Field(description="Why they are two.", examples=["Two campuses"])]


async def dismiss_pair(session: AsyncSession, write: DismissalWrite, caller: Caller) -> Dismissal:
    """Take a pair off the list until the names of one of the two change in earnest.

    A dismissal of before is replaced.

    Raises:
        NotFound: the two are not a pair of likely duplicates.
    """
    await stand_in_line(session)
    first, second = sorted((write.a, write.b))
    names = await session.scalar(
        select(_PAIR.names).where(_PAIR.first_id == first, _PAIR.second_id == second)
    )
    if names is None:
        raise NotFound(
            f"Partners {first} and {second} are no pair of likely duplicates, so there is nothing "
            "to dismiss; see GET /partners/duplicates."
        )
    await session.execute(
        delete(duplicate_dismissal_table).where(
            and_(_WORD.first_id == first, _WORD.second_id == second)
        )
    )
    row = DuplicateDismissalRow(
        id=uuid7(),
        first_id=first,
        second_id=second,
        names=names,
        dismissed_by=caller.account_id,
        dismissed_at=datetime.now(UTC),
        reason=write.reason,
    )
    session.add(row)
    await session.flush()
    return Dismissal(id=row.id, by=row.dismissed_by, at=row.dismissed_at, reason=row.reason)


async def take_back(session: AsyncSession, dismissal_id: UUID) -> None:
    """List the pair again.

    Raises:
        NotFound: there is no such dismissal.
    """
    await stand_in_line(session)
    gone = await session.execute(
        delete(duplicate_dismissal_table).where(_WORD.id == dismissal_id).returning(_WORD.id)
    )
    if gone.first() is None:
        raise NotFound(
            f"There is no dismissal {dismissal_id}; see GET /partners/duplicates?dismissed=true."
        )
