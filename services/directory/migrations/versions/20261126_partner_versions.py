"""The versions of partners; what a partner is now is the first that is known of it."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_partner_versions"
down_revision = "20261126_source_values"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partner_version",
        sa.Column("partner_id", sa.Uuid(), sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(60), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.String(20), nullable=True),
        sa.Column("reason", sa.String(300), nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("partner_id", "version", name=op.f("pk_partner_version")),
    )
    # Who made them as they are is not known any more.
    op.execute(
        "INSERT INTO partner_version (partner_id, version, at) "
        "SELECT id, version, modified_at FROM partner"
    )


def downgrade() -> None:
    op.drop_table("partner_version")
