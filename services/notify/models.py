"""Notify's tables: webhooks, what is owed to them, and how far the log has been read.

The read models stand beside the routes that answer with them, in `readings.py`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

from shared.databases import Moment, service_metadata
from shared.leases import lease_table

metadata = service_metadata()
leases = lease_table(metadata)


def _moment(**options: Any) -> Any:
    return Field(sa_column=Column(Moment, **options))


def _belongs_to(table: str, **options: Any) -> Any:
    key = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Field(sa_column=Column(Uuid, key, nullable=False, **options))


class WebhookState(StrEnum):
    """A disabled webhook is owed nothing new, and what it is owed already waits."""

    active = "active"
    disabled = "disabled"


class DeliveryState(StrEnum):
    """`failed` waits for its next attempt; `dead` was given up."""

    pending = "pending"
    failed = "failed"
    delivered = "delivered"
    dead = "dead"


class Table(SQLModel):
    """A table of notify's database."""

    metadata: ClassVar[MetaData] = metadata


class WebhookRow(Table, table=True):
    """A subscriber's URL and what it wants to be told."""

    __tablename__ = "webhook"
    __table_args__ = (Index("ix_webhook_account_id", "account_id", "id"),)

    id: UUID = Field(primary_key=True)
    account_id: UUID
    audience: str = Field(max_length=20)
    url: str = Field(max_length=2_048)
    event_types: list[str] = Field(sa_column=Column(JSON, nullable=False))
    filters: dict[str, list[str]] = Field(sa_column=Column(JSON, nullable=False))
    description: str = Field(max_length=500)
    state: str = Field(max_length=20)
    state_reason: str | None = Field(default=None, max_length=500)
    sealed_secret: str = Field(max_length=500)
    created_at: datetime = _moment(nullable=False)
    disabled_at: datetime | None = _moment()


class EventRow(Table, table=True):
    """An event, kept once for all its deliveries, as the log has it (not cut to any audience)."""

    __tablename__ = "event"

    id: UUID = Field(primary_key=True)
    sequence: int | None = Field(default=None, sa_type=BigInteger)
    type: str = Field(max_length=100)
    subject: str = Field(max_length=200)
    time: datetime = _moment(nullable=False)
    envelope: str = Field(sa_column=Column(Text, nullable=False))


# Finished deliveries pile up; only these two indexes are read while sending, and they hold just
# the others. `finished_at IS NULL` is written out, for a bound value would hide them from planners.
_UNFINISHED: dict[str, Any] = {
    "sqlite_where": text("finished_at IS NULL"),
    "postgresql_where": text("finished_at IS NULL"),
}


class DeliveryRow(Table, table=True):
    """One event owed to one webhook.

    `place` orders deliveries as notify took their events in; unlike a log's sequence it goes on
    counting when the directory begins another log. `attempts` is also the token of the lease.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "webhook_id"),
        Index("ix_delivery_due", "next_attempt_at", "place", "webhook_id", **_UNFINISHED),
        Index("ix_delivery_turn", "webhook_id", "subject", "place", **_UNFINISHED),
        Index("ix_delivery_webhook_id", "webhook_id", "id"),
        Index(
            "ix_delivery_state",
            "state",
            "created_at",
            sqlite_where=text("state <> 'delivered'"),
            postgresql_where=text("state <> 'delivered'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    webhook_id: UUID = _belongs_to("webhook")
    event_id: UUID = _belongs_to("event")
    sequence: int | None = Field(default=None, sa_type=BigInteger)
    place: int = Field(sa_type=BigInteger)
    subject: str = Field(max_length=200)
    state: str = Field(max_length=20)
    attempts: int = 0
    created_at: datetime = _moment(nullable=False)
    next_attempt_at: datetime | None = _moment()
    lease_until: datetime | None = _moment()
    finished_at: datetime | None = _moment()
    last_status_code: int | None = None
    last_error: str | None = Field(default=None, max_length=500)


class AttemptRow(Table, table=True):
    """One try at a delivery."""

    __tablename__ = "attempt"

    delivery_id: UUID = _belongs_to("delivery", primary_key=True)
    number: int = Field(primary_key=True)
    at: datetime = _moment(nullable=False)
    milliseconds: float
    outcome: str = Field(max_length=20)
    status_code: int | None = None
    error: str | None = Field(default=None, max_length=500)
    response_body: str | None = Field(default=None, sa_column=Column(Text))


class PositionRow(Table, table=True):
    """How far the log has been fanned out; its one row is also the lock of the fan-out."""

    __tablename__ = "position"

    id: int = Field(primary_key=True)
    log_id: str = Field(max_length=60)
    sequence: int = Field(sa_type=BigInteger)
    last_place: int = Field(sa_type=BigInteger)


class DeadEventRow(Table, table=True):
    """An event of the log that could not be fanned out, with its error."""

    __tablename__ = "dead_event"

    id: UUID = Field(primary_key=True)
    log_id: str = Field(max_length=60)
    sequence: int = Field(sa_type=BigInteger)
    type: str = Field(max_length=100)
    error: str = Field(sa_column=Column(Text, nullable=False))
    envelope: str = Field(sa_column=Column(Text, nullable=False))
    set_aside_at: datetime = _moment(nullable=False)
    replayed_at: datetime | None = _moment()


WEBHOOKS = metadata.tables["webhook"]
EVENTS = metadata.tables["event"]
DELIVERIES = metadata.tables["delivery"]
ATTEMPTS = metadata.tables["attempt"]
POSITIONS = metadata.tables["position"]
DEAD_EVENTS = metadata.tables["dead_event"]
