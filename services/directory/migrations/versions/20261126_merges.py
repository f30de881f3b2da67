"""Merges of partners."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_merges"
down_revision = "20261126_partner_flags"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partner_merge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_id", sa.Uuid(), sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("into_id", sa.Uuid(), sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(300), nullable=True),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_merge")),
    )
    op.create_index("ix_partner_merge_from_id", "partner_merge", ["from_id"])
    op.create_index("ix_partner_merge_into_id", "partner_merge", ["into_id"])


def downgrade() -> None:
    op.drop_table("partner_merge")
