"""The first tables: partners, topics, the event log, accounts."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "20261122_first_tables"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_log")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("holder", sa.String(length=60), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(60), nullable=False),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("sequence", name=op.f("uq_outbox_sequence")),
    )
    op.create_table(
        "partner",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("level", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("country", sa.String(2), nullable=True),
        sa.Column("visibility", sa.String(20), nullable=False),
        sa.Column("display_name", sa.String(400), nullable=False),
        sa.Column("sort_name", sa.String(400), nullable=False),
        sa.Column("folded_names", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("assured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assured_by", sa.Uuid(), nullable=True),
        sa.Column("assurance_method", sa.String(200), nullable=True),
        sa.Column("next_review_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("successor_id", sa.Uuid(), nullable=True),
        sa.Column("changes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public", sa.LargeBinary(), nullable=True),
        sa.Column("member", sa.LargeBinary(), nullable=True),
        sa.Column("secretariat", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner")),
    )
    with op.batch_alter_table("partner", schema=None) as batch_op:
        batch_op.create_index("ix_partner_changes_at", ["changes_at"], unique=False)
        batch_op.create_index(
            "ix_partner_country_sort_name", ["country", "sort_name", "id"], unique=False
        )
        batch_op.create_index(
            "ix_partner_level_sort_name", ["level", "sort_name", "id"], unique=False
        )
        batch_op.create_index("ix_partner_modified_at", ["modified_at", "id"], unique=False)
        batch_op.create_index("ix_partner_sort_name", ["sort_name", "id"], unique=False)
        batch_op.create_index("ix_partner_successor_id", ["successor_id"], unique=False)

    op.create_table(
        "signing_key",
        sa.Column("kid", sa.String(60), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
    )
    op.create_table(
        "topic",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notation", sa.String(80), nullable=False),
        sa.Column("scheme", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("rendered", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic")),
        sa.UniqueConstraint("notation", name=op.f("uq_topic_notation")),
    )
    with op.batch_alter_table("topic", schema=None) as batch_op:
        batch_op.create_index("ix_topic_scheme", ["scheme", "notation"], unique=False)

    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_account_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("client_id", name=op.f("uq_account_client_id")),
    )
    op.create_table(
        "external_id",
        sa.Column("scheme", sa.String(40), nullable=False),
        sa.Column("value", sa.String(300), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_external_id_partner_id")
        ),
        sa.PrimaryKeyConstraint("scheme", "value", name=op.f("pk_external_id")),
    )
    with op.batch_alter_table("external_id", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_external_id_partner_id"), ["partner_id"], unique=False)

    op.create_table(
        "partner_sector",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("sector", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_partner_sector_partner_id")
        ),
        sa.PrimaryKeyConstraint("partner_id", "sector", name=op.f("pk_partner_sector")),
    )
    with op.batch_alter_table("partner_sector", schema=None) as batch_op:
        batch_op.create_index("ix_partner_sector_sector", ["sector", "partner_id"], unique=False)

    op.create_table(
        "partner_topic",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("topic_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_partner_topic_partner_id")
        ),
        sa.ForeignKeyConstraint(["topic_id"], ["topic.id"], name=op.f("fk_partner_topic_topic_id")),
        sa.PrimaryKeyConstraint("partner_id", "topic_id", name=op.f("pk_partner_topic")),
    )
    with op.batch_alter_table("partner_topic", schema=None) as batch_op:
        batch_op.create_index("ix_partner_topic_topic_id", ["topic_id", "partner_id"], unique=False)

    op.create_table(
        "relationship",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["object_id"], ["partner.id"], name=op.f("fk_relationship_object_id")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["partner.id"], name=op.f("fk_relationship_subject_id")
        ),
        sa.PrimaryKeyConstraint("subject_id", "kind", "object_id", name=op.f("pk_relationship")),
    )
    with op.batch_alter_table("relationship", schema=None) as batch_op:
        batch_op.create_index("ix_relationship_object_id", ["object_id", "kind"], unique=False)

    op.create_table(
        "client_secret",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("hashed", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_client_secret_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_secret")),
    )
    with op.batch_alter_table("client_secret", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_client_secret_account_id"), ["account_id"], unique=False
        )
    # The log's identity: a consumer that knows another one begins again from a snapshot.
    log = sa.table("event_log", sa.column("id"), sa.column("log_id", sa.Uuid()), sa.column("head"))
    op.bulk_insert(log, [{"id": 1, "log_id": uuid.uuid4(), "head": 0}])


def downgrade() -> None:
    with op.batch_alter_table("client_secret", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_client_secret_account_id"))

    op.drop_table("client_secret")
    with op.batch_alter_table("relationship", schema=None) as batch_op:
        batch_op.drop_index("ix_relationship_object_id")

    op.drop_table("relationship")
    with op.batch_alter_table("partner_topic", schema=None) as batch_op:
        batch_op.drop_index("ix_partner_topic_topic_id")

    op.drop_table("partner_topic")
    with op.batch_alter_table("partner_sector", schema=None) as batch_op:
        batch_op.drop_index("ix_partner_sector_sector")

    op.drop_table("partner_sector")
    with op.batch_alter_table("external_id", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_external_id_partner_id"))

    op.drop_table("external_id")
    op.drop_table("account")
    with op.batch_alter_table("topic", schema=None) as batch_op:
        batch_op.drop_index("ix_topic_scheme")

    op.drop_table("topic")
    op.drop_table("signing_key")
    with op.batch_alter_table("partner", schema=None) as batch_op:
        batch_op.drop_index("ix_partner_successor_id")
        batch_op.drop_index("ix_partner_sort_name")
        batch_op.drop_index("ix_partner_modified_at")
        batch_op.drop_index("ix_partner_level_sort_name")
        batch_op.drop_index("ix_partner_country_sort_name")
        batch_op.drop_index("ix_partner_changes_at")

    op.drop_table("partner")
    op.drop_table("outbox")
    op.drop_table("lease")
    op.drop_table("event_log")
