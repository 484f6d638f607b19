"""What updates change of a clustering, and statements that can be deleted in no time.

The index of words was searched from end to end for every statement that was deleted. Now each
statement has a number, which is its row in the index.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the journal, and number the statements in the index of words."""
    op.create_table(
        "amendment",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("clustering_run_id", sa.Integer(), nullable=False),
        sa.Column("is_standing", sa.Boolean(), nullable=False),
        sa.Column("added", sa.Text(), nullable=False),
        sa.Column("removed", sa.Text(), nullable=False),
        sa.Column("touched", sa.JSON(), nullable=False),
        sa.Column("edges_removed", sa.LargeBinary(), nullable=False),
        sa.Column("edges_added", sa.LargeBinary(), nullable=False),
        sa.Column("communities_removed", sa.JSON(), nullable=False),
        sa.Column("communities_added", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["clustering_run_id"], ["run.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index(
        "ix_amendment_clustering_run_id", "amendment", ["clustering_run_id"], unique=False
    )
    op.create_table(
        "move",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.Column("certainty_before", sa.Float(), nullable=True),
        sa.Column("certainty_after", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.PrimaryKeyConstraint("run_id", "statement_id"),
    )
    op.create_index("ix_mention_run_id", "mention", ["run_id"], unique=False)
    _forget_words()
    op.execute(
        "CREATE TABLE statement_words_row (number INTEGER PRIMARY KEY, "
        "statement_id VARCHAR NOT NULL UNIQUE)"
    )
    op.execute("INSERT INTO statement_words_row (statement_id) SELECT id FROM statement")
    _index_words()
    op.execute(
        "INSERT INTO statement_words (rowid, statement_id, text) SELECT number, id, text "
        "FROM statement JOIN statement_words_row ON statement_id = id"
    )
    op.execute(
        "CREATE TRIGGER statement_inserted AFTER INSERT ON statement BEGIN "
        "INSERT INTO statement_words_row (statement_id) VALUES (new.id); "
        "INSERT INTO statement_words (rowid, statement_id, text) SELECT number, new.id, new.text "
        "FROM statement_words_row WHERE statement_id = new.id; END"
    )
    op.execute(
        "CREATE TRIGGER statement_deleted AFTER DELETE ON statement BEGIN "
        "DELETE FROM statement_words WHERE rowid = "
        "(SELECT number FROM statement_words_row WHERE statement_id = old.id); "
        "DELETE FROM statement_words_row WHERE statement_id = old.id; END"
    )


def downgrade() -> None:
    """Drop the journal and the numbers; what updates placed stays."""
    _forget_words()
    op.execute("DROP TABLE statement_words_row")
    _index_words()
    op.execute("INSERT INTO statement_words (statement_id, text) SELECT id, text FROM statement")
    op.execute(
        "CREATE TRIGGER statement_inserted AFTER INSERT ON statement BEGIN "
        "INSERT INTO statement_words (statement_id, text) VALUES (new.id, new.text); END"
    )
    op.execute(
        "CREATE TRIGGER statement_deleted AFTER DELETE ON statement BEGIN "
        "DELETE FROM statement_words WHERE statement_id = old.id; END"
    )
    op.drop_index("ix_mention_run_id", table_name="mention")
    op.drop_table("move")
    op.drop_index("ix_amendment_clustering_run_id", table_name="amendment")
    op.drop_table("amendment")


def _forget_words() -> None:
    op.execute("DROP TRIGGER statement_deleted")
    op.execute("DROP TRIGGER statement_inserted")
    op.execute("DROP TABLE statement_words")


def _index_words() -> None:
    op.execute(
        "CREATE VIRTUAL TABLE statement_words USING fts5("
        "statement_id UNINDEXED, text, tokenize = 'porter unicode61')"
    )
