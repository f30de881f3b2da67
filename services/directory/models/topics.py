"""Topics as they are kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from services.directory.models.table import Table, moment_column


class TopicRow(Table, table=True):
    """A topic."""

    __tablename__ = "topic"
    __table_args__ = (UniqueConstraint("notation"), Index("ix_topic_scheme", "scheme", "notation"))

    id: UUID = Field(primary_key=True)
    version: int
    created_at: datetime = moment_column(nullable=False)
    modified_at: datetime = moment_column(nullable=False)
    notation: str = Field(max_length=80)
    scheme: str = Field(max_length=20)
    status: str = Field(max_length=20)
    content: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    rendered: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
