"""Opening the database, and the only two ways to talk to it: reading and writing.

SQLite in WAL mode with foreign keys on and `synchronous=FULL`, so that what was
acknowledged survives a crash. Python's own transaction handling is off; a writing
transaction begins with `BEGIN IMMEDIATE`, because a deferred one that reads first can
fail with "database is locked" however long it waits. One process writes at a time: it
holds the lock file beside the database (`writer`), which the system releases when the
process dies, however it dies. SQLite before 3.51.3 can corrupt a WAL database under
several writing connections; one writer keeps clear of that.

Some builds of SQLite write zeros over all that is deleted (`secure_delete`), so that what is
replaced is written twice. `FAST` leaves that out where it would be a page more to write.

To read in WAL mode, SQLite makes a file beside the database. Where it may not, as on a disk that
is mounted for reading only, the database is opened as one that nobody changes (`immutable`).
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.exc import DatabaseError as SqlError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool, StaticPool
from sqlmodel import Session

from kg.errors import DatabaseError

HEAD = "0015"
"""The newest migration."""

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=10000",
    "secure_delete=FAST",
)


LARGEST = 2**63 - 1
"""The largest number that SQLite can hold."""

_IDS_PER_QUERY = 500
"""Values that one query may name; older builds of SQLite take 999."""

_SHARED: dict[str, Any] = {"check_same_thread": False}

_FORBIDDEN = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})

_WHAT_TO_DO = {
    sqlite3.SQLITE_FULL: "make room on its disk; of what was under way, nothing is stored",
    sqlite3.SQLITE_IOERR: "see whether its disk is full, or broken",
    sqlite3.SQLITE_READONLY: "copy it to where you may write, and name the copy with --db",
    sqlite3.SQLITE_CANTOPEN: "see whether you may read it, and write in its folder",
    sqlite3.SQLITE_BUSY: "another program holds it: wait until it is done, or close it",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: take a copy from before",
    sqlite3.SQLITE_NOTADB: "name another file with --db",
}

_PAGES_IN_MEMORY = -65_536
"""Of pages that SQLite may keep, where many rows are stored: kilobytes, if it is below 0."""


def open_engine(database: str | Path | None, *, create: bool = True) -> Engine:
    """Open a database and bring its tables up to date.

    Args:
        database: A path, an SQLAlchemy URL, or None for one in memory.
        create: Make the file if there is none.

    Raises:
        DatabaseError: There is no such database, or it is not one of ours.
    """
    url = _url(database)
    path = file_of(url)
    if path is not None:
        if not create and not path.exists():
            raise DatabaseError(
                f"there is no database at {path}: make one with `claimgraph ingest PATH`, "
                "or name another with --db"
            )
        if path.is_dir():
            raise DatabaseError(f"{path} is a folder: name a file in it with --db")
        if not path.parent.is_dir():
            raise DatabaseError(f"the folder of the database does not exist: {path.parent}")
    try:
        return _opened(url, path)
    except (SqlError, OSError) as error:
        raise DatabaseError(
            f"{path or url} cannot be opened as a database: {cause_of(error)}"
        ) from error


def failure_of(error: SqlError) -> str:
    """Say that the database failed, why, and what to do about it."""
    return f"the database failed: {cause_of(error)}"


def cause_of(error: SqlError | OSError) -> str:
    """Return what SQLite or the system said of a failure, and what to do about it."""
    if isinstance(error, OSError):
        return str(error)
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    advice = _WHAT_TO_DO.get(code)
    return f"{error.orig}: {advice}" if advice else str(error.orig)


def file_of(url: URL | Engine) -> Path | None:
    """Return the database's file, or None if it is in memory."""
    database = (url.url if isinstance(url, Engine) else url).database
    return None if database in (None, "", ":memory:") else Path(str(database))


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a session that sees one snapshot and writes nothing."""
    with Session(engine) as session:
        yield session


def blocks_of(identifiers: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield identifiers in order, as many at a time as one query may name."""
    for start in range(0, len(identifiers), _IDS_PER_QUERY):
        yield identifiers[start : start + _IDS_PER_QUERY]


