"""What is searched for, a day at a time."""

import sqlalchemy as sa
from alembic import op

revision = "20261125_search_count"
down_revision = "20261125_synonym"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "search_count",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("question", sa.String(100), nullable=False),
        sa.Column("searches", sa.Integer(), nullable=False),
        sa.Column("without_results", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "question", name="pk_search_count"),
    )


def downgrade() -> None:
    """Remove the table and the counts in it."""
    op.drop_table("search_count")
