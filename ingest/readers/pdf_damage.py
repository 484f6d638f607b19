"""Which pages of a PDF have lost text, for PDFium reads what it can, and is silent on the rest.

Nearly all streams of a PDF are deflated, and such a stream ends with a checksum (RFC 1950). So a
page is damaged if what it draws is not there, cannot be inflated or fails its checksum. Damage to
other streams (fonts, forms, packed objects) is not traced to pages. Pictures are not looked at.

But: a stream that is not deflated has no checksum, so a changed byte in it is not noticed. What
qpdf mends of an index without losing a stream is no damage.
"""

import base64
import io
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import pikepdf
import pypdfium2

_MOST_AT_ONCE = 1_000_000
_WHITE = b" \t\n\r\f\0"


class Damage(NamedTuple):
    """What is known to be damaged in a PDF."""

    pages: tuple[int, ...] = ()
    """Those that are damaged, from 1, of the pages that were found."""

    n_pages: int = 0
    """How many were found."""

    n_lost: int = 0
    """How many more the file counts."""

    elsewhere: bool = False
    """Something that pages share is damaged, too."""

    def __bool__(self) -> bool:
        """Say whether anything is damaged."""
        return bool(self.pages or self.n_lost or self.elsewhere)

    @property
    def is_most(self) -> bool:
        """Say whether more than half of the pages are damaged or lost."""
        return 2 * (len(self.pages) + self.n_lost) > self.n_pages + self.n_lost

    def __str__(self) -> str:
        """Say what is missing."""
        said = []
        if self.n_lost:
            said.append(f"{self.n_lost} of its {self.n_pages + self.n_lost} pages are lost")
        if self.pages:
            said.append(f"text is missing or garbled on page {_listed(self.pages)}")
        if self.elsewhere:
            said.append(f"text may be missing on {'others' if said else 'any page'}")
        return ", ".join(said)


def damage_of(data: bytes, *, is_mended: bool) -> Damage:
    """Return what is damaged in a PDF; nothing if qpdf cannot open it, which tells nothing.

    Args:
        data: The file.
        is_mended: Its text is read from what qpdf makes of it, which has only the pages that were
            found; else by PDFium, for which a page that qpdf does not find is no lost one.
    """
    try:
        with pikepdf.open(io.BytesIO(data), suppress_warnings=True) as opened:
            damage = _damage_of(opened)
    except (pikepdf.PdfError, pikepdf.PasswordError, RuntimeError, ValueError, KeyError, TypeError):
        return Damage()
    n_lost = _counted(data) - damage.n_pages
    if n_lost <= 0 or not damage:
        return damage
    if is_mended:
        return damage._replace(n_lost=n_lost)
    return damage._replace(pages=(), elsewhere=True)  # where the others stand is not known


def _counted(data: bytes) -> int:
    """Return how many pages a PDF says that it has; qpdf counts only those that it finds."""
    try:
        with closing(pypdfium2.PdfDocument(data)) as opened:
            return len(opened)
    except pypdfium2.PdfiumError:
        return 0


def _damage_of(opened: pikepdf.Pdf) -> Damage:
    damaged = {each.objgen for each in opened.objects if not _is_whole(each)}
    drawn = [{each.objgen for each in _drawn_by(page.obj)} for page in opened.pages]
    may_lack = bool(opened.get_warnings())  # a page of a whole file may be blank
    return Damage(
        pages=tuple(
            number
            for number, streams in enumerate(drawn, start=1)
            if streams & damaged or (may_lack and not streams)
        ),
        n_pages=len(drawn),
        elsewhere=bool(damaged - set().union(*drawn)),
    )


def _drawn_by(page: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """Yield the streams that draw a page, as far as they are there."""
    contents = page.get("/Contents")
    for each in contents if isinstance(contents, pikepdf.Array) else [contents]:
        if isinstance(each, pikepdf.Stream):
            yield each


def _is_whole(thing: pikepdf.Object) -> bool:
    """Say whether something can be inflated and passes its checksum, if it is a deflated stream."""
    if not isinstance(thing, pikepdf.Stream) or thing.get("/Subtype") == "/Image":
        return True
    filters = thing.get("/Filter")
    named = [str(each) for each in (filters if isinstance(filters, pikepdf.Array) else [filters])]
    is_text = named[:2] == ["/ASCII85Decode", "/FlateDecode"]
    if not is_text and named[:1] != ["/FlateDecode"]:
        return True
    inflater = zlib.decompressobj()
    try:
        packed = thing.read_raw_bytes()
        if is_text:
            written = packed.strip(_WHITE).removesuffix(b"~>")
            packed = base64.a85decode(written, ignorechars=_WHITE)
        while packed and not inflater.eof:
            inflater.decompress(packed, _MOST_AT_ONCE)
            packed = inflater.unconsumed_tail
    except (zlib.error, pikepdf.PdfError, ValueError):
        return False
    return inflater.eof


def _listed(pages: tuple[int, ...]) -> str:
    *first, last = map(str, pages)
    return f"{', '.join(first)} and {last}" if first else last
