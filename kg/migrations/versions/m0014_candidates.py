"""Sentences that may be statements and were not kept."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add them; sources that are in have none until they are removed and read again."""
    op.create_table(
        "candidate",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("section_id", sa.String(), sa.ForeignKey("section.id"), nullable=False),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("run.id"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("claim", "finding", name="StatementKind", create_constraint=True),
            nullable=False,
        ),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("char_start", sa.Integer(), nullable=False),
        sa.Column("char_end", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.CheckConstraint("0 <= char_start AND char_start < char_end"),
    )
    op.create_index("ix_candidate_section_id", "candidate", ["section_id"])
    op.create_index("ix_candidate_run_id", "candidate", ["run_id"])


def downgrade() -> None:
    """Drop them; those that were kept stay statements."""
    op.drop_table("candidate")
