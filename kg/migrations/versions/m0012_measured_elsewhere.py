"""Predictions of measurements that are made elsewhere, and so on no decomposition."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Let a prediction name no decomposition."""
    with op.batch_alter_table("prediction") as table:
        table.alter_column("decomposition_run_id", existing_type=sa.Integer(), nullable=True)


def downgrade() -> None:
    """Delete those that name none, with what was measured."""
    op.execute(
        "DELETE FROM evidence WHERE prediction_id IN "
        "(SELECT id FROM prediction WHERE decomposition_run_id IS NULL)"
    )
    op.execute("DELETE FROM prediction WHERE decomposition_run_id IS NULL")
    with op.batch_alter_table("prediction") as table:
        table.alter_column("decomposition_run_id", existing_type=sa.Integer(), nullable=False)
