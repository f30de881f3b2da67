"""Accounts: who can sign in, and with which role. Our own services are told of every change."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.account_write import AccountWrite
from services.directory.client_secrets import (
    keep_secret,
    make_secret,
    replace_secrets,
    secret_ids_of,
    sign_in,
)
from services.directory.models import AccountRow, PartnerRow, account_table
from services.directory.outbox import append_account_event, stand_in_line
from services.directory.rendering import aware
from shared.databases import Database
from shared.event_data import AccountState
from shared.paging import decode_id_cursor, encode_cursor
from shared.problems import InvalidValues, NotFound, Problem
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import Role

MAX_SECRETS = 5


class TooManySecrets(Problem):
    """An account may have a few secrets at a time, for rotation."""

    status, title, kind = 409, "The account has too many secrets", "too-many-secrets"


class AccountRead(BaseModel):
    """An account; its secrets are never shown again."""

    id: UUID = Field(description="The account's id, `sub` of its tokens.")
    version: int = Field(description="Counts up with every change; the ETag.")
    client_id: str = Field(description="What it signs in with, beside a secret.")
    name: Annotated[str, StringConstraints(max_length=200)] = Field(description="Whose it is.")
    role: Role = Field(description="What it may do.")
    partner_id: UUID | None = Field(description="The partner it belongs to.")
    email: str | None = Field(description="Where its owner is written to.")
    created_at: datetime = Field(description="When it was made.")
    disabled_at: datetime | None = Field(description="Since when it cannot sign in.")
    secret_ids: list[UUID] = Field(description="Ids of its active secrets, the oldest first.")


class NewSecret(BaseModel):
    """A secret, shown this once."""

    id: UUID = Field(description="The secret's id, to take it back by.")
    client_id: str = Field(description="The client id it goes with.")
    client_secret: str = Field(description="The secret. Keep it; it is not shown again.")


class NewAccount(AccountRead):
    """A new account with its first secret, shown this once."""

    client_secret: str = Field(description="The secret. Keep it; it is not shown again.")


async def find_account(session: AsyncSession, account_id: UUID) -> AccountRow:
    """The account's row.

    Raises:
        NotFound: there is none of this id.
    """
    row = await session.get(AccountRow, account_id)
    if row is None:
        raise NotFound(f"There is no account {account_id}; GET /accounts lists them.")
    return row


async def account_of(session: AsyncSession, row: AccountRow) -> AccountRead:
    """The account as it is read."""
    return AccountRead(
        id=row.id,
        version=row.version,
        client_id=row.client_id,
        name=row.name,
        role=Role(row.role),
        partner_id=row.partner_id,
        email=row.email,
        created_at=aware(row.created_at),
        disabled_at=aware(row.disabled_at) if row.disabled_at else None,
        secret_ids=await secret_ids_of(session, row.id),
    )


async def read_account(session: AsyncSession, account_id: UUID) -> AccountRead:
    """The account.

    Raises:
        NotFound: there is none of this id.
    """
    return await account_of(session, await find_account(session, account_id))


async def page_of_accounts(
    session: AsyncSession, limit: int, cursor: str | None
) -> tuple[list[AccountRead], str | None]:
    """Accounts, the oldest first, and the cursor of the next page.

    Raises:
        BadCursor: the cursor is not of this list.
    """
    query = select(account_table.c.id).order_by(account_table.c.id).limit(limit + 1)
    if cursor is not None:
        query = query.where(account_table.c.id > decode_id_cursor(cursor))
    found = list((await session.execute(query)).scalars())
    items = [await read_account(session, account_id) for account_id in found[:limit]]
    return items, encode_cursor(str(items[-1].id)) if len(found) > limit else None


def state_of(row: AccountRow) -> JsonObject:
    """The account as its events tell it."""
    state = AccountState(
        id=row.id,
        version=row.version,
        name=row.name,
        role=Role(row.role),
        partner_id=row.partner_id,
        email=row.email,
        disabled_at=aware(row.disabled_at) if row.disabled_at else None,
    )
    return state.model_dump(mode="json")


async def check_partner(session: AsyncSession, write: AccountWrite) -> None:
    """Nothing, where the partner that the account belongs to is there.

    Raises:
        InvalidValues: it is not.
    """
    if write.partner_id is not None and await session.get(PartnerRow, write.partner_id) is None:
        raise InvalidValues(f"There is no partner {write.partner_id}.")


async def create_account(session: AsyncSession, write: AccountWrite, caller: Caller) -> NewAccount:
    """Make an account with its first secret.

    Raises:
        InvalidValues: its partner is not there.
    """
    await stand_in_line(session)
    await check_partner(session, write)
    account_id, secret = uuid7(), make_secret()
    row = AccountRow(
        id=account_id,
        client_id=str(account_id),
        name=write.name,
        role=str(write.role),
        partner_id=write.partner_id,
        email=write.email,
        created_at=datetime.now(UTC),
    )
    session.add(row)
    await session.flush()
    await keep_secret(session, account_id, secret)
    append_account_event(session, "account.created", None, state_of(row), caller)
    made = await account_of(session, row)
    return NewAccount(**made.model_dump(), client_secret=secret)


async def add_secret(session: AsyncSession, account_id: UUID) -> NewSecret:
    """Give an account one more secret, so that the old one can be taken back later.

    Raises:
        NotFound: there is no such account.
        TooManySecrets: it has as many as it may have.
    """
    await stand_in_line(session)
    row = await find_account(session, account_id)
    secret_ids = await secret_ids_of(session, account_id)
    if len(secret_ids) >= MAX_SECRETS:
        raise TooManySecrets(
            f"An account has at most {MAX_SECRETS} secrets. Take one back first with "
            f"DELETE /accounts/{account_id}/secrets/{secret_ids[0]}."
        )
    secret = make_secret()
    secret_id = await keep_secret(session, account_id, secret)
    row.version += 1
    return NewSecret(id=secret_id, client_id=row.client_id, client_secret=secret)


async def ensure_account(
    database: Database, client_id: str, client_secret: str, name: str, role: Role
) -> None:
    """Make the account of `client_id` if it is missing, and let this secret be its only one."""
    async with database.reading() as session:
        if await sign_in(session, client_id, client_secret) is not None:
            return
    async with database.transaction() as session:
        await stand_in_line(session)
        row = (
            await session.execute(select(AccountRow).where(account_table.c.client_id == client_id))
        ).scalar_one_or_none()
        if row is None:
            row = AccountRow(
                id=uuid7(),
                client_id=client_id,
                name=name,
                role=role.value,
                created_at=datetime.now(UTC),
            )
            session.add(row)
            await session.flush()
            append_account_event(session, "account.created", None, state_of(row), None)
        else:
            row.version += 1
        await replace_secrets(session, row.id, client_secret)
