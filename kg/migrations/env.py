"""Alembic's entry point: runs on the engine that `kg.db` hands over."""

from alembic import context

from kg.db import writing_connection
from kg.tables import Row

engine = context.config.attributes["engine"]

with writing_connection(engine) as connection:
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        render_as_batch=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()
