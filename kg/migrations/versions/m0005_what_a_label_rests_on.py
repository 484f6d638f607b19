"""What a label rests on, and which drafts were refused before it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add both; of labels that are in already neither is known."""
    with op.batch_alter_table("label") as table:
        for column in ("support", "refusals"):
            table.add_column(sa.Column(column, sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("label") as table:
        for column in ("refusals", "support"):
            table.drop_column(column)
