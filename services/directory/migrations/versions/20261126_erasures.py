"""Finding the events of a partner, and what of them is still to go from the stream."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_erasures"
down_revision = "20261126_duplicates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_outbox_subject", "outbox", ["subject"])
    op.create_table(
        "erasure",
        sa.Column(
            "outbox_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("subject", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_erasure")),
    )


def downgrade() -> None:
    op.drop_table("erasure")
    op.drop_index("ix_outbox_subject", "outbox")
