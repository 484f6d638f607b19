"""A file that was changed is a new version of its source."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns; of what was read before, the file is not known."""
    with op.batch_alter_table("source") as table:
        table.add_column(sa.Column("file", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("replaces", sa.String(), nullable=True))
        table.create_index("ix_source_file", ["file"])


def downgrade() -> None:
    """Drop the columns."""
    with op.batch_alter_table("source") as table:
        table.drop_index("ix_source_file")
        table.drop_column("replaces")
        table.drop_column("version")
        table.drop_column("file")
