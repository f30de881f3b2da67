"""Requests to contact points to confirm themselves."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_confirmations"
down_revision = "20261126_erasures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "confirmation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("contact_point_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmation")),
    )
    for column in ("at", "contact_point_id", "expires_at"):
        op.create_index(op.f(f"ix_confirmation_{column}"), "confirmation", [column])


def downgrade() -> None:
    op.drop_table("confirmation")
