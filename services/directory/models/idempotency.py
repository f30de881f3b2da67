"""The answers that are given again when a request is repeated, as they are kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Index, LargeBinary, Text
from sqlmodel import Field

from services.directory.models.table import Table, moment_column


class KeptAnswerRow(Table, table=True):
    """What a request with an Idempotency-Key was answered, written with its effect."""

    __tablename__ = "kept_answer"
    __table_args__ = (Index("ix_kept_answer_at", "at"),)

    account_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=255)
    fingerprint: str = Field(max_length=64, description="SHA-256 of the request and its role.")
    at: datetime = moment_column(nullable=False)
    status: int
    headers: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    body: bytes | None = Field(
        default=None, sa_column=Column(LargeBinary), description="None: not to be shown again."
    )
    subjects: str = Field(sa_type=Text, description="Ids of the records it was about.")
