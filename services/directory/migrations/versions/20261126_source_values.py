"""What a record in another format said of a partner and ours has no place for."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_source_values"
down_revision = "20261125_account_email"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "source_values",
        sa.Column("partner_id", sa.Uuid(), sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("format", sa.String(20), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("partner_id", "format", name=op.f("pk_source_values")),
    )


def downgrade() -> None:
    op.drop_table("source_values")
