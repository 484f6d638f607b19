"""What was measured of communities before an update changed them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add it; earlier updates left stabilities as they were."""
    with op.batch_alter_table("amendment") as table:
        table.add_column(sa.Column("measured", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("amendment") as table:
        table.drop_column("measured")
