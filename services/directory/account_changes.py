"""Changing and closing accounts, and what must not happen by it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.account_write import AccountChange
from services.directory.accounts import (
    AccountRead,
    account_of,
    check_partner,
    find_account,
    state_of,
)
from services.directory.client_secrets import forget_secret
from services.directory.merge_patch import patched
from services.directory.models import AccountRow, account_table, client_secret_table
from services.directory.outbox import append_account_event, stand_in_line
from shared.preconditions import check_version
from shared.problems import NotFound, Problem
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import Role


class LastOfSecretariat(Problem):
    """No account of the secretariat would be left that can sign in."""

    status, title, kind = 409, "It is the last account of the secretariat", "last-of-secretariat"


class ServiceAccount(Problem):
    """The account is that of this network's own services, and is not changed over HTTP."""

    status, title, kind = 409, "It is the account of our own services", "service-account"


async def patch_account(
    session: AsyncSession, account_id: UUID, expected: int, patch: JsonObject, caller: Caller
) -> AccountRead:
    """Apply a JSON merge patch (RFC 7396) to what is written of the account.

    Raises:
        NotFound, StaleVersion, ServiceAccount, LastOfSecretariat: as their names say.
        InvalidValues: the patched account breaks a rule, or its partner is not there.
    """
    row = await _load_for_change(session, account_id)
    check_version(row.version, expected)
    write = patched(_written_form(row), patch, "account")
    await check_partner(session, write)
    await _change(session, row, write, caller)
    return await account_of(session, row)


async def disable_account(session: AsyncSession, account_id: UUID, caller: Caller) -> None:
    """Let an account sign in no more.

    Raises:
        NotFound, ServiceAccount, LastOfSecretariat: as their names say.
    """
    row = await _load_for_change(session, account_id)
    write = _written_form(row).model_copy(update={"disabled": True})
    await _change(session, row, write, caller)


async def move_accounts(
    session: AsyncSession,
    before: UUID,
    after: UUID,
    caller: Caller,
    only: Sequence[str] | None = None,
) -> list[str]:
    """Let the accounts that belong to partner `before` belong to `after`.

    With `only`, no others than these.

    Returns:
        The ids of the accounts that were moved.
    """
    query = select(AccountRow).where(account_table.c.partner_id == before)
    if only is not None:
        query = query.where(account_table.c.id.in_([UUID(one) for one in only]))
    moved = list((await session.execute(query.order_by(account_table.c.id))).scalars())
    for row in moved:
        write = _written_form(row).model_copy(update={"partner_id": after})
        await _change(session, row, write, caller)
    return [str(row.id) for row in moved]


async def remove_secret(session: AsyncSession, account_id: UUID, secret_id: UUID) -> None:
    """Take a secret back; tokens that were got with it end by themselves within minutes.

    Raises:
        NotFound: the account has no such secret.
        LastOfSecretariat: nobody of the secretariat could sign in any more.
    """
    await stand_in_line(session)
    row = await find_account(session, account_id)
    if not await forget_secret(session, account_id, secret_id):
        raise NotFound(f"The account has no secret {secret_id}.")
    row.version += 1
    if _keeps_the_secretariat(row):
        await _check_somebody_does(session)


async def _load_for_change(session: AsyncSession, account_id: UUID) -> AccountRow:
    await stand_in_line(session)
    row = await find_account(session, account_id)
    if row.role == Role.service:
        raise ServiceAccount(
            "Search and notify sign in with it. SERVICE_CLIENT_ID and SERVICE_CLIENT_SECRET, which "
            "all three services have in common, set it up; change them instead."
        )
    return row


def _written_form(row: AccountRow) -> AccountChange:
    # Not validated: what was acceptable when it was written must not keep it from being changed.
    return AccountChange.model_construct(
        name=row.name,
        role=Role(row.role),
        partner_id=row.partner_id,
        email=row.email,
        disabled=row.disabled_at is not None,
    )


async def _change(
    session: AsyncSession, row: AccountRow, write: AccountChange, caller: Caller
) -> None:
    before = state_of(row)
    kept_the_secretariat = _keeps_the_secretariat(row)
    row.name, row.role = write.name, str(write.role)
    row.partner_id, row.email = write.partner_id, write.email
    if write.disabled != (row.disabled_at is not None):
        row.disabled_at = datetime.now(UTC) if write.disabled else None
    if state_of(row) == before:
        return
    row.version += 1
    if kept_the_secretariat and not _keeps_the_secretariat(row):
        await _check_somebody_does(session)
    after = state_of(row)
    closed = before["disabled_at"] is None and after["disabled_at"] is not None
    event_type = "account.closed" if closed else "account.updated"
    append_account_event(session, event_type, before, after, caller)


def _keeps_the_secretariat(row: AccountRow) -> bool:
    return row.role == Role.secretariat and row.disabled_at is None


async def _check_somebody_does(session: AsyncSession) -> None:
    # Writers stand in line, so two accounts cannot be taken away beside each other.
    remaining = await session.execute(
        select(account_table.c.id)
        .join(client_secret_table, client_secret_table.c.account_id == account_table.c.id)
        .where(
            account_table.c.role == Role.secretariat.value, account_table.c.disabled_at.is_(None)
        )
        .limit(1)
    )
    if remaining.first() is None:
        raise LastOfSecretariat(
            "Nobody could make or open accounts any more. Give another account the role "
            "secretariat first: POST /accounts makes one, PATCH /accounts/{account_id} changes "
            "one; or add another secret first: POST /accounts/{account_id}/secrets."
        )
