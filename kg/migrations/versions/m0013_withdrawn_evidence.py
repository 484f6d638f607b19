"""Evidence that somebody has withdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add it; all that was measured before counts."""
    with op.batch_alter_table("evidence") as table:
        table.add_column(sa.Column("withdrawn_at", sa.String(), nullable=True))
        for name in ("withdrawn_by", "withdrawn_because"):
            table.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop it: what was withdrawn counts again."""
    for name in ("withdrawn_because", "withdrawn_by", "withdrawn_at"):
        op.execute(f"ALTER TABLE evidence DROP COLUMN {name}")
