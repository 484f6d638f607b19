"""What a source is known by elsewhere, and where its metadata comes from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the two columns; sources that are in already have neither."""
    with op.batch_alter_table("source") as table:
        table.add_column(sa.Column("identifiers", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("origins", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("source") as table:
        table.drop_column("origins")
        table.drop_column("identifiers")
