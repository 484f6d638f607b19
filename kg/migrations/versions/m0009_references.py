"""The references of sources, and what sources say of the work of others."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the tables; of what was read before, they are empty."""
    op.create_table(
        "reference",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("section_id", sa.String(), nullable=False),
        sa.Column("char_start", sa.Integer(), nullable=False),
        sa.Column("char_end", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("identifiers", sa.JSON(), nullable=False),
        sa.Column("cited_id", sa.String(), nullable=True),
        sa.Column("found_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["section_id"], ["section.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_reference_section_id", "reference", ["section_id"])
    op.create_index("ix_reference_cited_id", "reference", ["cited_id"])
    op.create_table(
        "citation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("section_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("char_start", sa.Integer(), nullable=False),
        sa.Column("char_end", sa.Integer(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("references", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["section_id"], ["section.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_citation_section_id", "citation", ["section_id"])
    op.create_index("ix_citation_run_id", "citation", ["run_id"])


def downgrade() -> None:
    """Drop them; reading the files again brings them back."""
    op.drop_table("citation")
    op.drop_table("reference")
