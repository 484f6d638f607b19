"""The first tables, and the word index that triggers keep in step with the statements."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "ingestion",
                "embedding",
                "clustering",
                "labelling",
                "decomposition",
                "experiment",
                name="RunKind",
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("running", "succeeded", "failed", name="RunStatus", create_constraint=True),
            nullable=False,
        ),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("code_version", sa.String(), nullable=False),
        sa.Column("library_versions", sa.JSON(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("finished_at", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(("ix_run_kind"), "run", ["kind"], unique=False)
    op.create_index(("ix_run_status"), "run", ["status"], unique=False)
    op.create_table(
        "statement",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("claim", "finding", name="StatementKind", create_constraint=True),
            nullable=False,
        ),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(("ix_statement_kind"), "statement", ["kind"], unique=False)
    op.create_table(
        "artifact",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "path"),
    )
    op.create_table(
        "community",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["community.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(("ix_community_parent_id"), "community", ["parent_id"], unique=False)
    op.create_index(("ix_community_run_id"), "community", ["run_id"], unique=False)
    op.create_table(
        "embedding",
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("text_sha256", sa.String(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["statement.id"],
        ),
        sa.PrimaryKeyConstraint("statement_id", "model"),
    )
    op.create_table(
        "graph",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("statement_ids", sa.Text(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("tail", sa.LargeBinary(), nullable=False),
        sa.Column("weight", sa.LargeBinary(), nullable=False),
        sa.Column("layers", sa.JSON(), nullable=False),
        sa.Column("semantic", sa.LargeBinary(), nullable=False),
        sa.Column("concepts", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "prediction",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("decomposition_run_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column(
            "side", sa.Enum("above", "below", name="Side", create_constraint=True), nullable=False
        ),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decomposition_run_id"],
            ["run.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["statement.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(("ix_prediction_statement_id"), "prediction", ["statement_id"], unique=False)
    op.create_table(
        "source",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "subcomponent",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("matrix", sa.String(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("mean_importance", sa.Float(), nullable=False),
        sa.Column("is_alive", sa.Boolean(), nullable=False),
        sa.Column("norm", sa.Float(), nullable=False),
        sa.Column("top_inputs", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(("ix_subcomponent_run_id"), "subcomponent", ["run_id"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("prediction_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column(
            "stance",
            sa.Enum("supports", "refutes", "inconclusive", name="Stance", create_constraint=True),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("controls", sa.JSON(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("subcomponents", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("low <= value AND value <= high"),
        sa.ForeignKeyConstraint(
            ["prediction_id"],
            ["prediction.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["statement.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("prediction_id"),
    )
    op.create_index(("ix_evidence_run_id"), "evidence", ["run_id"], unique=False)
    op.create_index(("ix_evidence_statement_id"), "evidence", ["statement_id"], unique=False)
    op.create_table(
        "label",
        sa.Column("community_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["community.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("community_id", "run_id"),
    )
    op.create_table(
        "membership",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("community_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["community.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["statement.id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "statement_id"),
    )
    op.create_index(("ix_membership_community_id"), "membership", ["community_id"], unique=False)
    op.create_index(("ix_membership_statement_id"), "membership", ["statement_id"], unique=False)
    op.create_table(
        "section",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("heading", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("pages", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["source.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(("ix_section_source_id"), "section", ["source_id"], unique=False)
    op.create_table(
        "abbreviation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("section_id", sa.String(), nullable=False),
        sa.Column("short", sa.String(), nullable=False),
        sa.Column("long", sa.String(), nullable=False),
        sa.Column("char_start", sa.Integer(), nullable=False),
        sa.Column("char_end", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["section_id"],
            ["section.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(("ix_abbreviation_section_id"), "abbreviation", ["section_id"], unique=False)
    op.create_index(("ix_abbreviation_short"), "abbreviation", ["short"], unique=False)
    op.create_table(
        "mention",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("section_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("char_start", sa.Integer(), nullable=False),
        sa.Column("char_end", sa.Integer(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.CheckConstraint("0 <= char_start AND char_start < char_end"),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.ForeignKeyConstraint(
            ["section_id"],
            ["section.id"],
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["statement.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(("ix_mention_section_id"), "mention", ["section_id"], unique=False)
    op.create_index(("ix_mention_statement_id"), "mention", ["statement_id"], unique=False)
    op.execute(
        "CREATE VIRTUAL TABLE statement_words USING fts5("
        "statement_id UNINDEXED, text, tokenize = 'porter unicode61')"
    )
    op.execute(
        "CREATE TRIGGER statement_inserted AFTER INSERT ON statement BEGIN "
        "INSERT INTO statement_words (statement_id, text) VALUES (new.id, new.text); END"
    )
    op.execute(
        "CREATE TRIGGER statement_deleted AFTER DELETE ON statement BEGIN "
        "DELETE FROM statement_words WHERE statement_id = old.id; END"
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TRIGGER statement_deleted")
    op.execute("DROP TRIGGER statement_inserted")
    op.execute("DROP TABLE statement_words")
    op.drop_index(("ix_mention_statement_id"), table_name="mention")
    op.drop_index(("ix_mention_section_id"), table_name="mention")
    op.drop_table("mention")
    op.drop_index(("ix_abbreviation_short"), table_name="abbreviation")
    op.drop_index(("ix_abbreviation_section_id"), table_name="abbreviation")
    op.drop_table("abbreviation")
    op.drop_index(("ix_section_source_id"), table_name="section")
    op.drop_table("section")
    op.drop_index(("ix_membership_statement_id"), table_name="membership")
    op.drop_index(("ix_membership_community_id"), table_name="membership")
    op.drop_table("membership")
    op.drop_table("label")
    op.drop_index(("ix_evidence_statement_id"), table_name="evidence")
    op.drop_index(("ix_evidence_run_id"), table_name="evidence")
    op.drop_table("evidence")
    op.drop_index(("ix_subcomponent_run_id"), table_name="subcomponent")
    op.drop_table("subcomponent")
    op.drop_table("source")
    op.drop_index(("ix_prediction_statement_id"), table_name="prediction")
    op.drop_table("prediction")
    op.drop_table("graph")
    op.drop_table("embedding")
    op.drop_index(("ix_community_run_id"), table_name="community")
    op.drop_index(("ix_community_parent_id"), table_name="community")
    op.drop_table("community")
    op.drop_table("artifact")
    op.drop_index(("ix_statement_kind"), table_name="statement")
    op.drop_table("statement")
    op.drop_index(("ix_run_status"), table_name="run")
    op.drop_index(("ix_run_kind"), table_name="run")
    op.drop_table("run")
