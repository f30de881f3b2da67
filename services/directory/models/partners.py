"""Partners as they are kept.

A partner's own values are one JSON document (`content`), validated before it is written; beside it
stand the columns and tables by which the directory asks: filters, unique identifiers, and
relationships. `public`, `member` and `secretariat` hold the finished JSON for each audience: a
record is read a thousand times for each write, so it is rendered when it is written.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Index, LargeBinary, Text
from sqlmodel import Field

from services.directory.models.table import Table, moment_column
from shared.vocabulary import AssuranceStatus


class PartnerRow(Table, table=True):
    """A partner."""

    __tablename__ = "partner"
    __table_args__ = (
        Index("ix_partner_sort_name", "sort_name", "id"),
        Index("ix_partner_modified_at", "modified_at", "id"),
        Index("ix_partner_created_at", "created_at", "id"),
        Index("ix_partner_established", "established", "id"),
        Index("ix_partner_status_sort_name", "status", "sort_name", "id"),
        Index("ix_partner_level_sort_name", "level", "sort_name", "id"),
        Index("ix_partner_country_sort_name", "country", "sort_name", "id"),
        Index("ix_partner_successor_id", "successor_id"),
        Index("ix_partner_changes_at", "changes_at"),
        Index("ix_partner_assurance_status", "assurance_status", "next_review_at", "id"),
        Index("ix_partner_next_review_at", "next_review_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    version: int
    created_at: datetime = moment_column(nullable=False)
    modified_at: datetime = moment_column(nullable=False)
    level: str = Field(max_length=20)
    status: str = Field(max_length=20)
    country: str | None = Field(default=None, max_length=2)
    established: int | None = None
    visibility: str = Field(max_length=20)
    display_name: str = Field(max_length=400)
    sort_name: str = Field(max_length=400, description="The display name, folded.")
    folded_names: str = Field(
        sa_type=Text, description="All names, folded, each between line feeds."
    )
    content: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    assured_at: datetime | None = moment_column()
    assured_by: UUID | None = None
    assurance_method: str | None = Field(default=None, max_length=200)
    next_review_at: datetime | None = moment_column()
    disputed_at: datetime | None = moment_column()
    assurance_status: str = Field(
        default=AssuranceStatus.unverified.value, max_length=20, description="As it is rendered."
    )
    successor_id: UUID | None = None
    changes_at: datetime | None = moment_column()
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


class SourceValuesRow(Table, table=True):
    """What a record in another format said of a partner and our own record has no place for.

    It is given back where the partner is written in that format again. Nobody but a partner's
    readers gets it, so no values are kept here that some of them may not see.
    """

    __tablename__ = "source_values"

    partner_id: UUID = Field(primary_key=True, foreign_key="partner.id")
    format: str = Field(primary_key=True, max_length=20)
    content: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
