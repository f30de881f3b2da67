"""Proposals, and what is said about them."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_proposals"
down_revision = "20261126_kept_answers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("audience", sa.String(20), nullable=False),
        sa.Column("contact", sa.String(300), nullable=True),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("partner_id", sa.Uuid(), sa.ForeignKey("partner.id"), nullable=True),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("other_id", sa.Uuid(), sa.ForeignKey("partner.id"), nullable=True),
        sa.Column("content", sa.JSON(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(2000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    for column in ("state", "partner_id", "account_id"):
        op.create_index(f"ix_proposal_{column}", "proposal", [column, "id"])
    op.create_table(
        "proposal_comment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("proposal_id", sa.Uuid(), sa.ForeignKey("proposal.id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.String(2000), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal_comment")),
    )
    op.create_index("ix_proposal_comment_proposal_id", "proposal_comment", ["proposal_id", "id"])


def downgrade() -> None:
    op.drop_table("proposal_comment")
    op.drop_table("proposal")
