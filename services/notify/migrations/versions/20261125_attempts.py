"""Attempts by webhook and time, for the figures of a webhook.

Revises 20261125_lists, on 2026-11-25.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_attempts"
down_revision = "20261125_lists"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempt", sa.Column("webhook_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE attempt SET webhook_id = "
        "(SELECT webhook_id FROM delivery WHERE delivery.id = attempt.delivery_id)"
    )
    op.create_index("ix_attempt_webhook_id", "attempt", ["webhook_id", "at"])


def downgrade() -> None:
    op.drop_index("ix_attempt_webhook_id", "attempt")
    op.drop_column("attempt", "webhook_id")
