"""What partners are found by that time decides: their flags, and how fresh their last check is."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "20261126_partner_flags"
down_revision = "20261126_partner_versions"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "partner_flag",
        sa.Column("flag", sa.String(40), nullable=False),
        sa.Column("partner_id", sa.Uuid(), sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("member", sa.Boolean(), nullable=False),
        sa.Column("secretariat", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("flag", "partner_id", name=op.f("pk_partner_flag")),
    )
    # The default stays: a process of the version before still makes partners without a status.
    op.add_column(
        "partner",
        sa.Column("assurance_status", sa.String(20), nullable=False, server_default="unverified"),
    )
    op.create_index(
        "ix_partner_assurance_status", "partner", ["assurance_status", "next_review_at", "id"]
    )
    op.create_index("ix_partner_next_review_at", "partner", ["next_review_at", "id"])
    # There are more flags than before, so what the records of before show is out of date: the
    # worker renders them anew, as it does when time changes them, and tells of it.
    partner = sa.table("partner", sa.column("status", sa.String), sa.column("changes_at", _MOMENT))
    op.execute(
        partner.update()
        .where(partner.c.status != "withdrawn")
        .values(changes_at=datetime(2026, 11, 26, tzinfo=UTC))
    )


def downgrade() -> None:
    op.drop_index("ix_partner_next_review_at", table_name="partner")
    op.drop_index("ix_partner_assurance_status", table_name="partner")
    op.drop_column("partner", "assurance_status")
    op.drop_table("partner_flag")
