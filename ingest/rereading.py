"""Which files that are in have to be read again, for what lies beside them has changed.

A file is known by its bytes and is not read twice. But what it is called, a bibliography beside it
may say, and that is written, corrected and taken away later. So each run notes the digests of the
bibliographic files that it saw, and a file that is in is read again, for its metadata alone, if

- one of its own stem is new or has changed, or any other that names the file or that said
  something about it;
- or one that said something about it is gone.
"""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from ingest.folders import Found, sha256_of
from ingest.readers.files import TEXT_LIMIT, label
from ingest.sidecars import SUFFIXES, is_named_in, is_own_of, without_backslashes
from kg.ids import content_id


class Bibliographies:
    """The bibliographic files beside documents, and how they were when they were last seen."""

    def __init__(self, seen: Mapping[str, str]) -> None:
        """Take the digests of earlier runs, by what `place_of` gives."""
        self._seen = seen
        self._digests: dict[Path, str] = {}
        self._texts: dict[Path, bytes] = {}

    @property
    def digests(self) -> dict[str, str]:
        """Return the digests of those that were looked at in this run."""
        return {_place_of(path): digest for path, digest in self._digests.items()}

    def forget(self, sidecars: Sequence[Path]) -> None:
        """Let these count as not seen: what they say could not be read."""
        for path in sidecars:
            self._digests.pop(path, None)

    def have_changed(self, found: Found, sidecars: Sequence[Path], origins: Set[str]) -> bool:
        """Say whether what lies beside a file may now say something else about it.

        Args:
            found: The file.
            sidecars: The bibliographic files that may speak of it.
            origins: Where the fields of its source come from.
        """
        told = {origin for origin in origins if Path(origin).suffix.lower() in SUFFIXES}
        if told - {label(Path(path.name)) for path in sidecars}:
            return True
        changed = [path for path in sidecars if self._is_new(path)]
        return any(
            label(Path(path.name)) in told or self._speaks_of(path, found.path) for path in changed
        )

    def _is_new(self, path: Path) -> bool:
        if path not in self._digests:
            self._digests[path] = sha256_of(path) or ""
        return self._digests[path] != self._seen.get(_place_of(path))

    def _speaks_of(self, sidecar: Path, path: Path) -> bool:
        """Say whether a file may mean this document: by its own name, or in its text."""
        if is_own_of(path, sidecar):
            return True
        if sidecar not in self._texts:
            self._texts[sidecar] = _text_of(sidecar)
        return is_named_in(self._texts[sidecar], path)


def _place_of(path: Path) -> str:
    return content_id("fil", label(path.resolve()))


def _text_of(sidecar: Path) -> bytes:
    try:
        if sidecar.stat().st_size > TEXT_LIMIT:
            return b""
        return without_backslashes(sidecar.read_bytes())
    except OSError:
        return b""