def plain_rows(session: Session, query: str, *values: str | int) -> list[Any]:
    """Return the rows of a query as the driver has them: tuples, or values if there is one column.

    An object for each row takes longer than all that is done with the rows when they are a
    hundred thousand.
    """
    cursor = session.connection().exec_driver_sql(query, values).cursor
    assert cursor is not None
    rows: list[Any] = list(cursor.fetchall())
    return [value for (value,) in rows] if rows and len(rows[0]) == 1 else rows


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Open a write transaction: all of it is stored at the end, or none of it."""
    with (
        writer(engine),
        Session(engine.execution_options(writes=True), expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


@contextmanager
def writer(engine: Engine) -> Iterator[None]:
    """Be the one process that writes to this database, until the block ends.

    Raises:
        DatabaseError: Another process is writing, or nobody may.
    """
    path = file_of(engine)
    if path is None:
        yield
        return
    lock = _lock_of(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise DatabaseError(
            f"another process is writing to {path}: wait until it is done, or stop it"
        ) from error
    except OSError as error:
        raise DatabaseError(
            f"nothing can be written in the folder of {path} ({error.strerror}): copy the "
            "database to where you may write, and name the copy with --db"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing_much(engine: Engine) -> Iterator[Session]:
    """Open a write transaction for very many rows that refer to what is there for certain.

    What each of them refers to is not looked up, which takes half of the time. And SQLite keeps
    64 MB of pages, where it keeps 2 MB otherwise: rows that go to many places of an index are then
    stored in two thirds of the time.
    """
    with (
        writer(engine),
        engine.connect().execution_options(writes=True) as connection,
        _set(connection, foreign_keys=0, cache_size=_PAGES_IN_MEMORY),
        Session(connection, expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


@contextmanager
def writing_connection(engine: Engine) -> Iterator[Connection]:
    """Open a write transaction below the session, for migrations.

    A migration may make a table anew, which SQLite takes for the loss of everything that refers
    to it. So foreign keys are off, and checked as a whole before the transaction ends.
    """
    with (
        writer(engine),
        engine.connect().execution_options(writes=True) as connection,
        _set(connection, foreign_keys=0),
        connection.begin(),
    ):
        yield connection
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        assert not broken, broken


@contextmanager
def _set(connection: Connection, **pragmas: int) -> Iterator[None]:
    """Let SQLite have other settings on a connection that is in no transaction, within a block."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    before = {name: driver.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas}
    for name, value in pragmas.items():
        driver.execute(f"PRAGMA {name}={value}")
    try:
        yield
    finally:
        with suppress(sqlite3.ProgrammingError):  # a connection that was interrupted is closed
            for name, value in before.items():
                driver.execute(f"PRAGMA {name}={value}")


_locks: dict[Path, FileLock] = {}


def _lock_of(path: Path) -> FileLock:
    """Return the one lock of this file in this process; it may be taken again while held."""
    resolved = path.resolve()
    return _locks.setdefault(resolved, FileLock(f"{resolved}.lock", thread_local=False))


def _url(database: str | Path | None) -> URL:
    if database is None:
        return make_url("sqlite://")
    if isinstance(database, str) and "://" in database:
        try:
            url = make_url(database)
        except ArgumentError as error:
            raise DatabaseError(f"{database!r} is not a database URL: {error}") from error
        if url.get_backend_name() != "sqlite":
            raise DatabaseError(
                f"{url.get_backend_name()} is not supported: give a path or a sqlite:/// URL"
            )
        return url
    return URL.create("sqlite", database=str(database))


def _opened(url: URL, path: Path | None) -> Engine:
    if path is None:
        return _up_to_date(create_engine(url, connect_args=_SHARED, poolclass=StaticPool))
    try:
        return _up_to_date(create_engine(url, connect_args=_SHARED, poolclass=QueuePool))
    except OperationalError as error:
        if not _may_only_be_read(path, error):
            raise
    frozen = partial(sqlite3.connect, f"{path.resolve().as_uri()}?immutable=1", uri=True, **_SHARED)
    return _up_to_date(create_engine(url, creator=frozen, poolclass=QueuePool))


def _up_to_date(engine: Engine) -> Engine:
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    try:
        _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _may_only_be_read(path: Path, error: OperationalError) -> bool:
    """Say whether a database could not be opened because nothing may be made beside it.

    What a process did not move into the file yet is in the one that ends with `-wal`; to leave
    that out would be to read an older state.
    """
    log = path.with_name(f"{path.name}-wal")
    is_in_log = log.exists() and log.stat().st_size > 0
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # above: which kind of it
    return code in _FORBIDDEN and path.is_file() and not is_in_log


def _on_connect(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(engine: Engine) -> None:
    """Run the migrations that this database has not seen; a current one costs one query."""
    version = _version(engine)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise DatabaseError(
            f"{file_of(engine)} was made by a newer claimgraph (schema {version}, ours is {HEAD}): "
            "upgrade claimgraph"
        )
    from alembic import command  # imported only when there is something to do
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["engine"] = engine
    with writer(engine):
        command.upgrade(config, "head")


def _version(engine: Engine) -> str | None:
    """Return the schema's version; None if the database is empty."""
    with engine.connect() as connection:
        tables = set(connection.execute(text("SELECT name FROM sqlite_master")).scalars())
        if "alembic_version" in tables:
            return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())
        if tables:
            raise DatabaseError(
                f"{file_of(engine)} is a database, but not one of claimgraph's: "
                "name another file with --db"
            )
        return None
