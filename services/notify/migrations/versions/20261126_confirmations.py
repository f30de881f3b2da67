"""Mail to contact points, which have no account, and what became of their addresses.

Revises 20261126_erasures, on 2026-11-26.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261126_confirmations"
down_revision = "20261126_erasures"
branch_labels = None
depends_on = None

_UNFINISHED = sa.text("finished_at IS NULL")
_UNTOLD = sa.text(
    "confirmation_id IS NOT NULL AND refused_at IS NOT NULL AND bounce_reported_at IS NULL"
)


def upgrade() -> None:
    # SQLite makes the table anew, and does not remember conditions of its indexes.
    op.drop_index("ix_mail_due", "mail")
    with op.batch_alter_table("mail") as mail:
        mail.alter_column("account_id", existing_type=sa.Uuid(), nullable=True)
        mail.add_column(sa.Column("contact_point_id", sa.Uuid(), nullable=True))
        mail.add_column(sa.Column("confirmation_id", sa.Uuid(), nullable=True))
        mail.add_column(sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True))
        mail.add_column(sa.Column("bounce_reported_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_mail_due",
        "mail",
        ["next_attempt_at"],
        sqlite_where=_UNFINISHED,
        postgresql_where=_UNFINISHED,
    )
    op.create_index("ix_mail_contact_point_id", "mail", ["contact_point_id"])
    op.create_index(
        "ix_mail_bounce",
        "mail",
        ["refused_at"],
        sqlite_where=_UNTOLD,
        postgresql_where=_UNTOLD,
    )


def downgrade() -> None:
    op.drop_index("ix_mail_bounce", "mail")
    op.drop_index("ix_mail_contact_point_id", "mail")
    op.drop_index("ix_mail_due", "mail")
    op.execute("DELETE FROM mail WHERE account_id IS NULL")
    with op.batch_alter_table("mail") as mail:
        for column in ("bounce_reported_at", "refused_at", "confirmation_id", "contact_point_id"):
            mail.drop_column(column)
        mail.alter_column("account_id", existing_type=sa.Uuid(), nullable=False)
    op.create_index(
        "ix_mail_due",
        "mail",
        ["next_attempt_at"],
        sqlite_where=_UNFINISHED,
        postgresql_where=_UNFINISHED,
    )
