"""Disputes about partners' records as they are kept, and what was written without an account."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from services.directory.models.table import Table, moment_column


class DisputeRow(Table, table=True):
    """That somebody says a partner's record is wrong."""

    __tablename__ = "dispute"
    __table_args__ = (Index("ix_dispute_partner_id", "partner_id", "id"),)

    id: UUID = Field(primary_key=True)
    partner_id: UUID = Field(foreign_key="partner.id")
    at: datetime = moment_column(nullable=False)
    account_id: UUID | None = None
    reason: str = Field(max_length=2_000)
    contact: str | None = Field(default=None, max_length=300)
    closed_at: datetime | None = moment_column()
    closed_by: UUID | None = None
    outcome: str | None = Field(default=None, max_length=2_000)


class AnonymousWriteRow(Table, table=True):
    """That something was written without an account; kept for an hour, to count them."""

    __tablename__ = "anonymous_write"

    id: UUID = Field(primary_key=True)
    at: datetime = moment_column(nullable=False, index=True)
