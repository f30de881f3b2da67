"""How often kept events were rewritten because something in them was erased."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_erasures"
down_revision = "20261125_account_version"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "position", sa.Column("erasures", sa.BigInteger(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("position", "erasures")
