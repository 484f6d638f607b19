"""Relations between statements, updates as runs, and what is known of a community's stability."""

import sqlalchemy as sa
from alembic import op

from kg.ids import content_id

revision = "0003"
down_revision = "0002"

_KINDS = ("ingestion", "embedding", "clustering", "labelling", "decomposition", "experiment")


def upgrade() -> None:
    """Add them; a community that is in already becomes the first of its identity."""
    with op.batch_alter_table("run", recreate="always") as table:
        table.alter_column("kind", type_=_kinds(*_KINDS, "update"), existing_nullable=False)
    op.create_table(
        "relation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "supports",
                "contradicts",
                "refines",
                "cites",
                "same_as",
                name="RelationKind",
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("head_id", sa.String(), nullable=False),
        sa.Column("tail_id", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("head_id <> tail_id"),
        sa.ForeignKeyConstraint(["head_id"], ["statement.id"]),
        sa.ForeignKeyConstraint(["tail_id"], ["statement.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("kind", "head_id", "tail_id"):
        op.create_index(f"ix_relation_{column}", "relation", [column], unique=False)
    with op.batch_alter_table("graph") as table:
        table.add_column(
            sa.Column("relations", sa.LargeBinary(), nullable=False, server_default=sa.text("x''"))
        )
    op.execute("UPDATE graph SET relations = zeroblob(length(weight))")
    with op.batch_alter_table("community") as table:
        table.add_column(sa.Column("link", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("stability", sa.Float(), nullable=True))
        table.add_column(sa.Column("chance_stability", sa.Float(), nullable=True))
        table.add_column(sa.Column("is_well_connected", sa.Boolean(), nullable=True))
        table.create_index("ix_community_link", ["link"], unique=False)
    _begin_links()
    with op.batch_alter_table("membership") as table:
        table.add_column(sa.Column("certainty", sa.Float(), nullable=True))


def _begin_links() -> None:
    """Give each community the permanent link that begins with it."""
    community = sa.table("community", sa.column("id"), sa.column("link"))
    connection = op.get_bind()
    for identifier in connection.execute(sa.select(community.c.id)).scalars().all():
        connection.execute(
            sa.update(community)
            .where(community.c.id == identifier)
            .values(link=content_id("com", identifier))
        )


def downgrade() -> None:
    """Drop them; runs that updated something are forgotten."""
    with op.batch_alter_table("membership") as table:
        table.drop_column("certainty")
    with op.batch_alter_table("community") as table:
        table.drop_index("ix_community_link")
        for column in ("is_well_connected", "chance_stability", "stability", "link"):
            table.drop_column(column)
    with op.batch_alter_table("graph") as table:
        table.drop_column("relations")
    op.drop_table("relation")
    op.execute("DELETE FROM run WHERE kind = 'update'")
    with op.batch_alter_table("run", recreate="always") as table:
        table.alter_column("kind", type_=_kinds(*_KINDS), existing_nullable=False)


def _kinds(*names: str) -> sa.Enum:
    return sa.Enum(*names, name="RunKind", create_constraint=True)
