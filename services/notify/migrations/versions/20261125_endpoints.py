"""Accounts, keys, states and limits of webhooks; topics, replays, mail.

Revises 20261122_first_tables, on 2026-11-25.

Columns are added and dropped one by one: SQLite's way of making a table anew would delete what
belongs to a webhook along with the old table.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_endpoints"
down_revision = "20261122_first_tables"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    op.create_table(
        "webhook_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("sealed", sa.String(length=500), nullable=False),
        sa.Column("public", sa.String(length=200), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhook.id"],
            name=op.f("fk_webhook_key_webhook_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_key")),
    )
    op.create_index("ix_webhook_key_webhook_id", "webhook_key", ["webhook_id", "id"])
    op.create_table(
        "pace",
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("allowance", sa.Float(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_pace_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_pace")),
    )
    op.create_table(
        "topic",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notation", sa.String(length=200), nullable=False),
        sa.Column("broader", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic")),
    )
    op.create_table(
        "replay",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("log_id", sa.String(length=60), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("since", _MOMENT, nullable=True),
        sa.Column("before", _MOMENT, nullable=True),
        sa.Column("next_after", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_replay_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay")),
    )
    op.create_index("ix_replay_webhook_id", "replay", ["webhook_id", "id"])
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("next_attempt_at", _MOMENT, nullable=True),
        sa.Column("lease_until", _MOMENT, nullable=True),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    op.create_index(
        "ix_mail_due",
        "mail",
        ["next_attempt_at"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    added = (
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("ordering", sa.String(length=20), nullable=False, server_default="ordered"),
        sa.Column("requests_per_second", sa.Float(), nullable=True),
        sa.Column("requests_at_once", sa.Integer(), nullable=True),
        sa.Column("header_names", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("sealed_headers", sa.Text(), nullable=True),
        sa.Column("verified_at", _MOMENT, nullable=True),
        sa.Column("failing_since", _MOMENT, nullable=True),
        sa.Column("told_failing_at", _MOMENT, nullable=True),
    )
    for column in added:
        op.add_column("webhook", column)
    op.add_column(
        "delivery", sa.Column("attempts_before", sa.Integer(), nullable=False, server_default="0")
    )
    # What is due is looked for webhook by webhook.
    op.drop_index("ix_delivery_due", "delivery")
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["webhook_id", "next_attempt_at", "place"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    # A webhook belonged to an audience; from now on to an account, whose role says which.
    op.execute(
        "INSERT INTO account (id, name, role) SELECT account_id, '', "
        "CASE MAX(CASE audience WHEN 'secretariat' THEN 2 WHEN 'member' THEN 1 ELSE 0 END) "
        "WHEN 2 THEN 'secretariat' ELSE 'member' END FROM webhook GROUP BY account_id"
    )
    op.execute(
        "INSERT INTO webhook_key (id, webhook_id, kind, sealed, created_at) "
        "SELECT id, id, 'v1', sealed_secret, created_at FROM webhook"
    )
    op.execute("ALTER TABLE webhook DROP COLUMN sealed_secret")
    op.execute("ALTER TABLE webhook DROP COLUMN audience")


def downgrade() -> None:
    raise NotImplementedError("keys cannot be put back; restore a backup instead")
