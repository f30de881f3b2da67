"""The list of synonyms, and how often it was changed."""

import sqlalchemy as sa
from alembic import op

revision = "20261125_synonym"
down_revision = "20261122_dead_event"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the list, empty, and the one row that its writers lock."""
    op.create_table(
        "synonym",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("direction", sa.String(10), nullable=False),
        sa.Column("note", sa.String(500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_synonym"),
        sa.UniqueConstraint("fingerprint", name="uq_synonym_fingerprint"),
    )
    revisions = op.create_table(
        "synonym_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_synonym_revision"),
    )
    op.bulk_insert(revisions, [{"id": 1, "revision": 0}])


def downgrade() -> None:
    """Remove the list and the synonyms in it."""
    op.drop_table("synonym_revision")
    op.drop_table("synonym")
