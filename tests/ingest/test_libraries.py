"""Many files: read at once, never twice, and to the same rows however it went."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from ingest.crew import in_order
from ingest.folders import files_of, sha256_of
from ingest.isolated import ReadingProcess
from ingest.pipeline import Crew, IngestionConfig, ingest
from kg.db import open_engine, reading
from kg.embedders import Embedder
from kg.errors import ConfigError
from kg.evidence import DecompositionDraft, PredictionDraft, Store, SubcomponentDraft
from kg.removal import remove_superseded
from kg.sources import superseded
from kg.tables import Mention, Side, Source, Statement
from tests.kg.conftest import NoConfig

ROOT = Path(__file__).parents[2]
N_FILES = 12


def _note(number: int) -> str:
    return (
        f"# Note {number}\n\n## Results\n\n"
        f"We find that ablating head {number} raises the loss by 0.{number + 10} nats. "
        "We find that all five features are represented in two dimensions.\n\n"
        f"## Discussion\n\nThis suggests that head {number} carries most of the circuit.\n"
    )


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    for number in range(N_FILES):
        (folder / f"{number:02}.md").write_text(_note(number), encoding="utf-8")
    return folder


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_engine(tmp_path / "a.db")


def _contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows that an ingestion stores, but for the number of the run."""
    with closing(sqlite3.connect(path)) as connection:
        found = {}
        for table in ("source", "section", "statement", "mention", "abbreviation"):
            info = connection.execute(f"PRAGMA table_info({table})").fetchall()
            columns = ", ".join(row[1] for row in info if row[1] != "run_id")
            found[table] = connection.execute(
                f"SELECT {columns} FROM {table} ORDER BY id"
            ).fetchall()
        return found


def test_any_number_of_processes_stores_the_same_rows_in_the_same_order(
    library: Path, tmp_path: Path
):
    stored, orders = [], []
    for jobs in (1, 3):
        engine = open_engine(tmp_path / f"{jobs}.db")
        ingest(engine, [library], IngestionConfig(), None, Crew(jobs))
        stored.append(_contents(tmp_path / f"{jobs}.db"))
        with reading(engine) as session:
            orders.append(session.connection().exec_driver_sql("SELECT id FROM mention").all())

    assert stored[0] == stored[1]
    assert orders[0] == orders[1]
    assert len(stored[0]["source"]) == N_FILES


