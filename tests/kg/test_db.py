"""The database: one writer, whole transactions, tables as the migrations make them."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from pydantic import BaseModel
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, select

import kg.db
from kg.db import open_engine, reading, writing, writing_much
from kg.errors import DatabaseError
from kg.lineage import first_link
from kg.runs import active_run, close_abandoned, recording, run_of, succeed
from kg.tables import (
    Community,
    Run,
    RunKind,
    RunStatus,
    SQLModel,
    Statement,
    StatementKind,
)


class NoConfig(BaseModel):
    """A configuration without settings."""


def test_the_migrations_make_exactly_the_tables_of_the_code():
    engine = open_engine(None)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, SQLModel.metadata)

    ours = [d for d in differences if "statement_words" not in str(d)]
    assert ours == []


def test_a_database_of_the_first_version_is_brought_up_to_date_and_keeps_what_it_has(
    tmp_path: Path,
):
    engine = open_engine(tmp_path / "a.db")
    with writing(engine) as session:
        session.add(Statement(id="stm_a", kind=StatementKind.CLAIM, text="It stays."))
    _migrate_to(engine, "0001")

    later = open_engine(tmp_path / "a.db")

    with reading(later) as session:
        columns = session.execute(text("SELECT name FROM pragma_table_info('source')")).scalars()
        assert {"identifiers", "origins"} <= set(columns)
        assert session.exec(select(Statement.text)).all() == ["It stays."]


def test_a_table_that_is_made_anew_keeps_its_rows_and_all_that_refers_to_them(tmp_path: Path):
    engine = open_engine(tmp_path / "a.db")
    with (
        recording(engine, RunKind.CLUSTERING, "leiden_semantic", NoConfig()) as run_id,
        writing(engine) as session,
    ):
        session.add(Community(id="a-run1-c0", run_id=run_id, level=0, ordinal=0, link="x"))
    _migrate_to(engine, "0002")

    later = open_engine(tmp_path / "a.db")

    with writing(later) as session:
        assert session.exec(select(Run.method)).all() == ["leiden_semantic"]
        assert session.exec(select(Community.link)).all() == [first_link("a-run1-c0")]
        session.add(Community(id="b", run_id=run_id + 1, level=0, ordinal=0))
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            session.flush()
        session.rollback()


def _migrate_to(engine: Engine, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(kg.db.__file__).parent / "migrations"))
    config.attributes["engine"] = engine
    command.downgrade(config, version)


def test_a_missing_database_is_not_created_by_reading(tmp_path: Path):
    with pytest.raises(DatabaseError, match="no database at"):
        open_engine(tmp_path / "absent.db", create=False)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    path = tmp_path / "notes.db"
    path.write_text("not a database, but long enough to be looked at " * 100, encoding="utf-8")

    with pytest.raises(DatabaseError, match=r"notes\.db cannot be opened"):
        open_engine(path)


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder with a database, in which nobody may write; not even who runs the tests."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        open_engine(folder / "a.db").dispose()
        (folder / "a.db.lock").unlink(missing_ok=True)
        folder.chmod(0o555)
        was = os.geteuid()
        if was == 0:
            os.seteuid(65534)
        yield folder
        os.seteuid(was)
        folder.chmod(0o755)


def test_a_database_in_a_folder_that_cannot_be_written_is_read_and_not_written(
    closed_folder: Path,
):
    engine = open_engine(closed_folder / "a.db", create=False)

    with reading(engine) as session:
        assert session.exec(select(Run)).all() == []
    with pytest.raises(DatabaseError, match="copy the database"), writing(engine):
        pass


def test_a_database_that_was_not_closed_is_not_read_without_what_was_written_last(tmp_path: Path):
    path = tmp_path / "a.db"
    open_engine(path).dispose()
    error = OperationalError("", None, sqlite3.OperationalError("unable to open"))
    error.orig.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN  # type: ignore[union-attr]

    assert kg.db._may_only_be_read(path, error)
    path.with_name("a.db-wal").write_bytes(b"pages")
    assert not kg.db._may_only_be_read(path, error)


def test_a_foreign_database_is_refused(tmp_path: Path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()

    with pytest.raises(DatabaseError, match="not one of claimgraph's"):
        open_engine(path)


def test_foreign_keys_are_enforced(tmp_path: Path):
    engine = open_engine(tmp_path / "a.db")

    with pytest.raises(IntegrityError), writing(engine) as session:
        session.add(Community(id="c", run_id=99, level=0, ordinal=0))


def test_an_unknown_kind_is_refused_by_the_database(tmp_path: Path):
    engine = open_engine(tmp_path / "a.db")

    with pytest.raises(IntegrityError), writing(engine) as session:
        session.execute(text("INSERT INTO statement (id, kind, text) VALUES ('s', 'guess', 't')"))


def test_a_write_that_fails_stores_nothing(tmp_path: Path):
    engine = open_engine(tmp_path / "a.db")

    def write_and_fail() -> None:
        with writing(engine) as session:
            session.execute(
                text("INSERT INTO statement (id, kind, text) VALUES ('s', 'claim', 't')")
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()

    with reading(engine) as session:
        assert session.execute(text("SELECT count(*) FROM statement")).scalar() == 0


def _recorded(engine: Engine) -> list[tuple[RunStatus, str | None]]:
    with reading(engine) as session:
        return [(run.status, run.error) for run in session.exec(select(Run))]


def test_a_run_that_is_interrupted_is_marked_as_failed(tmp_path: Path):
    engine = open_engine(tmp_path / "a.db")

    with (
        pytest.raises(KeyboardInterrupt),
        recording(engine, RunKind.CLUSTERING, "leiden_semantic", NoConfig()),
    ):
        raise KeyboardInterrupt

    assert _recorded(engine) == [(RunStatus.FAILED, "interrupted")]


def test_the_active_run_is_the_latest_that_succeeded(tmp_path: Path):
    engine = open_engine(tmp_path / "a.db")
    with recording(engine, RunKind.CLUSTERING, "leiden_semantic", NoConfig(), seed=1) as first:
        pass
    with (
        pytest.raises(ValueError, match="broken"),
        recording(engine, RunKind.CLUSTERING, "leiden_semantic", NoConfig(), seed=2),
    ):
        raise ValueError("broken")

    with reading(engine) as session:
        active = active_run(session, RunKind.CLUSTERING, "leiden_semantic")

    assert active is not None
    assert active.id == first


def test_what_a_run_reports_is_published_with_its_rows(tmp_path: Path):
    engine = open_engine(tmp_path / "a.db")

    with (
        recording(engine, RunKind.CLUSTERING, "m", NoConfig()) as run_id,
        writing(engine) as session,
    ):
        succeed(session, run_id, {"communities": 3})

    with reading(engine) as session:
        assert run_of(session, run_id).result == {"communities": 3}


_HOLD = """
import sys, time
from pydantic import BaseModel
from kg.db import open_engine
from kg.runs import recording
from kg.tables import RunKind
class NoConfig(BaseModel): pass
with recording(open_engine(sys.argv[1]), RunKind.CLUSTERING, "m", NoConfig()):
    print("running", flush=True)
    time.sleep(60)
