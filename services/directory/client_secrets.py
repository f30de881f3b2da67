"""Client secrets: what accounts sign in with, kept hashed; several at a time, for rotation."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.models import (
    AccountRow,
    ClientSecretRow,
    account_table,
    client_secret_table,
)
from shared.vocabulary import Role

_hasher = PasswordHasher()
# Checked when there is no such account, so that the time of an answer does not tell which exist.
_NOBODYS_HASH = _hasher.hash(secrets.token_urlsafe(32))


@dataclass(frozen=True, slots=True)
class SignedInAccount:
    """An account whose secret was right."""

    id: UUID
    role: Role
    partner_id: UUID | None


def make_secret() -> str:
    """A new secret."""
    return secrets.token_urlsafe(32)


async def secret_ids_of(session: AsyncSession, account_id: UUID) -> list[UUID]:
    """Ids of the account's secrets, the oldest first."""
    found = await session.execute(
        select(client_secret_table.c.id)
        .where(client_secret_table.c.account_id == account_id)
        .order_by(client_secret_table.c.id)
    )
    return list(found.scalars())


async def keep_secret(session: AsyncSession, account_id: UUID, secret: str) -> UUID:
    """Let the account sign in with `secret`, beside those it has; the secret's id."""
    hashed = await asyncio.to_thread(_hasher.hash, secret)
    row = ClientSecretRow(
        id=uuid7(), account_id=account_id, hashed=hashed, created_at=datetime.now(UTC)
    )
    session.add(row)
    await session.flush()
    return row.id


async def forget_secret(session: AsyncSession, account_id: UUID, secret_id: UUID) -> bool:
    """Let the account sign in with this secret no more; whether it was one of its own."""
    removed = await session.execute(
        delete(client_secret_table)
        .where(
            client_secret_table.c.id == secret_id, client_secret_table.c.account_id == account_id
        )
        .returning(client_secret_table.c.id)
    )
    return removed.scalar() is not None


async def replace_secrets(session: AsyncSession, account_id: UUID, secret: str) -> None:
    """Let the account sign in with `secret` only."""
    await session.execute(
        delete(client_secret_table).where(client_secret_table.c.account_id == account_id)
    )
    await keep_secret(session, account_id, secret)


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
