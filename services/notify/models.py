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
    """Only an active webhook is sent to; what is owed to the others waits for them."""

    unverified = "unverified"
    active = "active"
    paused = "paused"
    disabled = "disabled"


class Ordering(StrEnum):
    """`ordered`: a record's events one after the other; `fast`: each as soon as it can be sent."""

    ordered = "ordered"
    fast = "fast"


class KeyKind(StrEnum):
    """What a key signs with, by the names of Standard Webhooks: HMAC-SHA256 or Ed25519."""

    v1 = "v1"
    v1a = "v1a"


class DeliveryState(StrEnum):
    """`failed` waits for its next attempt; `dead` was given up."""

    pending = "pending"
    failed = "failed"
    delivered = "delivered"
    dead = "dead"


class MailState(StrEnum):
    """`failed` waits for its next attempt; `dead` was given up."""

    pending = "pending"
    failed = "failed"
    sent = "sent"
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
    revision: int = 1
    url: str = Field(max_length=2_048)
    event_types: list[str] = Field(sa_column=Column(JSON, nullable=False))
    filters: dict[str, list[str]] = Field(sa_column=Column(JSON, nullable=False))
    description: str = Field(max_length=500)
    ordering: str = Field(max_length=20)
    requests_per_second: float | None = None
    requests_at_once: int | None = None
    header_names: list[str] = Field(sa_column=Column(JSON, nullable=False))
    sealed_headers: str | None = Field(default=None, sa_column=Column(Text))
    state: str = Field(max_length=20)
    state_reason: str | None = Field(default=None, max_length=500)
    created_at: datetime = _moment(nullable=False)
    verified_at: datetime | None = _moment()
    disabled_at: datetime | None = _moment()
    failing_since: datetime | None = _moment()
    told_failing_at: datetime | None = _moment()


class AccountRow(Table, table=True):
    """What the directory said last of an account; at version 0 nobody has asked it yet."""

    __tablename__ = "account"

    id: UUID = Field(primary_key=True)
    version: int = 0
    name: str = Field(max_length=200)
    role: str = Field(max_length=20)
    email: str | None = Field(default=None, max_length=320)
    closed_at: datetime | None = _moment()


class WebhookKeyRow(Table, table=True):
    """A key that a webhook's messages are signed with, sealed; older ones expire."""

    __tablename__ = "webhook_key"
    __table_args__ = (Index("ix_webhook_key_webhook_id", "webhook_id", "id"),)

    id: UUID = Field(primary_key=True)
    webhook_id: UUID = _belongs_to("webhook")
    kind: str = Field(max_length=10)
    sealed: str = Field(max_length=500)
    public: str | None = Field(default=None, max_length=200)
    created_at: datetime = _moment(nullable=False)
    expires_at: datetime | None = _moment()


class EventRow(Table, table=True):
    """An event, kept once for all its deliveries, as the log has it (not cut to any audience)."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_subject", "subject"),)

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
# Lists of what is not delivered, and the gauges, look here rather than among millions.
_NOT_DELIVERED: dict[str, Any] = {
    "sqlite_where": text("state <> 'delivered'"),
    "postgresql_where": text("state <> 'delivered'"),
}


class DeliveryRow(Table, table=True):
    """One event owed to one webhook.

    `place` orders deliveries as notify took their events in; unlike a log's sequence it goes on
    counting when the directory begins another log. `attempts` is also the token of the lease.
    `attempts_before` of them were made before the delivery was begun anew by hand: the schedule of
    retries counts those that came after.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "webhook_id"),
        Index("ix_delivery_due", "webhook_id", "next_attempt_at", "place", **_UNFINISHED),
        Index("ix_delivery_turn", "webhook_id", "subject", "place", **_UNFINISHED),
        Index("ix_delivery_webhook_id", "webhook_id", "id"),
        Index("ix_delivery_state", "state", "id", "created_at", **_NOT_DELIVERED),
        Index("ix_delivery_not_delivered", "webhook_id", "id", "state", **_NOT_DELIVERED),
    )

    id: UUID = Field(primary_key=True)
    webhook_id: UUID = _belongs_to("webhook")
    event_id: UUID = _belongs_to("event")
    sequence: int | None = Field(default=None, sa_type=BigInteger)
    place: int = Field(sa_type=BigInteger)
    subject: str = Field(max_length=200)
    state: str = Field(max_length=20)
    attempts: int = 0
    attempts_before: int = 0
    created_at: datetime = _moment(nullable=False)
    next_attempt_at: datetime | None = _moment()
    lease_until: datetime | None = _moment()
    finished_at: datetime | None = _moment()
    last_status_code: int | None = None
    last_error: str | None = Field(default=None, max_length=500)