def test_a_run_that_is_killed_and_begun_again_ends_as_one_that_was_not(
    library: Path, tmp_path: Path
):
    database, whole = tmp_path / "killed.db", tmp_path / "whole.db"
    command = [sys.executable, "-m", "api.cli", "--db", str(database), "ingest", str(library)]
    with subprocess.Popen(
        [*command, "--jobs", "2"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        while child.poll() is None and _n_sources(database) < 3:
            time.sleep(0.002)
        os.kill(child.pid, signal.SIGKILL)
    before = _n_sources(database)

    engine = open_engine(database)
    report = ingest(engine, [library], IngestionConfig(), None, Crew(2))
    ingest(open_engine(whole), [library], IngestionConfig(), None, Crew(2))

    assert 3 <= before < N_FILES
    assert sum(not source.is_new for source in report.sources) == before
    assert _contents(database) == _contents(whole)


def _n_sources(database: Path) -> int:
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM source").fetchone()[0])
        except sqlite3.OperationalError:  # there is no table yet
            return 0


def test_a_file_whose_bytes_are_in_is_not_read_again(engine: Engine, library: Path):
    first = library / "00.md"
    ingest(engine, [first], IngestionConfig())
    disguised = library / "00.pdf"  # a reader would refuse it
    disguised.write_bytes(first.read_bytes())

    report = ingest(engine, [disguised], IngestionConfig())

    assert report.failures == []
    assert [(source.name, source.is_new) for source in report.sources] == [("00.pdf", False)]


def test_a_file_that_changed_is_its_next_version_and_statements_that_survive_keep_their_ids(
    engine: Engine, library: Path
):
    path = library / "00.md"
    (before,) = ingest(engine, [path], IngestionConfig()).sources
    statements = _statements(engine)
    path.write_text(_note(0).replace("head 0 raises", "head 0 lowers"), encoding="utf-8")

    (after,) = ingest(engine, [path], IngestionConfig()).sources

    assert (before.version, after.version) == (1, 2)
    assert after.id != before.id
    with reading(engine) as session:
        source = session.get(Source, after.id)
        assert source is not None
        assert source.replaces == before.id
        assert superseded(session) == [before.id]
        survived = set(
            session.exec(select(Mention.statement_id).where(Mention.run_id == source.run_id))
        )
    assert len(survived & statements) == 2
    assert len(survived - statements) == 1


def test_the_earlier_version_leaves_with_what_only_it_says(engine: Engine, library: Path):
    path = library / "00.md"
    ingest(engine, [path], IngestionConfig())
    before = _statements(engine)
    path.write_text(_note(0).replace("head 0 raises", "head 0 lowers"), encoding="utf-8")
    (after,) = ingest(engine, [path], IngestionConfig()).sources

    replaced = remove_superseded(engine, _no_embedder)

    assert replaced.kept == []
    assert replaced.removal is not None
    assert replaced.removal.statements == 1
    with reading(engine) as session:
        assert session.exec(select(Source.id)).all() == [after.id]
    assert len(_statements(engine) & before) == 2
    assert remove_superseded(engine, _no_embedder).removal is None


def test_an_earlier_version_stays_if_only_it_makes_a_statement_that_was_tested(
    engine: Engine, library: Path, tmp_path: Path
):
    path = library / "00.md"
    (before,) = ingest(engine, [path], IngestionConfig()).sources
    with reading(engine) as session:
        texts = {text: each for each, text in session.exec(select(Statement.id, Statement.text))}
    (tested,) = (each for text, each in texts.items() if "raises" in text)
    _predict(Store(engine, tmp_path), tested)
    path.write_text(_note(0).replace("head 0 raises", "head 0 lowers"), encoding="utf-8")
    ingest(engine, [path], IngestionConfig())

    replaced = remove_superseded(engine, _no_embedder)

    assert replaced == (None, [before.id])
    assert tested in _statements(engine)


def _predict(store: Store, statement: str) -> None:
    with store.decomposing("spd", NoConfig(), seed=0) as (decomposition, folder):
        (folder / "tensors.txt").write_text("five directions", encoding="utf-8")
        part = SubcomponentDraft(matrix="embed", index=0, mean_importance=1, is_alive=True, norm=1)
        draft = DecompositionDraft(subcomponents=[part], metrics={})
        store.add_decomposition(decomposition, "toy", draft)
    with store.experimenting("recovery", NoConfig(), seed=0) as run_id:
        prediction = PredictionDraft(
            statement_id=statement,
            experiment="recovery",
            side=Side.ABOVE,
            threshold=0.9,
            unit="share",
            sentence="It is recovered.",
        )
        store.state(prediction, decomposition, run_id)


def _no_embedder() -> Embedder:
    raise AssertionError("nothing has to be embedded")


def test_files_of_the_same_name_in_different_folders_are_different(engine: Engine, library: Path):
    other = library / "other"
    other.mkdir()
    (other / "00.md").write_text(_note(99), encoding="utf-8")

    report = ingest(engine, [library / "00.md", other / "00.md"], IngestionConfig())

    assert [source.version for source in report.sources] == [1, 1]


def test_a_source_of_a_list_that_changed_is_its_next_version_and_the_others_are_as_they_were(
    engine: Engine, tmp_path: Path
):
    lines = [
        '{"kind": "claim", "text": "Probes are cheap.", "source": {"title": "A"}}',
        '{"kind": "claim", "text": "Probes are dear.", "source": {"title": "B"}}',
    ]
    path = tmp_path / "list.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    ingest(engine, [path], IngestionConfig())
    path.write_text("\n".join(lines).replace("dear", "very dear"), encoding="utf-8")

    report = ingest(engine, [path], IngestionConfig())

    versions = {source.title: (source.is_new, source.version) for source in report.sources}
    assert versions == {"A": (False, 1), "B": (True, 2)}


def _statements(engine: Engine) -> set[str]:
    with reading(engine) as session:
        return set(session.exec(select(Statement.id)))


def test_results_come_in_order_and_an_error_leaves_no_process():
    seen: list[ReadingProcess] = []

    def wait(process: ReadingProcess, number: int) -> int:
        seen.append(process)
        process.read(ROOT / "README.md")
        time.sleep(0.05 if number == 0 else 0)
        if number == 5:
            raise ConfigError("this one fails")
        return number * 10

    results = in_order(range(9), wait, 2)
    done = [next(results) for _ in range(5)]

    with pytest.raises(ConfigError, match="this one fails"):
        next(results)

    assert done == [(number, number * 10) for number in range(5)]
    assert all(process._process is None for process in seen)


def test_what_is_found_twice_is_read_once_and_a_link_to_nowhere_is_named(library: Path):
    found = files_of([library, library / "00.md", library]).found
    (library / "loop.md").symlink_to(library / "loop.md")

    assert len(found) == N_FILES
    with pytest.raises(ConfigError, match=r"loop\.md: there is a link that leads nowhere"):
        files_of([library / "loop.md"])


def test_one_path_that_is_not_there_does_not_stop_the_others(engine: Engine, library: Path):
    absent, loop = library / "absent.md", library / "loop.md"
    loop.symlink_to(loop)

    report = ingest(engine, [absent, library / "00.md", loop], IngestionConfig())

    assert [source.name for source in report.sources] == ["00.md"]
    assert [(each.name, each.reason) for each in report.failures] == [
        (str(absent), f"{absent}: there is no file or folder"),
        (str(loop), f"{loop}: there is a link that leads nowhere"),
    ]


def test_linked_folders_are_reported(library: Path, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (library / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)

    assert files_of([library]).skipped == [
        (str(library / "more"), "it is a link: name what it points to")
    ]


def test_a_folder_that_cannot_be_looked_into_is_reported(library: Path, monkeypatch):
    closed = library / "closed"
    closed.mkdir()
    scandir = os.scandir

    def refusing(path: str | Path):
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)

    found, skipped, _ = files_of([library])

    assert len(found) == N_FILES
    assert skipped == [(str(closed), "it cannot be looked into (Permission denied)")]


def test_what_no_reader_would_take_has_no_digest(library: Path):
    assert sha256_of(library) is None
    assert sha256_of(library / "absent.md") is None
    assert sha256_of(Path(os.devnull)) is None


def test_a_folder_without_a_file_to_read_is_reported(tmp_path: Path):
    (tmp_path / ".hidden").write_text("", encoding="utf-8")

    assert files_of([tmp_path]).skipped == [(str(tmp_path), "there is no file to read in it")]
