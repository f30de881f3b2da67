"""What lists of partners are filtered and ordered by and had no index: year, times, status."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_list_filters"
down_revision = "20261126_merges"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("partner", sa.Column("established", sa.Integer(), nullable=True))
    partner = sa.table(
        "partner", sa.column("established", sa.Integer), sa.column("content", sa.JSON)
    )
    year = partner.c.content["established"].as_integer()
    op.execute(partner.update().where(year > 0).values(established=year))
    op.create_index("ix_partner_established", "partner", ["established", "id"])
    op.create_index("ix_partner_created_at", "partner", ["created_at", "id"])
    op.create_index("ix_partner_status_sort_name", "partner", ["status", "sort_name", "id"])


def downgrade() -> None:
    op.drop_index("ix_partner_status_sort_name", table_name="partner")
    op.drop_index("ix_partner_created_at", table_name="partner")
    op.drop_index("ix_partner_established", table_name="partner")
    op.drop_column("partner", "established")
