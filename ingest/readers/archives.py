"""Files that are ZIP archives inside: looked through before anything in them is unpacked.

An archive of a few kilobytes can unpack to petabytes (Fifield 2019, A better zip bomb, USENIX
WOOT), so the sizes its index declares are checked first: how many members, how many bytes in all,
and how many times more than the file has. `zipfile` then unpacks no member beyond its declared
size. Everything is read into memory by its name in the archive; nothing is written to disk, so a
name that leads out of the archive leads nowhere.
"""

import io
import posixpath
import zlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile, ZipInfo

from ingest.readers.files import MARKUP_LIMIT, MEGABYTE, RawFile
from kg.errors import DocumentError

MOST_MEMBERS = 10_000
MOST_BYTES = 500 * MEGABYTE
HIGHEST_RATIO = 100
"""Of unpacked to packed bytes. Markup stays below 30; only repeated filler is above."""

SMALL = MEGABYTE
"""Bytes; what unpacks to less is no bomb, whatever its ratio."""

_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Archive:
    """An archive whose declared sizes are sane."""

    file: RawFile
    zipped: ZipFile

    @property
    def names(self) -> list[str]:
        """Return the names of the members, in the archive's order."""
        return self.zipped.namelist()

    def __contains__(self, name: str) -> bool:
        return name in self.zipped.NameToInfo

    def member(self, name: str, largest: int = MARKUP_LIMIT) -> RawFile:
        """Unpack one member of at most so many bytes; errors name the archive and the member.

        Raises:
            DocumentError: There is no such member, or it is damaged, encrypted or too long.
        """
        place = RawFile(Path(f"{self.file.path}: {name}"), b"")
        if name not in self:
            raise place.error(
                "this part is named in the archive, but missing from it: save it anew"
            )
        size = self.zipped.getinfo(name).file_size
        if size > largest:
            limit = largest // MEGABYTE
            raise place.error(
                f"this part has {size / MEGABYTE:.1f} MB, and the limit for a part is {limit} MB: "
                "split it"
            )
        try:
            return RawFile(place.path, self.zipped.read(name))
        except (BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise place.error(f"this part is damaged: {error}: get it anew") from error
        except (RuntimeError, NotImplementedError) as error:
            raise place.error(f"this part cannot be unpacked: {error}: save it anew") from error

    def resolve(self, base: str, reference: str) -> str:
        """Return the name of the member that a part refers to, relative to where it stands.

        Raises:
            DocumentError: The reference leads out of the archive.
        """
        path = unquote(reference.split("#", 1)[0])
        name = posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
        if name.startswith(("/", "../")) or name == "..":
            place = f"{base}: " if base else ""
            raise self.file.error(f'{place}"{reference}" leads out of the archive: save it anew')
        return name


def open_archive(file: RawFile) -> Archive:
    """Open an archive, if its index says that it is safe to unpack.

    Raises:
        DocumentError: The archive is damaged or encrypted, or would unpack to too much.
    """
    try:
        zipped = ZipFile(io.BytesIO(file.data))
    except (BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
        raise file.error(f"the archive is damaged: {error}: get it anew") from error
    members = zipped.infolist()
    if len(members) > MOST_MEMBERS:
        raise file.error(
            f"the archive has {len(members)} members, and the limit is {MOST_MEMBERS}: split it"
        )
    for member in members:
        if member.flag_bits & _ENCRYPTED:
            raise file.error(f"{member.filename} is encrypted: save it without a password")
    _check_sizes(file, members)
    return Archive(file, zipped)


def _check_sizes(file: RawFile, members: list[ZipInfo]) -> None:
    """Refuse a bomb, by the whole archive's sizes and by each member's."""
    total = sum(member.file_size for member in members)
    if total > MOST_BYTES:
        raise file.error(
            f"the archive unpacks to {total / MEGABYTE:.0f} MB, and the limit is "
            f"{MOST_BYTES // MEGABYTE} MB: split it"
        )
    if total > max(SMALL, HIGHEST_RATIO * len(file.data)):
        raise _bomb(file, "the archive", total, len(file.data))
    for member in members:
        if member.file_size > max(SMALL, HIGHEST_RATIO * member.compress_size):
            raise _bomb(file, member.filename, member.file_size, member.compress_size)


def _bomb(file: RawFile, what: str, size: int, packed: int) -> DocumentError:
    return file.error(
        f"{what} unpacks to {size / MEGABYTE:.1f} MB, {size // max(packed, 1)} times its packed "
        f"size (the limit is {HIGHEST_RATIO}): this is filler, not text: save it anew"
    )
