"""A file's bytes, checked before any parser sees them.

What a file is called is a claim about it, so its size, its kind and its first bytes are looked
at first. Everything that is wrong with a file becomes a `DocumentError` that names the file, the
place in it, and what to do; nothing is guessed and read all the same.
"""

import codecs
import hashlib
import io
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from ingest.documents import Document, stem_of
from kg.errors import DocumentError

MEGABYTE = 1_000_000
TEXT_LIMIT = 20 * MEGABYTE
MARKUP_LIMIT = 5 * MEGABYTE
"""A tag with 300,000 attributes fits into this many bytes; libxml2 takes seconds for it."""

PDF_LIMIT = 100 * MEGABYTE
ARCHIVE_LIMIT = 100 * MEGABYTE
"""Of a DOCX or EPUB, most of which may be pictures."""

_OLD_OFFICE = "an old or encrypted Office document"
_GZIPPED = ("a gzip archive", ".gz")
_TARRED = ("a tar archive", ".tar")
_MAGIC = (
    (b"%PDF-", "a PDF", ".pdf"),
    (b"\x89PNG", "a PNG image", None),
    (b"\xff\xd8\xff", "a JPEG image", None),
    (b"GIF8", "a GIF image", None),
    (b"\x1f\x8b", *_GZIPPED),
    (b"\xd0\xcf\x11\xe0", _OLD_OFFICE, None),
    (b"{\\rtf", "a Rich Text document", None),
    (b"%!PS", "PostScript", None),
    (b"\x7fELF", "a program", None),
    (b"SQLite format 3", "an SQLite database", None),
)
_UNREADABLE = "this format cannot be read"
_INSTEAD = {
    "a Rich Text document": "save it as .docx",
    "PostScript": "convert it to PDF (ps2pdf does)",
    _OLD_OFFICE: "save it as .docx, without a password",
}
"""What to do with a file of a format that cannot be read."""

_MIME = re.compile(rb"\s*(?:[A-Za-z-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?MIME-Version:", re.IGNORECASE)
_ZIP = b"PK\x03\x04"
_WORD = ("a Word document", ".docx")
_EPUB = ("an EPUB", ".epub")
_ZIPPED = {"docx": _WORD, "epub": _EPUB}
_UNKNOWN_ARCHIVE = ("a ZIP archive", None)
_TAKEN = {
    "docx": (_WORD, _UNKNOWN_ARCHIVE),
    "epub": (_EPUB, _UNKNOWN_ARCHIVE),
    "archive": (_GZIPPED, _TARRED, _UNKNOWN_ARCHIVE),
}
"""What the first bytes of a format may look like."""

_INSIDE = (
    ("META-INF/container.xml", _EPUB),
    ("word/", _WORD),
    ("xl/", ("an Excel workbook", None)),
    ("ppt/", ("a PowerPoint presentation", None)),
)
_HTML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html[\s>])", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class RawFile:
    """A file that has been read whole, and is not yet understood."""

    path: Path
    data: bytes

    @property
    def name(self) -> str:
        """Return the file's name, fit to be shown and stored."""
        return label(Path(self.path.name))

    @property
    def stem(self) -> str:
        """Return the file's name without its suffix: the title of last resort."""
        return label(Path(stem_of(self.path)))

    @cached_property
    def sha256(self) -> str:
        """Return the digest of the raw bytes, which is the document's identity."""
        return hashlib.sha256(self.data).hexdigest()

    def error(self, reason: str) -> DocumentError:
        """Return the error to raise: the file's name, then what is wrong with it."""
        return DocumentError(f"{label(self.path)}: {reason}")


class Reader(NamedTuple):
    """One format that can be read."""

    format: str
    max_bytes: int
    read: Callable[[RawFile], list[Document]]


def label(path: Path) -> str:
    """Return a path as text; bytes in it that are no text show as question marks."""
    return str(path).encode("utf-8", errors="replace").decode("utf-8")


