"""Proposals and what is said about them, as they are kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Index, String
from sqlmodel import Field

from services.directory.models.table import Table, moment_column


class ProposalRow(Table, table=True):
    """A change that somebody suggests."""

    __tablename__ = "proposal"
    __table_args__ = (
        Index("ix_proposal_state", "state", "id"),
        Index("ix_proposal_partner_id", "partner_id", "id"),
        Index("ix_proposal_account_id", "account_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    kind: str = Field(max_length=20)
    state: str = Field(max_length=20)
    at: datetime = moment_column(nullable=False)
    account_id: UUID | None = None
    audience: str = Field(max_length=20, description="As what its author saw the record.")
    contact: str | None = Field(default=None, max_length=300)
    reason: str = Field(max_length=2_000)
    partner_id: UUID | None = Field(default=None, foreign_key="partner.id")
    base_version: int | None = None
    base_partner_id: UUID | None = Field(
        default=None,
        foreign_key="partner.id",
        description="Whose version that is, where it is about another partner since a merge.",
    )
    other_id: UUID | None = Field(
        default=None,
        foreign_key="partner.id",
        description="The partner to merge into, or the successor of one to be withdrawn.",
    )
    content: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    decided_at: datetime | None = moment_column()
    decided_by: UUID | None = None
    outcome: str | None = Field(default=None, max_length=2_000)


class ProposalCommentRow(Table, table=True):
    """Something said about a proposal."""

    __tablename__ = "proposal_comment"
    __table_args__ = (Index("ix_proposal_comment_proposal_id", "proposal_id", "id"),)

    id: UUID = Field(primary_key=True)
    proposal_id: UUID = Field(foreign_key="proposal.id")
    at: datetime = moment_column(nullable=False)
    account_id: UUID | None = None
    text: str = Field(sa_column=Column(String(2_000), nullable=False))
