"""What may be a statement and was not kept is listed, and is one once somebody keeps it."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from ingest.documents import Document, Section
from ingest.extractors import EXTRACTORS, open_extractor
from ingest.extractors.offline import OfflineExtractor, OfflineExtractorConfig
from ingest.pipeline import IngestionConfig, IngestionReport, ingest
from kg.candidates import METHOD, Quoted, candidates_of, count_candidates, keep
from kg.db import open_engine, reading
from kg.errors import ConfigError, NotFoundError
from kg.removal import remove_superseded
from kg.tables import Candidate, Mention, Run, RunStatus, Source, Statement

TEXT = " ".join(
    f"We find that ablating head {number} of the second layer lowers the accuracy by {number} %."
    for number in range(11, 17)
)
NOTE = f"# Heads\n\n## Results\n\n{TEXT}\n"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_engine(tmp_path / "a.db")


def _document(text: str = TEXT) -> Document:
    return Document("note.md", "Heads", "markdown", "0" * 64, (Section("Results", 1, text),))


def _ingest(engine: Engine, path: Path, text: str = NOTE, **settings: float) -> IngestionReport:
    path.write_text(text, encoding="utf-8")
    return ingest(engine, [path], IngestionConfig(settings=settings))


def _candidates(engine: Engine, source: str) -> list[Quoted]:
    with reading(engine) as session:
        return candidates_of(session, source)


def _statements(engine: Engine) -> dict[str, str]:
    with reading(engine) as session:
        return {row.id: row.text for row in session.exec(select(Statement))}


@pytest.mark.parametrize("name", sorted(EXTRACTORS.keys() - {"llm"}))
def test_every_sentence_is_kept_or_a_candidate_or_neither_but_never_both(name: str):
    extractor = open_extractor(name, settings={"max_statements": 2})

    kept, others = extractor.extract(_document()), extractor.candidates(_document())

    assert (len(kept), len(others)) == (2, 4)
    assert not {each.quote for each in kept} & {each.quote for each in others}
    assert [each.span for each in others] == sorted(each.span for each in others)
    assert all(each.note and TEXT[slice(*each.span)] == each.quote for each in others)


def test_what_is_unlikely_what_others_say_and_what_was_said_is_no_candidate():
    text = f"{TEXT} {TEXT} Lark et al. (2024) found that heads copy tokens. Is it so?"
    settings = OfflineExtractorConfig(max_statements=2, min_candidate=0.2)

    others = OfflineExtractor(settings).candidates(_document(text))
    none = OfflineExtractor(settings.model_copy(update={"min_candidate": 1.0}))

    assert len(others) == 4
    assert none.candidates(_document(text)) == []


def test_an_ingestion_stores_candidates_the_surest_first(engine: Engine, tmp_path: Path):
    report = _ingest(engine, tmp_path / "note.md", max_statements=2).sources[0]

    found = _candidates(engine, report.id)

    assert (report.candidates, report.findings, len(_statements(engine))) == (4, 2, 2)
    assert [each.quote for each in found] == [each.candidate.text for each in found]
    scores = [each.candidate.score for each in found]
    assert scores == sorted(scores, reverse=True)


def test_settings_go_on_record_and_a_wrong_one_stores_nothing(engine: Engine, tmp_path: Path):
    _ingest(engine, tmp_path / "note.md", max_statements=2)
    with reading(engine) as session:
        assert session.exec(select(Run.config)).one()["settings"] == {"max_statements": 2}

    with pytest.raises(ConfigError, match="has no setting 'most'; it has: max_statements"):
        _ingest(engine, tmp_path / "note.md", most=2)
    with pytest.raises(ConfigError, match="min_worth: Input should be less than or equal to 1"):
        _ingest(engine, tmp_path / "note.md", min_worth=2)
    with reading(engine) as session:
        assert len(session.exec(select(Run)).all()) == 1


def test_a_candidate_that_is_kept_is_the_statement_that_it_would_have_been(
    engine: Engine, tmp_path: Path
):
    whole = open_engine(tmp_path / "whole.db")
    _ingest(whole, tmp_path / "note.md")
    source = _ingest(engine, tmp_path / "note.md", max_statements=2).sources[0].id

    kept = keep(engine, [each.candidate.id for each in _candidates(engine, source)])

    assert _statements(engine) == _statements(whole)
    assert _candidates(engine, source) == []
    with reading(engine) as session, reading(whole) as other:
        rows = {row.id: row for row in session.exec(select(Mention))}
        for row in other.exec(select(Mention)):
            assert rows[row.id].model_dump(exclude={"run_id"}) == row.model_dump(exclude={"run_id"})
        assert {rows[i].run_id for i in rows if rows[i].statement_id in kept.statements} == {
            kept.run
        }
        assert session.get_one(Run, kept.run).method == METHOD


def test_of_candidates_all_are_kept_or_none(engine: Engine, tmp_path: Path):
    source = _ingest(engine, tmp_path / "note.md", max_statements=2).sources[0].id
    first = _candidates(engine, source)[0].candidate.id

    with pytest.raises(NotFoundError, match="no candidate can_none: `claimgraph candidates"):
        keep(engine, [first, "can_none"])

    with reading(engine) as session:
        assert count_candidates(session, source) == 4
        assert set(session.exec(select(Run.status))) == {RunStatus.SUCCEEDED}


def test_what_was_kept_stays_kept_in_later_versions_as_long_as_they_say_it(
    engine: Engine, tmp_path: Path
):
    path, open_embedder = tmp_path / "note.md", _no_embedder
    source = _ingest(engine, path, max_statements=2).sources[0].id
    (kept,) = keep(engine, [_candidates(engine, source)[0].candidate.id]).statements

    for number in range(2):
        _ingest(engine, path, f"{NOTE}\nVersion {number}.\n", max_statements=2)
        remove_superseded(engine, open_embedder)
        assert kept in _statements(engine)
    without = NOTE.replace(_statements(engine)[kept], "")
    _ingest(engine, path, without, max_statements=2)
    remove_superseded(engine, open_embedder)

    assert kept not in _statements(engine)
    with reading(engine) as session:
        assert len(session.exec(select(Source)).all()) == 1
        sections = {row.section_id for row in session.exec(select(Candidate))}
        assert len(sections) == 1  # those of the versions before went with them


def _no_embedder():
    raise AssertionError("nothing is clustered, so nothing has to be embedded")
