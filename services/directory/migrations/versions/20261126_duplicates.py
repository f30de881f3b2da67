"""Keys of partners, pairs of likely duplicates, and dismissals of them."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "20261126_duplicates"
down_revision = "20261126_proposals"
branch_labels = None
depends_on = None


def _partner(name: str) -> sa.Column[uuid.UUID]:
    return sa.Column(name, sa.Uuid(), sa.ForeignKey("partner.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "duplicate_key",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("place", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("number", "place", "partner_id", name=op.f("pk_duplicate_key")),
    )
    op.create_index("ix_duplicate_key_partner_id", "duplicate_key", ["partner_id"])
    op.create_table(
        "duplicate_due",
        _partner("partner_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_duplicate_due")),
    )
    op.create_table(
        "duplicate_pair",
        _partner("first_id"),
        _partner("second_id"),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("names", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_duplicate_pair")),
    )
    op.create_index("ix_duplicate_pair_score", "duplicate_pair", ["score", "first_id", "second_id"])
    op.create_index("ix_duplicate_pair_second_id", "duplicate_pair", ["second_id"])
    op.create_table(
        "duplicate_dismissal",
        sa.Column("id", sa.Uuid(), nullable=False),
        _partner("first_id"),
        _partner("second_id"),
        sa.Column("names", sa.BigInteger(), nullable=False),
        sa.Column("dismissed_by", sa.Uuid(), nullable=True),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_dismissal")),
        sa.UniqueConstraint(
            "first_id", "second_id", name=op.f("uq_duplicate_dismissal_first_id_second_id")
        ),
    )
    # The worker makes the keys of those that are due and compares them.
    op.execute(
        "INSERT INTO duplicate_due (partner_id, version) "
        "SELECT id, version FROM partner WHERE status <> 'withdrawn'"
    )


def downgrade() -> None:
    op.drop_table("duplicate_dismissal")
    op.drop_table("duplicate_pair")
    op.drop_table("duplicate_due")
    op.drop_table("duplicate_key")