"""


def test_a_run_whose_process_was_killed_is_marked_as_failed_and_lets_others_write(tmp_path: Path):
    path = tmp_path / "a.db"
    engine = open_engine(path)
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert other.stdout is not None
    with other:
        other.stdout.readline()
        with pytest.raises(DatabaseError, match="another process is writing"), writing(engine):
            pass
        still_running = close_abandoned(engine)
        os.kill(other.pid, signal.SIGKILL)
        other.wait()

    deadline = time.monotonic() + 5
    while not close_abandoned(engine) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert still_running == 0
    assert _recorded(engine) == [(RunStatus.FAILED, "the process ended before the run did")]


def test_deleting_a_statement_does_not_search_the_index_of_words_from_end_to_end():
    few, many = _steps_of_a_deletion(20), _steps_of_a_deletion(2000)

    assert many < 2 * few


def _steps_of_a_deletion(n: int) -> int:
    """Return how many steps of its machine SQLite takes to delete one of n statements."""
    engine = open_engine(None)
    steps: list[int] = []
    with writing(engine) as session:
        session.add_all(
            Statement(id=f"stm_{i:04d}", kind=StatementKind.CLAIM, text=f"word{i} said")
            for i in range(n)
        )
        session.flush()
        driver = session.connection().connection.dbapi_connection
        driver.set_progress_handler(lambda: steps.append(1), 1)
        session.execute(text("DELETE FROM statement WHERE id = 'stm_0007'"))
        driver.set_progress_handler(None, 0)
        words = session.execute(text("SELECT count(*) FROM statement_words")).scalar()
    assert words == n - 1
    return len(steps)


def test_words_stay_searchable_through_a_migration_down_and_up(tmp_path: Path):
    engine = open_engine(tmp_path / "a.db")
    with writing(engine) as session:
        session.add(Statement(id="stm_a", kind=StatementKind.CLAIM, text="Probes read tense"))
    for version in ("0003", "0002"):
        _migrate_to(engine, version)

    later = open_engine(tmp_path / "a.db")

    with reading(later) as session:
        found = session.execute(
            text("SELECT statement_id FROM statement_words WHERE statement_words MATCH 'probe'")
        )
        assert found.scalars().all() == ["stm_a"]


def _settings(session: Session) -> list[int]:
    connection = session.connection()
    names = ("cache_size", "foreign_keys")
    return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]


@pytest.mark.parametrize("fails", [False, True])
def test_references_are_not_looked_up_and_more_pages_kept_while_much_is_written_only(
    tmp_path: Path, fails: bool
):
    engine = open_engine(tmp_path / "graph.db")
    with reading(engine) as session:
        before = _settings(session)
    within = []

    def write() -> None:
        with writing_much(engine) as session:
            within.append(_settings(session))
            session.add(Community(id="c", run_id=99, level=0, ordinal=0))
            if fails:
                raise RuntimeError

    with pytest.raises(RuntimeError) if fails else nullcontext():
        write()

    assert within == [[-65_536, 0]]
    with writing(engine) as session:
        assert _settings(session) == before
        assert len(session.exec(select(Community)).all()) == (0 if fails else 1)
    assert before[1] == 1


def test_what_is_replaced_is_not_written_twice(tmp_path: Path):
    engine = open_engine(tmp_path / "kg.db")

    with engine.connect() as connection:
        (secure_delete,) = connection.exec_driver_sql("PRAGMA secure_delete").one()

    assert secure_delete == 2, "FAST, whatever SQLite was built with"
