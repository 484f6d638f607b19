"""A file is in the graph whole, or not at all; every mention quotes its section verbatim."""

import json
import os
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import func, select

from ingest.extractors.offline import OfflineExtractor
from ingest.isolated import ReadingProcess
from ingest.pipeline import Crew, IngestionConfig, IngestionReport, ingest
from kg.db import open_engine, reading
from kg.errors import ConfigError
from kg.tables import Abbreviation, Mention, Run, RunStatus, Section, Source, Statement

NOTE = """# Superposition in a small network

## Abstract

We train a toy model of superposition and take its weights apart.
We find that all five features are represented in two dimensions.
Stochastic Parameter Decomposition (SPD) is likely the right tool for this.

## Results

We observe that removing one subcomponent changes the loss by 0.2 on its own feature.
The remaining features are left unchanged, which suggests that the mechanisms are separate.
"""

LIST = [
    {"kind": "claim", "text": "Probes are cheap.", "note": "A remark.", "source": {"title": "A"}},
    {
        "kind": "finding",
        "text": "Probes find 9 of 10 features.",
        "note": "",
        "quote": "In our runs the probes found 9 of 10 features.",
        "source": {"title": "B"},
    },
]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_engine(tmp_path / "a.db")


def _write_list(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def _ingest(engine: Engine, *paths: Path) -> IngestionReport:
    return ingest(engine, paths, IngestionConfig())


def _count(engine: Engine, table: type) -> int:
    with reading(engine) as session:
        return session.exec(select(func.count()).select_from(table)).one()


def _misquoted(engine: Engine) -> list[str]:
    with reading(engine) as session:
        rows = session.exec(
            select(Mention, Section).join(Section, Section.id == Mention.section_id)
        )
        return [
            mention.id
            for mention, section in rows
            if section.text[mention.char_start : mention.char_end] != mention.quote
        ]


def test_a_note_becomes_statements_that_quote_it_verbatim(engine: Engine, tmp_path: Path):
    path = tmp_path / "note.md"
    path.write_text(NOTE, encoding="utf-8")

    report = _ingest(engine, path)

    (source,) = report.sources
    assert source.title == "Superposition in a small network"
    assert source.claims >= 1
    assert source.findings >= 2
    assert _count(engine, Mention) == source.claims + source.findings
    assert _misquoted(engine) == []
    assert _count(engine, Abbreviation) == 1


def test_ingesting_a_file_again_changes_nothing_and_says_so(engine: Engine, tmp_path: Path):
    path = tmp_path / "note.md"
    path.write_text(NOTE, encoding="utf-8")
    first = _ingest(engine, path)
    before = [_count(engine, table) for table in (Source, Section, Statement, Mention)]

    second = _ingest(engine, path)

    assert [source.is_new for source in second.sources] == [False]
    assert second.sources[0].claims == first.sources[0].claims
    assert [_count(engine, t) for t in (Source, Section, Statement, Mention)] == before


def test_a_statement_list_gives_a_source_for_each_title(engine: Engine, tmp_path: Path):
    report = _ingest(engine, _write_list(tmp_path / "list.jsonl", LIST))

    titles = {source.title: (source.claims, source.findings) for source in report.sources}
    assert titles == {"A": (1, 0), "B": (0, 1)}
    assert _misquoted(engine) == []


def test_a_quote_may_differ_from_the_statement(engine: Engine, tmp_path: Path):
    _ingest(engine, _write_list(tmp_path / "list.jsonl", LIST))

    with reading(engine) as session:
        quotes = set(session.exec(select(Mention.quote)))
    assert quotes == {"Probes are cheap.", "In our runs the probes found 9 of 10 features."}


def test_one_bad_file_does_not_stop_the_others(engine: Engine, tmp_path: Path):
    (tmp_path / "a_broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (tmp_path / "b_note.md").write_text(NOTE, encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")

    report = _ingest(engine, tmp_path)

    assert [Path(failure.name).name for failure in report.failures] == ["a_broken.pdf"]
    assert "a_broken.pdf" in report.failures[0].reason
    assert [Path(skipped.name).name for skipped in report.skipped if "png" in skipped.reason]
    assert [source.name for source in report.sources] == ["b_note.md"]


def test_a_broken_line_stores_nothing_of_its_list(engine: Engine, tmp_path: Path):
    path = _write_list(tmp_path / "list.jsonl", LIST)
    path.write_text(path.read_text(encoding="utf-8") + '\n{"kind": "claim",', encoding="utf-8")

    report = _ingest(engine, path)

    assert "list.jsonl" in report.failures[0].reason
    assert "line 3" in report.failures[0].reason
    assert _count(engine, Source) == 0
    assert _count(engine, Statement) == 0


def test_an_interruption_keeps_the_files_before_it_and_marks_the_run(
    engine: Engine, tmp_path: Path
):
    (tmp_path / "a.md").write_text(NOTE, encoding="utf-8")
    (tmp_path / "b.md").write_text(NOTE.replace("five", "six"), encoding="utf-8")

    def interrupt(done: int, _total: int, _name: str) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(engine, [tmp_path / "a.md", tmp_path / "b.md"], IngestionConfig(), interrupt)

    with reading(engine) as session:
        assert session.exec(select(Source.name)).all() == ["a.md"]
        assert session.exec(select(Run.status)).all() == [RunStatus.FAILED]


def test_the_database_in_a_folder_and_what_is_kept_for_it_are_not_looked_at(tmp_path: Path):
    (tmp_path / "note.md").write_text(NOTE, encoding="utf-8")
    (tmp_path / "library.replies.jsonl").write_text('{"key": "of an answer"}', encoding="utf-8")
    (tmp_path / "library.artifacts").mkdir()
    (tmp_path / "library.artifacts" / "report.html").write_text(NOTE, encoding="utf-8")
    (tmp_path / "library.of.mine.bin").write_bytes(b"0")
    engine = open_engine(tmp_path / "library.db")

    report = _ingest(engine, tmp_path)

    assert (tmp_path / "library.db.lock").exists()
    assert [source.name for source in report.sources] == ["note.md"]
    assert [Path(skipped.name).name for skipped in report.skipped] == ["library.of.mine.bin"]
    assert report.failures == []


def test_where_metadata_comes_from_is_stored_with_it(engine: Engine, tmp_path: Path):
    (tmp_path / "paper.md").write_text(NOTE, encoding="utf-8")
    (tmp_path / "paper.bib").write_text(
        "@article{a, title = {Another Title}, year = {2025}, doi = {10.1234/abc}}",
        encoding="utf-8",
    )

    report = _ingest(engine, tmp_path)

    with reading(engine) as session:
        source = session.exec(select(Source)).one()
    assert source.title == report.sources[0].title == "Another Title"
    assert source.identifiers["doi"] == "10.1234/abc"
    assert "paper.bib" in source.origins["title"]


def test_links_in_a_folder_are_not_followed(engine: Engine, tmp_path: Path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (tmp_path / "elsewhere.md").write_text(NOTE, encoding="utf-8")
    (folder / "link.md").symlink_to(tmp_path / "elsewhere.md")
    (folder / "loop").symlink_to(folder)

    report = _ingest(engine, folder)

    assert report.sources == []
    assert [Path(skipped.name).name for skipped in report.skipped] == ["link.md", "loop"]


@pytest.mark.parametrize("folder", ["examples", os.environ.get("CLAIMGRAPH_TEST_CORPUS", "")])
def test_every_mention_of_a_whole_corpus_stands_verbatim_in_its_section(
    engine: Engine, folder: str
):
    if not folder:
        pytest.skip("CLAIMGRAPH_TEST_CORPUS names no folder of documents")
    report = _ingest(engine, Path(__file__).parents[2] / folder)

    assert report.failures == []
    assert _count(engine, Mention) >= 10 * len(report.sources)
    assert _misquoted(engine) == []


def test_a_path_that_does_not_exist_is_named(engine: Engine, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"absent\.md"):
        _ingest(engine, tmp_path / "absent.md")

    assert _count(engine, Run) == 0


def test_a_url_is_not_fetched_but_explained(engine: Engine):
    with pytest.raises(ConfigError, match="save the page or the PDF"):
        _ingest(engine, Path("https://example.org/paper.pdf"))


def test_the_order_of_files_makes_no_difference(tmp_path: Path):
    paths = [tmp_path / "a.md", tmp_path / "b.md"]
    paths[0].write_text(NOTE, encoding="utf-8")
    paths[1].write_text(NOTE.replace("five", "six"), encoding="utf-8")
    stored = []

    for name, order in (("x.db", paths), ("y.db", paths[::-1])):
        engine = open_engine(tmp_path / name)
        ingest(engine, order, IngestionConfig())
        with reading(engine) as session:
            stored.append(set(session.exec(select(Mention.id))))

    assert stored[0] == stored[1]


def test_a_sidecar_that_was_used_is_reported_as_used_and_the_others_as_skipped(
    engine: Engine, tmp_path: Path
):
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "note.md").write_text(NOTE, encoding="utf-8")
    (folder / "note.bib").write_text("@misc{a, title={Told}, year=1999}", encoding="utf-8")
    (folder / "refs.bib").write_text("@misc{b, title={Cited}}", encoding="utf-8")
    (folder / "data.json").write_text("{}", encoding="utf-8")

    report = _ingest(engine, folder)

    assert report.sidecars == [str(folder / "note.bib")]
    assert [Path(skipped.name).name for skipped in report.skipped] == ["data.json", "refs.bib"]
    assert all("describes no document here" in skipped.reason for skipped in report.skipped)
    with reading(engine) as session:
        assert session.exec(select(Source.title, Source.year)).all() == [("Told", 1999)]


def test_a_damaged_sidecar_stores_nothing_of_its_document(engine: Engine, tmp_path: Path):
    path = tmp_path / "note.md"
    path.write_text(NOTE, encoding="utf-8")
    path.with_suffix(".bib").write_text("@misc{a, title={Told", encoding="utf-8")

    report = _ingest(engine, path)

    assert "note.bib: line 1" in report.failures[0].reason
    assert _count(engine, Source) == 0


def _described(engine: Engine) -> tuple[str, list[str], int | None, str | None]:
    with reading(engine) as session:
        (source,) = session.exec(select(Source))
        return source.title, source.authors, source.year, source.origins.get("title")


def test_a_bibliography_that_comes_changes_and_goes_describes_a_file_that_is_in(
    engine: Engine, tmp_path: Path
):
    path, beside = tmp_path / "note.md", tmp_path / "note.bib"
    path.write_text(NOTE, encoding="utf-8")
    own = ("Superposition in a small network", [], None, "the document itself")
    _ingest(engine, path)
    assert _described(engine) == own
    n_mentions = _count(engine, Mention)

    beside.write_text("@misc{a, title={Told}, author={Ada Lark}, year=1999}", encoding="utf-8")
    (came,) = _ingest(engine, path).sources
    assert _described(engine) == ("Told", ["Ada Lark"], 1999, "note.bib")
    report = _ingest(engine, path)
    beside.write_text("@misc{a, title={Corrected}, author={Ada Lark}}", encoding="utf-8")
    (changed,) = _ingest(engine, path).sources
    assert _described(engine) == ("Corrected", ["Ada Lark"], None, "note.bib")
    beside.unlink()
    (gone,) = _ingest(engine, path).sources

    assert _described(engine) == own
    assert [each.is_described_anew for each in (came, *report.sources, changed, gone)] == [
        True,
        False,
        True,
        True,
    ]
    assert report.sidecars == [str(beside)]
    assert not any(each.is_new for each in (came, changed, gone))
    assert _count(engine, Mention) == n_mentions


def test_a_bibliography_that_is_damaged_is_said_until_it_is_mended(engine: Engine, tmp_path: Path):
    path, beside = tmp_path / "note.md", tmp_path / "note.bib"
    path.write_text(NOTE, encoding="utf-8")
    _ingest(engine, path)
    beside.write_text("@misc{a, title={Told", encoding="utf-8")

    reasons = [_ingest(engine, path).failures[0].reason for _ in range(2)]

    assert all("note.bib: line 1" in reason for reason in reasons)
    assert _described(engine)[0] == "Superposition in a small network"


def test_a_file_of_others_that_names_nobody_has_nothing_read_again(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "note.md"
    path.write_text(NOTE, encoding="utf-8")
    _ingest(engine, path)
    (tmp_path / "refs.bib").write_text("@misc{b, title={Cited}}", encoding="utf-8")

    def refuse(*_: object) -> None:
        raise AssertionError("it is read again")

    monkeypatch.setattr(ReadingProcess, "read", refuse)
    assert not _ingest(engine, path).sources[0].is_described_anew


def test_a_file_that_another_extractor_read_is_not_read_again_and_that_is_said(
    engine: Engine, tmp_path: Path
):
    path = tmp_path / "note.md"
    path.write_text(NOTE, encoding="utf-8")
    _ingest(engine, path)

    class Other(OfflineExtractor):
        name = "other"

    report = ingest(engine, [path], IngestionConfig(), None, Crew(1, Other()))

    assert report.sources[0].read_with == "offline"
    assert _ingest(engine, path).sources[0].read_with == ""


def test_links_that_lead_to_one_another_are_reported_and_the_rest_is_read(tmp_path: Path):
    (tmp_path / "note.md").write_text(NOTE, encoding="utf-8")
    (tmp_path / "a.md").symlink_to(tmp_path / "b.md")
    (tmp_path / "b.md").symlink_to(tmp_path / "a.md")

    report = _ingest(open_engine(tmp_path / "library.db"), tmp_path)

    assert [source.name for source in report.sources] == ["note.md"]
    assert [Path(each.name).name for each in report.skipped] == ["a.md", "b.md"]
