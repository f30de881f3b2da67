"""Accounts, their secrets, and the keys that sign their tokens, as they are kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, String, Text
from sqlmodel import Field

from services.directory.models.table import Table, moment_column


class AccountRow(Table, table=True):
    """A person or a system that can sign in."""

    __tablename__ = "account"

    id: UUID = Field(primary_key=True)
    version: int = 1
    client_id: str = Field(sa_column=Column(String(100), unique=True, nullable=False))
    name: str = Field(max_length=200)
    role: str = Field(max_length=20)
    partner_id: UUID | None = Field(default=None, foreign_key="partner.id")
    email: str | None = Field(default=None, max_length=320)
    created_at: datetime = moment_column(nullable=False)
    disabled_at: datetime | None = moment_column()


class ClientSecretRow(Table, table=True):
    """A secret of an account, hashed; several may be active, so that it can be rotated."""

    __tablename__ = "client_secret"

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    hashed: str = Field(max_length=200)
    created_at: datetime = moment_column(nullable=False)


class SigningKeyRow(Table, table=True):
    """A key that signs access tokens, sealed."""

    __tablename__ = "signing_key"

    kid: str = Field(primary_key=True, max_length=60)
    sealed: str = Field(sa_type=Text)
    created_at: datetime = moment_column(nullable=False)
