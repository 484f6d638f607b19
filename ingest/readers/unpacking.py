"""The members of an archive of sources: gzip, tar or ZIP, read into memory and never onto the disk.

A preprint server hands out ``paper.tar.gz``, or ``paper.gz`` with a single file in it, and browsers
unpack the gzip layer without renaming the file, so what a file is, its bytes say. Sizes are held to
the limits of `ingest.readers.archives`; names that are absolute or lead up are refused, and links
and devices are passed over, as nothing that they name is in the archive.
"""

import gzip
import io
import posixpath
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

from ingest.readers.archives import HIGHEST_RATIO, MOST_BYTES, MOST_MEMBERS, SMALL, open_archive
from ingest.readers.files import MEGABYTE, RawFile, kind_of

_GZIP = b"\x1f\x8b"
_ZIP = b"PK"
_DAMAGES = (OSError, EOFError, zlib.error, tarfile.TarError, ValueError)


def members_of(file: RawFile, is_wanted: Callable[[str], bool], largest: int) -> dict[str, RawFile]:
    """Return the wanted members of an archive by their names; a single file has the name "".

    Args:
        file: The archive.
        is_wanted: Says by its name whether a member is read.
        largest: Bytes; a member with more is passed over: no text has that.

    Raises:
        DocumentError: It is no archive, damaged, a bomb, or a name in it leads out of it.
    """
    if file.data.startswith(_ZIP):
        return _zipped(file, is_wanted, largest)
    data = _unpacked(file) if file.data.startswith(_GZIP) else file.data
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            return _archived(file, archive, is_wanted, largest)
    except tarfile.ReadError as error:
        if data is file.data:
            raise file.error("no archive: neither gzip nor tar nor ZIP: get it anew") from error
    except _DAMAGES as error:
        raise file.error(f"the archive is damaged: {error}: get it anew") from error
    kind = kind_of(data)
    if kind is not None:
        raise file.error(f"it holds no LaTeX source but {kind[0]}: unpack it, and give that")
    return {"": RawFile(file.path, data)}


def _zipped(file: RawFile, is_wanted: Callable[[str], bool], largest: int) -> dict[str, RawFile]:
    archive = open_archive(file)
    for name in archive.names:
        _check_name(file, name)
    return {
        name: archive.member(name, largest)
        for name in archive.names
        if is_wanted(name) and archive.zipped.getinfo(name).file_size <= largest
    }


def _unpacked(file: RawFile) -> bytes:
    """Undo gzip, up to what an archive of this size may hold."""
    limit = min(MOST_BYTES, max(SMALL, HIGHEST_RATIO * len(file.data)))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(file.data)) as stream:
            data = stream.read(limit + 1)
    except _DAMAGES as error:
        raise file.error(f"the archive is damaged: {error}: get it anew") from error
    if len(data) > limit:
        raise file.error(
            f"the archive unpacks to more than {limit / MEGABYTE:.1f} MB (at most "
            f"{MOST_BYTES // MEGABYTE} MB, and {HIGHEST_RATIO} times its size): this is "
            "filler: pack the sources alone"
        )
    return data


def _archived(
    file: RawFile, archive: tarfile.TarFile, is_wanted: Callable[[str], bool], largest: int
) -> dict[str, RawFile]:
    found: dict[str, RawFile] = {}
    for n, member in enumerate(archive):
        if n >= MOST_MEMBERS:
            raise file.error(f"the archive has more than {MOST_MEMBERS} members: pack less")
        _check_name(file, member.name)
        name = posixpath.normpath(member.name)
        if not member.isreg() or not is_wanted(name) or member.size > largest:
            continue
        stream = archive.extractfile(member)
        assert stream is not None, name
        found[name] = RawFile(Path(f"{file.path}: {name}"), stream.read())
    return found


def _check_name(file: RawFile, name: str) -> None:
    """Refuse a member that would leave the folder that the archive is unpacked in."""
    normal = posixpath.normpath(name.replace("\\", "/"))
    if normal.startswith("/") or normal.split("/", 1)[0] == ".." or normal[1:2] == ":":
        raise file.error(f'the name of a member, "{name}", leads out of the archive: pack it anew')
