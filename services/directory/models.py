"""The directory's tables.

A partner's own values are one JSON document (`content`), validated before it is written; beside it
stand the columns and tables by which the directory asks: filters, unique identifiers, and
relationships. `public`, `member` and `secretariat` hold the finished JSON for each audience: a
record is read a thousand times for each write, so it is rendered when it is written.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from shared.databases import service_metadata
from shared.leases import lease_table

metadata = service_metadata()
leases = lease_table(metadata)

# SQLite numbers rows by itself only where the key is declared as plain INTEGER.
_COUNTED = BigInteger().with_variant(Integer, "sqlite")


def _moment(**options: Any) -> Any:
    return Field(sa_column=Column(DateTime(timezone=True), **options))


class Table(SQLModel):
    """A table of the directory's database."""

    metadata: ClassVar[MetaData] = metadata


class PartnerRow(Table, table=True):
    """A partner."""

    __tablename__ = "partner"
    __table_args__ = (
        Index("ix_partner_sort_name", "sort_name", "id"),
        Index("ix_partner_modified_at", "modified_at", "id"),
        Index("ix_partner_level_sort_name", "level", "sort_name", "id"),
        Index("ix_partner_country_sort_name", "country", "sort_name", "id"),
        Index("ix_partner_successor_id", "successor_id"),
        Index("ix_partner_changes_at", "changes_at"),
    )

    id: UUID = Field(primary_key=True)
    version: int
    created_at: datetime = _moment(nullable=False)
    modified_at: datetime = _moment(nullable=False)
    level: str = Field(max_length=20)
    status: str = Field(max_length=20)
    country: str | None = Field(default=None, max_length=2)
    visibility: str = Field(max_length=20)
    display_name: str = Field(max_length=400)
    sort_name: str = Field(max_length=400, description="The display name, folded.")
    folded_names: str = Field(
        sa_type=Text, description="All names, folded, each between line feeds."
    )
    content: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    assured_at: datetime | None = _moment()
    assured_by: UUID | None = None
    assurance_method: str | None = Field(default=None, max_length=200)
    next_review_at: datetime | None = _moment()
    successor_id: UUID | None = None
    changes_at: datetime | None = _moment()
    public: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    member: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    secretariat: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SectorRow(Table, table=True):
    """A sector of a partner, to filter by."""

    __tablename__ = "partner_sector"
    __table_args__ = (Index("ix_partner_sector_sector", "sector", "partner_id"),)

    partner_id: UUID = Field(primary_key=True, foreign_key="partner.id")
    sector: str = Field(primary_key=True, max_length=40)


class PartnerTopicRow(Table, table=True):
    """A topic of a partner, to filter by."""

    __tablename__ = "partner_topic"
    __table_args__ = (Index("ix_partner_topic_topic_id", "topic_id", "partner_id"),)

    partner_id: UUID = Field(primary_key=True, foreign_key="partner.id")
    topic_id: UUID = Field(primary_key=True, foreign_key="topic.id")


class ExternalIdRow(Table, table=True):
    """A claim to an identifier elsewhere; withdrawn partners give theirs up."""

    __tablename__ = "external_id"

    scheme: str = Field(primary_key=True, max_length=40)
    value: str = Field(primary_key=True, max_length=300)
    partner_id: UUID = Field(foreign_key="partner.id", index=True)


class RelationshipRow(Table, table=True):
    """One relationship, stored once: `kind` says what the object is to the subject."""

    __tablename__ = "relationship"
    __table_args__ = (Index("ix_relationship_object_id", "object_id", "kind"),)

    subject_id: UUID = Field(primary_key=True, foreign_key="partner.id")
    kind: str = Field(primary_key=True, max_length=40)
    object_id: UUID = Field(primary_key=True, foreign_key="partner.id")


class TopicRow(Table, table=True):
    """A topic."""

    __tablename__ = "topic"
    __table_args__ = (UniqueConstraint("notation"), Index("ix_topic_scheme", "scheme", "notation"))

    id: UUID = Field(primary_key=True)
    version: int
    created_at: datetime = _moment(nullable=False)
    modified_at: datetime = _moment(nullable=False)
    notation: str = Field(max_length=80)
    scheme: str = Field(max_length=20)
    status: str = Field(max_length=20)
    content: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    rendered: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class OutboxRow(Table, table=True):
    """An event, written with its cause; `sequence` is its place in the log, given by the relay."""

    __tablename__ = "outbox"

    id: int | None = Field(default=None, sa_column=Column(_COUNTED, primary_key=True))
    sequence: int | None = Field(default=None, sa_column=Column(BigInteger, unique=True))
    event_id: UUID
    type: str = Field(max_length=60)
    subject: str = Field(max_length=60)
    event: bytes = Field(
        sa_column=Column(LargeBinary, nullable=False), description="Envelope without its sequence."
    )


class EventLogRow(Table, table=True):
    """The log as a whole, a single row: its identity and its last sequence."""

    __tablename__ = "event_log"

    id: int = Field(default=1, primary_key=True)
    log_id: UUID
    head: int = Field(sa_column=Column(BigInteger, nullable=False))


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
    created_at: datetime = _moment(nullable=False)
    disabled_at: datetime | None = _moment()


class ClientSecretRow(Table, table=True):
    """A secret of an account, hashed; several may be active, so that it can be rotated."""

    __tablename__ = "client_secret"

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", index=True)
    hashed: str = Field(max_length=200)
    created_at: datetime = _moment(nullable=False)


class SigningKeyRow(Table, table=True):
    """A key that signs access tokens, sealed."""

    __tablename__ = "signing_key"

    kid: str = Field(primary_key=True, max_length=60)
    sealed: str = Field(sa_type=Text)
    created_at: datetime = _moment(nullable=False)


# The same tables for queries: their columns are typed as columns, which SQLModel's are not.
partner_table = metadata.tables["partner"]
sector_table = metadata.tables["partner_sector"]
partner_topic_table = metadata.tables["partner_topic"]
external_id_table = metadata.tables["external_id"]
relationship_table = metadata.tables["relationship"]
topic_table = metadata.tables["topic"]
outbox_table = metadata.tables["outbox"]
event_log_table = metadata.tables["event_log"]
account_table = metadata.tables["account"]
client_secret_table = metadata.tables["client_secret"]
signing_key_table = metadata.tables["signing_key"]
