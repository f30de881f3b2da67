"""Imports as they are kept: the file in pages, and what came of it page by page.

A file lies in the database and not on a disk, because the process that works on it need not be the
one that has received it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Index, LargeBinary
from sqlmodel import Field

from services.directory.models.table import Table, moment_column


class ImportRow(Table, table=True):
    """An import: what was asked, how far it is, and what it has come to."""

    __tablename__ = "import"
    __table_args__ = (Index("ix_import_state", "state", "id"),)

    id: UUID = Field(primary_key=True)
    created_at: datetime = moment_column(nullable=False)
    account_id: UUID
    format: str = Field(max_length=20)
    mode: str = Field(max_length=20)
    dry_run: bool
    warn: bool | None = Field(
        default=None, description="Whether likely duplicates are looked for; empty: as is usual."
    )
    state: str = Field(max_length=20)
    phase: str = Field(max_length=20, description="What is being done; see imports/phases.py.")
    next_page: int = Field(description="The page that the phase goes on with.")
    rows_total: int
    rows_read: int
    created: int
    updated: int
    unchanged: int
    refused: int
    notes: int
    warned: int = 0
    started_at: datetime | None = moment_column()
    finished_at: datetime | None = moment_column()
    failure: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))


class ImportPageRow(Table, table=True):
    """Some rows of an import's file, what they tie to each other, and their part of the report."""

    __tablename__ = "import_page"

    import_id: UUID = Field(primary_key=True, foreign_key="import.id")
    number: int = Field(primary_key=True)
    first_row: int
    content: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    ties: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    report: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    refused: int = 0


class ImportTouchedRow(Table, table=True):
    """A partner whose relationships an import has changed and whose record is to show it."""

    __tablename__ = "import_touched"

    import_id: UUID = Field(primary_key=True, foreign_key="import.id")
    partner_id: UUID = Field(primary_key=True, foreign_key="partner.id")


class ImportStatedRow(Table, table=True):
    """A relationship that some row of an import states, as it is or would be stored.

    A row that names all relationships of its partner ends those that no row states.
    """

    __tablename__ = "import_stated"

    import_id: UUID = Field(primary_key=True, foreign_key="import.id")
    subject_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, max_length=40)
    object_id: UUID = Field(primary_key=True)