class AttemptRow(Table, table=True):
    """One try at a delivery."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_webhook_id", "webhook_id", "at"),)

    delivery_id: UUID = _belongs_to("delivery", primary_key=True)
    number: int = Field(primary_key=True)
    # The delivery's, for figures by webhook and time.
    webhook_id: UUID | None = None
    at: datetime = _moment(nullable=False)
    milliseconds: float
    outcome: str = Field(max_length=20)
    status_code: int | None = None
    error: str | None = Field(default=None, max_length=500)
    response_body: str | None = Field(default=None, sa_column=Column(Text))


class PaceRow(Table, table=True):
    """How many requests a webhook with a limit per second may be sent at once, and since when."""

    __tablename__ = "pace"

    webhook_id: UUID = _belongs_to("webhook", primary_key=True)
    allowance: float
    at: datetime = _moment(nullable=False)


class TopicRow(Table, table=True):
    """A topic and the broader ones, so that a filter by one finds what is about narrower ones."""

    __tablename__ = "topic"

    id: UUID = Field(primary_key=True)
    notation: str = Field(max_length=200)
    broader: list[str] = Field(sa_column=Column(JSON, nullable=False))


class ReplayRow(Table, table=True):
    """A part of the event log that a webhook is owed again; `next_after` is how far it has come."""

    __tablename__ = "replay"
    __table_args__ = (Index("ix_replay_webhook_id", "webhook_id", "id"),)

    id: UUID = Field(primary_key=True)
    webhook_id: UUID = _belongs_to("webhook")
    log_id: str = Field(max_length=60)
    after: int = Field(sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)
    since: datetime | None = _moment()
    before: datetime | None = _moment()
    next_after: int = Field(sa_type=BigInteger)
    owed: int = 0
    state: str = Field(max_length=20)
    error: str | None = Field(default=None, max_length=500)
    created_at: datetime = _moment(nullable=False)
    finished_at: datetime | None = _moment()


_UNTOLD = text(
    "confirmation_id IS NOT NULL AND refused_at IS NOT NULL AND bounce_reported_at IS NULL"
)


class MailRow(Table, table=True):
    """A message that is to be mailed, or was."""

    __tablename__ = "mail"
    __table_args__ = (
        Index(
            "ix_mail_due",
            "next_attempt_at",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index("ix_mail_contact_point_id", "contact_point_id"),
        Index("ix_mail_bounce", "refused_at", sqlite_where=_UNTOLD, postgresql_where=_UNTOLD),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID | None = None
    contact_point_id: UUID | None = None
    confirmation_id: UUID | None = None
    recipient: str = Field(max_length=320)
    subject: str = Field(max_length=200)
    body: str = Field(sa_column=Column(Text, nullable=False))
    attempts: int = 0
    created_at: datetime = _moment(nullable=False)
    next_attempt_at: datetime | None = _moment()
    lease_until: datetime | None = _moment()
    finished_at: datetime | None = _moment()
    state: str = Field(max_length=20)
    last_error: str | None = Field(default=None, max_length=500)
    refused_at: datetime | None = _moment()
    bounce_reported_at: datetime | None = _moment()


class PositionRow(Table, table=True):
    """How far the log has been fanned out; its one row is also the lock of the fan-out."""

    __tablename__ = "position"

    id: int = Field(primary_key=True)
    log_id: str = Field(max_length=60)
    sequence: int = Field(sa_type=BigInteger)
    last_place: int = Field(sa_type=BigInteger)
    # Counts up when kept events are rewritten; what was made of them before is not to be sent.
    erasures: int = Field(default=0, sa_type=BigInteger)


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


ACCOUNTS = metadata.tables["account"]
WEBHOOKS = metadata.tables["webhook"]
WEBHOOK_KEYS = metadata.tables["webhook_key"]
EVENTS = metadata.tables["event"]
DELIVERIES = metadata.tables["delivery"]
ATTEMPTS = metadata.tables["attempt"]
PACES = metadata.tables["pace"]
TOPICS = metadata.tables["topic"]
REPLAYS = metadata.tables["replay"]
MAIL = metadata.tables["mail"]
POSITIONS = metadata.tables["position"]
DEAD_EVENTS = metadata.tables["dead_event"]
