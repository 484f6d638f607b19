"""Statements are stored once, mentions once each place."""

from collections import Counter

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import func, select

from kg.db import open_engine, reading, writing
from kg.errors import NotFoundError
from kg.runs import recording
from kg.sources import (
    AbbreviationDraft,
    SectionDraft,
    SourceDraft,
    add_source,
    counts_by_source,
    glossary,
    section_id,
)
from kg.statements import (
    MentionDraft,
    add_mentions,
    mentions_of,
    notes_of,
    sources_by_statement,
    statement_of,
)
from kg.tables import Mention, RunKind, Statement, StatementKind

TEXT = "Superposition is common. Stochastic Parameter Decomposition (SPD) undoes it."


class NoConfig(BaseModel):
    """A configuration without settings."""


def _store(
    engine: Engine, name: str, kind: StatementKind, quote: str, note: str = "", text: str = ""
) -> str:
    """Store a source that says one thing, and return the statement's id."""
    start = TEXT.index(quote)
    draft = SourceDraft(
        title=name,
        name=f"{name}.md",
        format="markdown",
        sha256=name,
        sections=[
            SectionDraft(
                heading="Introduction",
                level=1,
                kind="body",
                text=TEXT,
                abbreviations=[
                    AbbreviationDraft(
                        short="SPD",
                        long="Stochastic Parameter Decomposition",
                        char_start=25,
                        char_end=65,
                    )
                ],
            )
        ],
    )
    with (
        recording(engine, RunKind.INGESTION, "test", NoConfig()) as run,
        writing(engine) as session,
    ):
        source = add_source(session, draft, run)
        mention = MentionDraft(
            kind=kind,
            text=text or quote,
            section_id=section_id(source, 0),
            char_start=start,
            char_end=start + len(quote),
            quote=quote,
            note=note,
        )
        return add_mentions(session, [mention], run)[0]


def test_what_two_sources_say_is_one_statement_with_two_mentions():
    engine = open_engine(None)

    first = _store(engine, "one", StatementKind.CLAIM, "Superposition is common.")
    second = _store(engine, "two", StatementKind.CLAIM, "Superposition is common.")

    with reading(engine) as session:
        assert first == second
        assert session.exec(select(func.count()).select_from(Statement)).one() == 1
        assert [place.source.title for place in mentions_of(session, first)] == ["one", "two"]
        assert len(sources_by_statement(session)[first]) == 2


def test_what_is_stored_does_not_depend_on_which_spelling_came_first():
    spellings = ["superposition is common", "Superposition is common."]
    stored = []

    for order in (spellings, spellings[::-1]):
        engine = open_engine(None)
        for name, text in enumerate(order):
            _store(engine, str(name), StatementKind.CLAIM, "Superposition is common.", text=text)
        with reading(engine) as session:
            stored.append(sorted((row.id, row.text) for row in session.exec(select(Statement))))

    assert stored[0] == stored[1]


def test_storing_the_same_mention_again_changes_nothing():
    engine = open_engine(None)
    identifier = _store(engine, "one", StatementKind.CLAIM, "Superposition is common.", "First.")
    with reading(engine) as session:
        place = mentions_of(session, identifier)[0].mention

    draft = MentionDraft(
        kind=StatementKind.CLAIM,
        note="Second.",
        text=place.quote,
        **place.model_dump(include={"section_id", "char_start", "char_end", "quote"}),
    )
    with writing(engine) as session:
        add_mentions(session, [draft], place.run_id)

    with reading(engine) as session:
        assert session.exec(select(func.count()).select_from(Mention)).one() == 1
        assert notes_of(session) == {identifier: "First."}


def test_a_claim_and_a_finding_in_the_same_words_are_two_statements():
    engine = open_engine(None)

    claim = _store(engine, "one", StatementKind.CLAIM, "Superposition is common.")
    finding = _store(engine, "two", StatementKind.FINDING, "Superposition is common.")

    assert claim != finding
    with reading(engine) as session:
        counts = list(counts_by_source(session).values())
    assert Counter(claim=1) in counts
    assert Counter(finding=1) in counts


def test_the_note_shown_does_not_depend_on_what_was_read_first():
    order = [("one", "Note of one."), ("two", "Note of two.")]
    shown = []

    for sources in (order, order[::-1]):
        engine = open_engine(None)
        for name, note in sources:
            _store(engine, name, StatementKind.CLAIM, "Superposition is common.", note)
        with reading(engine) as session:
            shown.append(notes_of(session))

    assert shown[0] == shown[1]
    assert set(shown[0].values()) <= {note for _, note in order}


def test_a_mention_without_a_section_is_refused():
    engine = open_engine(None)
    draft = MentionDraft(
        kind=StatementKind.CLAIM, text="t", section_id="sec_x", char_start=0, char_end=1, quote="t"
    )

    with pytest.raises(IntegrityError), writing(engine) as session:
        add_mentions(session, [draft], 1)


def test_expansions_come_from_the_sources_asked_for():
    engine = open_engine(None)
    identifier = _store(engine, "one", StatementKind.CLAIM, "Superposition is common.")

    with reading(engine) as session:
        source = mentions_of(session, identifier)[0].source.id
        assert glossary(session, [source]) == {"SPD": {"Stochastic Parameter Decomposition"}}
        assert glossary(session, []) == {}


def test_an_unknown_statement_is_named_in_the_error():
    with reading(open_engine(None)) as session, pytest.raises(NotFoundError, match="stm_absent"):
        statement_of(session, "stm_absent")
