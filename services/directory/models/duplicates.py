"""What duplicates are found by, and what was found and judged.

All but the dismissals is derived from the partners and can be made anew. Keys have no
foreign key: a dozen of them are written with each partner, and partners are never deleted.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field

from services.directory.models.table import Table, moment_column


class DuplicateKeyRow(Table, table=True):
    """A key of a partner: others that have it are compared with the partner."""

    __tablename__ = "duplicate_key"
    __table_args__ = (Index("ix_duplicate_key_partner_id", "partner_id"),)

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    place: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    partner_id: UUID = Field(primary_key=True)


class DuplicateDueRow(Table, table=True):
    """A partner that is to be compared anew, since it became this version."""

    __tablename__ = "duplicate_due"

    partner_id: UUID = Field(primary_key=True, foreign_key="partner.id")
    version: int


class DuplicatePairRow(Table, table=True):
    """Two partners that may be one, the smaller id first."""

    __tablename__ = "duplicate_pair"
    __table_args__ = (
        Index("ix_duplicate_pair_score", "score", "first_id", "second_id"),
        Index("ix_duplicate_pair_second_id", "second_id"),
    )

    first_id: UUID = Field(primary_key=True, foreign_key="partner.id")
    second_id: UUID = Field(primary_key=True, foreign_key="partner.id")
    score: float
    reasons: list[str] = Field(sa_column=Column(JSON, nullable=False))
    names: int = Field(
        sa_column=Column(BigInteger, nullable=False),
        description="What both are called, as a number.",
    )


class DuplicateDismissalRow(Table, table=True):
    """Somebody's word that two partners are not one, while they are called what they were then."""

    __tablename__ = "duplicate_dismissal"
    __table_args__ = (UniqueConstraint("first_id", "second_id"),)

    id: UUID = Field(primary_key=True)
    first_id: UUID = Field(foreign_key="partner.id")
    second_id: UUID = Field(foreign_key="partner.id")
    names: int = Field(sa_column=Column(BigInteger, nullable=False))
    dismissed_by: UUID | None = None
    dismissed_at: datetime = moment_column(nullable=False)
    reason: str = Field(max_length=300)
