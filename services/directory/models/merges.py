"""Merges of partners as they are kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field

from services.directory.models.table import Table, moment_column


class MergeRow(Table, table=True):
    """That one partner was merged into another, and what is needed to undo it."""

    __tablename__ = "partner_merge"
    __table_args__ = (
        Index("ix_partner_merge_from_id", "from_id"),
        Index("ix_partner_merge_into_id", "into_id"),
    )

    id: UUID = Field(primary_key=True)
    at: datetime = moment_column(nullable=False)
    from_id: UUID = Field(foreign_key="partner.id")
    into_id: UUID = Field(foreign_key="partner.id")
    from_version: int = Field(description="The last version of the one that was merged away.")
    account_id: UUID | None = None
    reason: str | None = Field(default=None, max_length=300)
    moved: dict[str, Any] = Field(
        sa_column=Column(JSON, nullable=False), description="What the other one got by it."
    )
    undone_at: datetime | None = moment_column()
    undone_by: UUID | None = None