def load(path: Path, reader: Reader) -> RawFile:
    """Read a file's bytes, if it is a file of a size that this reader takes.

    Raises:
        DocumentError: The file is missing, a folder, a device, locked, empty or too big, or its
            first bytes are those of another format.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise DocumentError(f"{label(path)}: a folder, not a file: name the files in it")
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError(
                f"{label(path)}: a device or a pipe, not a file: give the file itself"
            )
        if status.st_size > reader.max_bytes:
            raise DocumentError(_too_big(path, status.st_size, reader))
        with path.open("rb") as stream:
            data = stream.read(reader.max_bytes + 1)
    except FileNotFoundError as error:
        raise DocumentError(f"{label(path)}: there is no such file: check the name") from error
    except OSError as error:
        raise DocumentError(
            f"{label(path)}: cannot be opened: {error.strerror}: see who may read it"
        ) from error
    if len(data) > reader.max_bytes:  # it has grown since
        raise DocumentError(_too_big(path, len(data), reader))
    file = RawFile(path, data)
    if not data.strip(b"\0 \t\r\n"):
        raise file.error(
            "the file is empty: get it anew"
            if not data
            else "nothing but blanks in it: get it anew"
        )
    _check_magic(file, reader)
    return file


def decode(file: RawFile) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        DocumentError: The bytes are not text in these encodings; the message names the offset.
    """
    if file.data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise file.error("the text is in UTF-32: save it as UTF-8")
    bom, encoding = next((pair for pair in _BOMS if file.data.startswith(pair[0])), (b"", "utf-8"))
    if encoding == "utf-8":
        check_no_nul(file)
        return decode_as(file, "utf-8")[len(bom) > 0 :]
    text = decode_as(file, encoding)
    if "\0" in text:
        raise file.error(
            f"a binary file, not text: NUL at character {text.index(chr(0))}: get it anew"
        )
    return text


def decode_as(file: RawFile, encoding: str) -> str:
    """Return the text of a file in this encoding, or say which byte is not in it.

    Raises:
        DocumentError: A byte is not text in this encoding.
    """
    try:
        return file.data.decode(encoding)
    except UnicodeDecodeError as error:
        line = file.data.count(b"\n", 0, error.start) + 1
        raise file.error(
            f"not text in {encoding.upper()}: byte 0x{file.data[error.start]:02x} at offset "
            f"{error.start} (line {line}): save the file as UTF-8"
        ) from error


def check_no_nul(file: RawFile) -> None:
    """Refuse a binary file by its first NUL byte.

    Raises:
        DocumentError: There is a NUL byte; the message names its offset.
    """
    offset = file.data.find(b"\0")
    if offset >= 0:
        raise file.error(
            f"a binary file, not text: NUL byte at offset {offset} "
            "(if it is UTF-16, save it as UTF-8)"
        )


def _too_big(path: Path, size: int, reader: Reader) -> str:
    limit = f"the limit for {reader.format} is {reader.max_bytes // MEGABYTE} MB"
    return f"{label(path)}: the file has {size / MEGABYTE:.1f} MB, and {limit}: split it"


def kind_of(data: bytes) -> tuple[str, str | None] | None:
    """Say what a file is by its first bytes, and which suffix it should have, if they tell."""
    if data.startswith(_ZIP):
        return _archive_kind(data)
    if data[257:262] == b"ustar":
        return _TARRED
    return next(((what, suffix) for magic, what, suffix in _MAGIC if data.startswith(magic)), None)


def _check_magic(file: RawFile, reader: Reader) -> None:
    """Refuse a file whose first bytes say that it is something else than its name does."""
    suffix = file.path.suffix
    if reader.format == "pdf" and b"%PDF-" in file.data[:1024]:
        return
    kind = kind_of(file.data)
    if kind in _TAKEN.get(reader.format, ()):
        return  # what is wrong inside, the reader says better
    if kind:
        what, belongs = kind
        todo = f"rename it to {belongs}" if belongs else _INSTEAD.get(what, _UNREADABLE)
        raise file.error(f"named {suffix}, but its first bytes are those of {what}: {todo}")
    if reader.format != "html" and _HTML_START.match(file.data[:1024]):
        raise file.error(f"named {suffix}, but it begins like HTML: rename it to .html")
    if reader.format == "html" and _MIME.match(file.data[:4096]):
        raise file.error("a web archive (MHTML): save the page as HTML")
    if reader.format == "pdf":
        raise file.error(
            f"named {suffix}, but there is no %PDF- in its first 1024 bytes: get it anew"
        )
    if reader.format in _ZIPPED:
        raise file.error(
            f"named {suffix}, but it is no ZIP archive, as every {suffix} file is: get it anew"
        )


def _archive_kind(data: bytes) -> tuple[str, str | None]:
    """Say what a ZIP archive is by the names in it; nothing is unpacked."""
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (BadZipFile, NotImplementedError, ValueError, OSError, EOFError):
        return _UNKNOWN_ARCHIVE
    found = (kind for start, kind in _INSIDE if any(name.startswith(start) for name in names))
    return next(found, _UNKNOWN_ARCHIVE)
