"""Which files there are to read: those that are named, and those of folders, by name."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ingest.readers import READERS
from ingest.readers.files import PDF_LIMIT, label
from ingest.sidecars import SUFFIXES
from kg.errors import ConfigError
from kg.ids import content_id


class Found(NamedTuple):
    """A file, and the folder that it was found from."""

    path: Path
    top: Path

    @property
    def place(self) -> str:
        """Return what stands for the file's place on this machine; the path cannot be read off."""
        return content_id("fil", label(self.path.resolve()))


class Skipped(NamedTuple):
    """A file or folder that is not read, and why."""

    name: str
    reason: str


class Files(NamedTuple):
    """What became of the files and folders that were named."""

    found: list[Found]
    """Those to read, in order."""

    skipped: list[Skipped]
    """What is left out of the folders."""

    missing: list[Skipped]
    """What was named and is not there, or cannot be looked at."""


def files_of(paths: Sequence[Path], database: Path | None = None) -> Files:
    """Return the files to read.

    Of a folder's files, hidden ones and the database's own are left out without a word; links,
    folders that cannot be looked into and files of unknown format are reported. What is found
    twice is read once.

    Args:
        paths: Files and folders.
        database: The file of the database that is to hold them; None if it is in memory.

    Raises:
        ConfigError: None of the files and folders is there.
    """
    found: dict[Path, Found] = {}
    skipped: list[Skipped] = []
    missing: list[Skipped] = []
    for path in paths:
        if reason := _why_missing(path):
            missing.append(Skipped(label(path), f"{label(path)}: {reason}"))
        elif path.is_dir():
            _search(path, database, found, skipped)
        else:
            found.setdefault(path, Found(path, path.parent))
    if missing and len(missing) == len(paths):
        raise ConfigError("; ".join(each.reason for each in missing))
    return Files(list(found.values()), skipped, missing)


def sha256_of(path: Path) -> str | None:
    """Return the digest of a file's bytes; none if no reader would take it, which one will say."""
    try:
        if not path.is_file() or path.stat().st_size > PDF_LIMIT:
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _belongs_to(file: Path, database: Path | None) -> bool:
    """Say whether a file is a database's, or one that is kept beside it for it.

    For `library.db` these are itself, `library.db-wal` and the like, `library.db.lock`,
    `library.replies.jsonl`, and all that is in `library.artifacts`.
    """
    if database is None:
        return False
    place, home = file.parent.resolve() / file.name, database.resolve().parent
    if not place.is_relative_to(home):
        return False
    first, *inside = place.relative_to(home).parts
    if inside:
        return first == f"{database.stem}.artifacts"
    is_beside = first.startswith((f"{database.name}-", f"{database.name}.lock"))
    return is_beside or first in {database.name, f"{database.stem}.replies.jsonl"}


def _why_skipped(file: Path) -> str:
    reason = f"{file.suffix or 'a name without a suffix'} is not a known format"
    if file.suffix.lower() in SUFFIXES:
        reason += ", and it describes no document here"
    return reason


def _why_missing(path: Path) -> str:
    """Say why there is nothing to read at a path; empty if there is something."""
    if path.parts[:1] in {("http:",), ("https:",)}:
        return "it is a URL: save the page or the PDF, and give the file"
    try:
        if path.exists():
            if path.is_dir():
                next(path.iterdir(), None)
            return ""
        is_link = path.is_symlink()
    except OSError as error:
        return f"it cannot be looked at ({error.strerror})"
    return "there is a link that leads nowhere" if is_link else "there is no file or folder"


def _search(
    folder: Path, database: Path | None, found: dict[Path, Found], skipped: list[Skipped]
) -> None:
    """Add a folder's files to those that are found, or to those that are skipped."""
    unreadable: list[OSError] = []
    files = list(_files_in(folder, database, unreadable.append))
    for file in files:
        if file.is_symlink():
            skipped.append(Skipped(str(file), "it is a link: name what it points to"))
        elif file.suffix.lower() in READERS:
            found.setdefault(file, Found(file, folder))
        else:
            skipped.append(Skipped(str(file), _why_skipped(file)))
    for error in unreadable:
        reason = f"it cannot be looked into ({error.strerror})"
        skipped.append(Skipped(label(Path(error.filename)), reason))
    if not files and not unreadable:
        skipped.append(Skipped(label(folder), "there is no file to read in it"))


def _files_in(
    folder: Path, database: Path | None, on_error: Callable[[OSError], None]
) -> Iterator[Path]:
    """Yield a folder's files in every depth, by name, and linked folders, which are not entered.

    Args:
        folder: Where to begin.
        database: Its files are left out.
        on_error: Called with what went wrong in a folder below that cannot be looked into.
    """
    for place, subfolders, names in os.walk(folder, onerror=on_error):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        linked = [name for name in subfolders if Path(place, name).is_symlink()]
        seen = sorted(name for name in (*names, *linked) if not name.startswith("."))
        files = (Path(place, name) for name in seen)
        yield from (file for file in files if not _belongs_to(file, database))
