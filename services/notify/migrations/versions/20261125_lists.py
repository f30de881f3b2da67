"""Indexes for lists of deliveries.

Revises 20261125_endpoints, on 2026-11-25.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_lists"
down_revision = "20261125_endpoints"
branch_labels = None
depends_on = None

_NOT_DELIVERED = sa.text("state <> 'delivered'")


def upgrade() -> None:
    op.drop_index("ix_delivery_state", "delivery")
    op.create_index(
        "ix_delivery_state",
        "delivery",
        ["state", "id", "created_at"],
        sqlite_where=_NOT_DELIVERED,
        postgresql_where=_NOT_DELIVERED,
    )
    op.create_index(
        "ix_delivery_not_delivered",
        "delivery",
        ["webhook_id", "id", "state"],
        sqlite_where=_NOT_DELIVERED,
        postgresql_where=_NOT_DELIVERED,
    )
    op.create_index("ix_event_subject", "event", ["subject"])


def downgrade() -> None:
    op.drop_index("ix_event_subject", "event")
    op.drop_index("ix_delivery_not_delivered", "delivery")
    op.drop_index("ix_delivery_state", "delivery")
    op.create_index(
        "ix_delivery_state",
        "delivery",
        ["state", "created_at"],
        sqlite_where=_NOT_DELIVERED,
        postgresql_where=_NOT_DELIVERED,
    )
