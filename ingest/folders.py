"""Which files there are to read: those that are named, and those of folders, by name."""

import hashlib
import os
from collections.abc import Iterator, Sequence
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
    """A file that is not read, and why."""

    name: str
    reason: str


def files_of(
    paths: Sequence[Path], database: Path | None = None
) -> tuple[list[Found], list[Skipped]]:
    """Return the files to read, in order, and those that are left out.

    Of a folder's files, hidden ones and the database's own are left out without a word, and links
    and those of unknown format are reported. What is found twice is read once.

    Args:
        paths: Files and folders.
        database: The file of the database that is to hold them; None if it is in memory.

    Raises:
        ConfigError: There is no such file or folder.
    """
    found: dict[Path, Found] = {}
    skipped: list[Skipped] = []
    for path in paths:
        if path.parts[:1] in {("http:",), ("https:",)}:
            raise ConfigError(f"{path} is a URL: save the page or the PDF, and give the file")
        if not path.exists():
            what = "a link that leads nowhere" if path.is_symlink() else "no file or folder"
            raise ConfigError(f"{label(path)}: there is {what}")
        if not path.is_dir():
            found.setdefault(path, Found(path, path.parent))
            continue
        for file in _files_in(path, database):
            if file.is_symlink():
                skipped.append(Skipped(str(file), "it is a link: name what it points to"))
            elif file.suffix.lower() in READERS:
                found.setdefault(file, Found(file, path))
            else:
                skipped.append(Skipped(str(file), _why_skipped(file)))
    return list(found.values()), skipped


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


def _files_in(folder: Path, database: Path | None) -> Iterator[Path]:
    """Yield a folder's files in every depth, by name; linked folders are not entered."""
    for place, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        files = (Path(place, name) for name in sorted(names) if not name.startswith("."))
        yield from (file for file in files if not _belongs_to(file, database))
