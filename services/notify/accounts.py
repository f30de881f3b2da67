"""Accounts as the directory has them: whose webhooks there are, and what they may see by now.

The log tells of every change, in its order. Of an account that it has not told of yet, because it
is older than what is known of the log here, the directory is asked. A version counts an account's
changes, so what comes late, from either side, does not bring back the past; 0 stands for hearsay.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import httpx
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.lines import hold_lines_alone
from services.notify.mail.reminders import REMINDED, remind
from services.notify.models import ACCOUNTS, DELIVERIES, WEBHOOKS, AccountRow, WebhookState
from shared.databases import Database, insert_into
from shared.event_data import AccountState, ReminderData
from shared.leases import database_time
from shared.problems import Problem, Unavailable
from shared.records import JsonObject
from shared.service_client import DirectoryClient
from shared.tokens import Caller
from shared.vocabulary import Role

_HEARSAY = 0
_CLOSED = "its account was closed"
_SENT_TO = [WebhookState.active.value, WebhookState.paused.value]


class AccountClosed(Problem):
    """The account has been closed, so nothing is sent to its webhooks."""

    status, title, kind = 409, "The account is closed", "account-closed"


async def heed_accounts(session: AsyncSession, events: Sequence[JsonObject], now: datetime) -> None:
    """Take over what events of accounts say, in their order.

    Raises:
        pydantic.ValidationError: one has not its type's shape.
    """
    # Before any account is locked, as whoever changes a webhook has it.
    await hold_lines_alone(session)
    for event in events:
        await keep_account(session, AccountState.model_validate(event["data"]["account"]), now)
        if event["type"] == REMINDED:
            remind(session, ReminderData.model_validate(event["data"]), now)


async def keep_account(session: AsyncSession, state: AccountState, now: datetime) -> None:
    """Let the account be what `state` says, unless it is older than what is known.

    The caller holds the lines alone: who sends locks deliveries and webhooks in another order.
    """
    hearsay = {"id": state.id, "name": "", "role": state.role.value, "version": _HEARSAY}
    await session.execute(insert_into(session, ACCOUNTS).values(hearsay).on_conflict_do_nothing())
    row = await session.get(AccountRow, state.id, with_for_update=True, populate_existing=True)
    if row is None or row.version >= state.version:
        return
    opens_or_closes = (row.closed_at is None) != (state.disabled_at is None)
    row.version, row.name, row.email = state.version, state.name, state.email
    row.role, row.closed_at = state.role.value, state.disabled_at
    await session.flush()
    mine = WEBHOOKS.c.account_id == state.id
    if opens_or_closes:
        # On opening too: what came to be on in between stays off until somebody switches it on.
        await _disable_webhooks(session, state.id, now)
    # What is remembered of its webhooks has the audience of before.
    await session.execute(update(WEBHOOKS).where(mine).values(revision=WEBHOOKS.c.revision + 1))


async def _disable_webhooks(session: AsyncSession, account_id: UUID, now: datetime) -> None:
    mine = [WEBHOOKS.c.account_id == account_id, WEBHOOKS.c.state.in_(_SENT_TO)]
    await session.execute(
        update(DELIVERIES)
        .where(
            DELIVERIES.c.webhook_id.in_(select(WEBHOOKS.c.id).where(*mine)),
            DELIVERIES.c.finished_at.is_(None),
        )
        .values(next_attempt_at=None)
    )
    await session.execute(
        update(WEBHOOKS)
        .where(*mine)
        .values(state=WebhookState.disabled.value, state_reason=_CLOSED, disabled_at=now)
    )


async def lock_open_account(session: AsyncSession, account_id: UUID) -> AccountRow:
    """The account, which does not close before the transaction ends.

    Raises:
        AccountClosed: it has been closed.
    """
    row = await session.get(AccountRow, account_id, with_for_update=True, populate_existing=True)
    if row is None or row.closed_at is not None:
        raise AccountClosed(
            "Nothing is sent to webhooks of a closed account. The secretariat can open it again: "
            'PATCH /accounts/{account_id} {"disabled": false} at the directory.'
        )
    return row


class KnowAccount:
    """Sees to it that an account is known as the directory has it, whatever a token says."""

    def __init__(self, database: Database, directory: DirectoryClient) -> None:
        self._database = database
        self._directory = directory

    async def __call__(self, caller: Caller) -> None:
        """Ask for the caller's account, unless it was told of already.

        Raises:
            Unavailable: the directory does not answer.
        """
        if caller.account_id is None:
            raise ValueError("nobody in particular has no account")
        async with self._database.reading() as session:
            row = await session.get(AccountRow, caller.account_id)
        if row is not None and row.version != _HEARSAY:
            return
        try:
            await _ask_for(self._database, self._directory, caller.account_id)
        except httpx.HTTPError as error:
            raise Unavailable(
                "The directory does not answer, so nobody can say what your account may be told. "
                "Try again in a moment."
            ) from error


async def doubt_accounts(session: AsyncSession) -> None:
    """Take what is known for hearsay: the directory has begun another log, and counts anew."""
    await session.execute(
        delete(ACCOUNTS).where(ACCOUNTS.c.id.not_in(select(WEBHOOKS.c.account_id)))
    )
    await session.execute(update(ACCOUNTS).values(version=_HEARSAY))


async def confirm_accounts(database: Database, directory: DirectoryClient) -> None:
    """Ask for every account that is known from hearsay only.

    Raises:
        httpx.HTTPError: the directory does not answer.
    """
    async with database.reading() as session:
        found = await session.scalars(
            select(ACCOUNTS.c.id).where(ACCOUNTS.c.version == _HEARSAY).order_by(ACCOUNTS.c.id)
        )
    for account_id in found.all():
        await _ask_for(database, directory, account_id)


async def _ask_for(database: Database, directory: DirectoryClient, account_id: UUID) -> None:
    state: AccountState | None = None
    try:
        answer = await directory.get(f"/accounts/{account_id}")
        state = AccountState.model_validate(answer.json())
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
    async with database.transaction() as session:
        await hold_lines_alone(session)
        now = await database_time(session)
        await keep_account(session, state or _nobody(account_id, now), now)


def _nobody(account_id: UUID, now: datetime) -> AccountState:
    """An account that the directory does not have: closed, as far as anybody here is concerned."""
    return AccountState(
        id=account_id,
        version=_HEARSAY + 1,
        name="",
        role=Role.member,
        partner_id=None,
        email=None,
        disabled_at=now,
    )
