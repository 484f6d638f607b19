"""Where on a page a text stands, and what a page hides."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add them; sources that are in have to be read again to get them."""
    op.create_table(
        "printed",
        sa.Column("id", sa.String(), sa.ForeignKey("section.id"), primary_key=True),
        sa.Column("lines", sa.Text(), nullable=False),
    )
    with op.batch_alter_table("section") as table:
        table.add_column(sa.Column("anchors", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("source") as table:
        table.add_column(sa.Column("hidden", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Drop them; reading the files again brings them back."""
    with op.batch_alter_table("source") as table:
        table.drop_column("hidden")
    with op.batch_alter_table("section") as table:
        table.drop_column("anchors")
    op.drop_table("printed")
