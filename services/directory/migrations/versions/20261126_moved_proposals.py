"""Proposals that a merge has moved know whose version they are based on."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_moved_proposals"
down_revision = "20261126_confirmations"
branch_labels = None
depends_on = None

_KEY = "fk_proposal_base_partner_id"


def upgrade() -> None:
    with op.batch_alter_table("proposal") as table:
        table.add_column(sa.Column("base_partner_id", sa.Uuid(), nullable=True))
        table.create_foreign_key(op.f(_KEY), "partner", ["base_partner_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("proposal") as table:
        table.drop_constraint(op.f(_KEY), type_="foreignkey")
        table.drop_column("base_partner_id")
