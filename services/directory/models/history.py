"""The versions of partners as they are kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field

from services.directory.models.table import Table, moment_column


class PartnerVersionRow(Table, table=True):
    """One version of a partner: how it came about, and what it was once another has followed."""

    __tablename__ = "partner_version"

    partner_id: UUID = Field(primary_key=True, foreign_key="partner.id")
    version: int = Field(primary_key=True)
    at: datetime = moment_column(nullable=False)
    event: str | None = Field(
        default=None,
        max_length=60,
        description="The type of the event that told of it; empty where history began later.",
    )
    account_id: UUID | None = None
    role: str | None = Field(default=None, max_length=20)
    reason: str | None = Field(default=None, max_length=300)
    record: bytes | None = Field(
        default=None,
        sa_column=Column(LargeBinary),
        description="The whole record. Empty for the current version: the partner's row has it.",
    )
