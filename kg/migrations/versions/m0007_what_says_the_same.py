"""Which statements say the same: what a run proposes, and what was decided."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_KINDS = (
    "ingestion",
    "embedding",
    "clustering",
    "labelling",
    "decomposition",
    "experiment",
    "update",
)


def upgrade() -> None:
    """Add both tables, and the kind of run that fills them."""
    with op.batch_alter_table("run", recreate="always") as table:
        table.alter_column("kind", type_=_kinds(*_KINDS, "merging"), existing_nullable=False)
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("merge", "split", "undo", name="DecisionKind", create_constraint=True),
            nullable=False,
        ),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.ForeignKeyConstraint(["undoes"], ["decision.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "proposal",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("head_id", sa.String(), nullable=False),
        sa.Column("tail_id", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("cosine", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.CheckConstraint("head_id <> tail_id"),
        sa.ForeignKeyConstraint(["head_id"], ["statement.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.ForeignKeyConstraint(["tail_id"], ["statement.id"]),
        sa.PrimaryKeyConstraint("run_id", "head_id", "tail_id"),
    )
    for column in ("head_id", "tail_id"):
        op.create_index(f"ix_proposal_{column}", "proposal", [column], unique=False)


def downgrade() -> None:
    """Drop them; the runs go, too, and what was decided is lost."""
    op.drop_table("proposal")
    op.drop_table("decision")
    op.execute("DELETE FROM run WHERE kind = 'merging'")
    with op.batch_alter_table("run", recreate="always") as table:
        table.alter_column("kind", type_=_kinds(*_KINDS), existing_nullable=False)


def _kinds(*names: str) -> sa.Enum:
    return sa.Enum(*names, name="RunKind", create_constraint=True)
