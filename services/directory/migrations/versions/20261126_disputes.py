"""Disputes about partners' records, and since when a record is disputed."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_disputes"
down_revision = "20261126_list_filters"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("partner", sa.Column("disputed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "dispute",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("contact", sa.String(300), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(2000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
    )
    op.create_index("ix_dispute_partner_id", "dispute", ["partner_id", "id"])
    op.create_table(
        "anonymous_write",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anonymous_write")),
    )
    op.create_index("ix_anonymous_write_at", "anonymous_write", ["at"])


def downgrade() -> None:
    op.drop_table("anonymous_write")
    op.drop_table("dispute")
    op.drop_column("partner", "disputed_at")
