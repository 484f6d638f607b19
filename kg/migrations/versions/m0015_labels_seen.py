"""Updates after which the labels are still to be seen to."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add it; of updates that were made before nothing is known to be left undone."""
    with op.batch_alter_table("amendment") as table:
        table.add_column(sa.Column("labels_seen", sa.Boolean(), nullable=False, server_default="1"))


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE amendment DROP COLUMN labels_seen")
