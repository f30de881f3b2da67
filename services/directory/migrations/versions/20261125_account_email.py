"""Versions and e-mail addresses of accounts."""

import sqlalchemy as sa
from alembic import op

revision = "20261125_account_email"
down_revision = "20261122_first_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("email", sa.String(320), nullable=True))
    # The default stays: a process of the version before still makes accounts without one.
    op.add_column("account", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("account", "version")
    op.drop_column("account", "email")
