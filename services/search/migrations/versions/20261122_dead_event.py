"""Events that could not be handled are kept for a replay."""

import sqlalchemy as sa
from alembic import op

revision = "20261122_dead_event"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "dead_event",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("log_id", sa.String(36), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_type", sa.String(100), nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replay_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dead_event"),
        sa.UniqueConstraint("log_id", "sequence", name="uq_dead_event_log_id_sequence"),
    )


def downgrade() -> None:
    """Remove the table and the events in it."""
    op.drop_table("dead_event")
