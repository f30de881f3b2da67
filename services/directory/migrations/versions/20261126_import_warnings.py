"""Whether an import looks for likely duplicates, and of how many rows it warns."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_import_warnings"
down_revision = "20261126_moved_proposals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("import", sa.Column("warn", sa.Boolean(), nullable=True))
    op.add_column("import", sa.Column("warned", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("import", "warned")
    op.drop_column("import", "warn")
