"""The log of events as it is kept."""

from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary
from sqlmodel import Field

from services.directory.models.table import Table

# SQLite numbers rows by itself only where the key is declared as plain INTEGER.
_COUNTED = BigInteger().with_variant(Integer, "sqlite")


class OutboxRow(Table, table=True):
    """An event, written with its cause; `sequence` is its place in the log, given by the relay."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_subject", "subject"),)

    id: int | None = Field(default=None, sa_column=Column(_COUNTED, primary_key=True))
    sequence: int | None = Field(default=None, sa_column=Column(BigInteger, unique=True))
    event_id: UUID
    type: str = Field(max_length=60)
    subject: str = Field(max_length=60)
    event: bytes = Field(
        sa_column=Column(LargeBinary, nullable=False), description="Envelope without its sequence."
    )


class ErasureRow(Table, table=True):
    """An erasure that the stream, or a file, still has something of."""

    __tablename__ = "erasure"

    outbox_id: int | None = Field(
        sa_column=Column(_COUNTED, primary_key=True, autoincrement=False),
        description="Its event.",
    )
    subject: str = Field(max_length=60)


class EventLogRow(Table, table=True):
    """The log as a whole, a single row: its identity and its last sequence."""

    __tablename__ = "event_log"

    id: int = Field(default=1, primary_key=True)
    log_id: UUID
    head: int = Field(sa_column=Column(BigInteger, nullable=False))
