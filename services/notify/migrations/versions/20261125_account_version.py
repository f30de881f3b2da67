"""Versions of accounts: what is known of those from before is asked for again."""

import sqlalchemy as sa
from alembic import op

revision = "20261125_account_version"
down_revision = "20261125_attempts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("version", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("account", "version")
