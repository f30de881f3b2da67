"""Accounts: who can sign in, with which role, and the secrets they sign in with."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from pydantic import BaseModel, Field, StringConstraints, model_validator
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.models import (
    AccountRow,
    ClientSecretRow,
    PartnerRow,
    account_table,
    client_secret_table,
)
from services.directory.outbox import stand_in_line
from services.directory.partner_write import WritePart
from services.directory.rendering import aware
from shared.databases import Database
from shared.paging import decode_id_cursor, encode_cursor
from shared.problems import InvalidValues, NotFound, Problem
from shared.texts import ShortText
from shared.vocabulary import Role

MAX_SECRETS = 5
_hasher = PasswordHasher()
# Checked when there is no such account, so that the time of an answer does not tell which exist.
_NOBODYS_HASH = _hasher.hash(secrets.token_urlsafe(32))


class TooManySecrets(Problem):
    """An account may have a few secrets at a time, for rotation."""

    status, title, kind = 409, "The account has too many secrets", "too-many-secrets"


class AccountWrite(WritePart):
    """An account as it is made."""

    name: ShortText = Field(description="Whose it is.", examples=["Kent Police intranet"])
    role: Annotated[Role, Field(description="What it may do.")]
    partner_id: UUID | None = Field(
        default=None, description="The partner it belongs to; an editor edits this one."
    )

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        if self.role == Role.editor and self.partner_id is None:
            raise ValueError("an editor needs the partner_id of the partner it edits")
        if self.role == Role.service:
            raise ValueError("service accounts are set up by SERVICE_CLIENT_SECRET, not here")
        return self


class AccountRead(BaseModel):
    """An account; its secrets are never shown again."""

    id: UUID = Field(description="The account's id, `sub` of its tokens.")
    client_id: str = Field(description="What it signs in with, beside a secret.")
    name: Annotated[str, StringConstraints(max_length=200)] = Field(description="Whose it is.")
    role: Role = Field(description="What it may do.")
    partner_id: UUID | None = Field(description="The partner it belongs to.")
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


async def read_account(session: AsyncSession, account_id: UUID) -> AccountRead:
    """The account.

    Raises:
        NotFound: there is none of this id.
    """
    row = await session.get(AccountRow, account_id)
    if row is None:
        raise NotFound(f"There is no account {account_id}.")
    secret_ids = await session.execute(
        select(client_secret_table.c.id)
        .where(client_secret_table.c.account_id == account_id)
        .order_by(client_secret_table.c.id)
    )
    return AccountRead(
        id=row.id,
        client_id=row.client_id,
        name=row.name,
        role=Role(row.role),
        partner_id=row.partner_id,
        created_at=aware(row.created_at),
        disabled_at=aware(row.disabled_at) if row.disabled_at else None,
        secret_ids=list(secret_ids.scalars()),
    )


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


async def _add_secret(session: AsyncSession, account_id: UUID, secret: str) -> UUID:
    hashed = await asyncio.to_thread(_hasher.hash, secret)
    row = ClientSecretRow(
        id=uuid7(), account_id=account_id, hashed=hashed, created_at=datetime.now(UTC)
    )
    session.add(row)
    await session.flush()
    return row.id


async def create_account(session: AsyncSession, write: AccountWrite) -> NewAccount:
    """Make an account with its first secret.

    Raises:
        InvalidValues: its partner is not there.
    """
    await stand_in_line(session)
    if write.partner_id is not None and await session.get(PartnerRow, write.partner_id) is None:
        raise InvalidValues(f"There is no partner {write.partner_id}.")
    account_id, secret = uuid7(), secrets.token_urlsafe(32)
    session.add(
        AccountRow(
            id=account_id,
            client_id=str(account_id),
            name=write.name,
            role=str(write.role),
            partner_id=write.partner_id,
            created_at=datetime.now(UTC),
        )
    )
    await session.flush()
    await _add_secret(session, account_id, secret)
    made = await read_account(session, account_id)
    return NewAccount(**made.model_dump(), client_secret=secret)


async def add_secret(session: AsyncSession, account_id: UUID) -> NewSecret:
    """Give an account one more secret, so that the old one can be taken back later.

    Raises:
        NotFound: there is no such account.
        TooManySecrets: it has as many as it may have.
    """
    await stand_in_line(session)
    account = await read_account(session, account_id)
    if len(account.secret_ids) >= MAX_SECRETS:
        raise TooManySecrets(
            f"An account has at most {MAX_SECRETS} secrets. Take one back first with "
            f"DELETE /accounts/{account_id}/secrets/{account.secret_ids[0]}."
        )
    secret = secrets.token_urlsafe(32)
    secret_id = await _add_secret(session, account_id, secret)
    return NewSecret(id=secret_id, client_id=account.client_id, client_secret=secret)


async def remove_secret(session: AsyncSession, account_id: UUID, secret_id: UUID) -> None:
    """Take a secret back; tokens that were got with it end by themselves within minutes.

    Raises:
        NotFound: the account has no such secret.
    """
    removed = await session.execute(
        delete(client_secret_table)
        .where(
            client_secret_table.c.id == secret_id, client_secret_table.c.account_id == account_id
        )
        .returning(client_secret_table.c.id)
    )
    if removed.scalar() is None:
        raise NotFound(f"The account has no secret {secret_id}.")


async def disable_account(session: AsyncSession, account_id: UUID) -> None:
    """Let an account sign in no more.

    Raises:
        NotFound: there is no such account.
    """
    row = await session.get(AccountRow, account_id)
    if row is None:
        raise NotFound(f"There is no account {account_id}.")
    row.disabled_at = row.disabled_at or datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SignedInAccount:
    """An account whose secret was right."""

    id: UUID
    role: Role
    partner_id: UUID | None


def _matches(hashed: list[str], secret: str) -> bool:
    found = False
    for one in hashed or [_NOBODYS_HASH]:
        try:
            found = _hasher.verify(one, secret) or found
        except VerificationError:
            continue
    return found and bool(hashed)


async def sign_in(
    session: AsyncSession, client_id: str, client_secret: str
) -> SignedInAccount | None:
    """The account of `client_id`, if the secret is one of its own and it is not disabled."""
    # PostgreSQL refuses NUL in text; U+FFFD stands for it, and is in no client id of ours either.
    asked = client_id.replace("\x00", "\ufffd")
    row = (
        await session.execute(select(AccountRow).where(account_table.c.client_id == asked))
    ).scalar_one_or_none()
    hashed: list[str] = []
    if row is not None and row.disabled_at is None:
        hashed = list(
            (
                await session.execute(
                    select(client_secret_table.c.hashed).where(
                        client_secret_table.c.account_id == row.id
                    )
                )
            ).scalars()
        )
    if not await asyncio.to_thread(_matches, hashed, client_secret) or row is None:
        return None
    return SignedInAccount(row.id, Role(row.role), row.partner_id)


async def ensure_account(
    database: Database, client_id: str, client_secret: str, name: str, role: Role
) -> None:
    """Make the account of `client_id` if it is missing, and let this secret be one of its own."""
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
        await session.execute(
            delete(client_secret_table).where(client_secret_table.c.account_id == row.id)
        )
        await _add_secret(session, row.id, client_secret)
