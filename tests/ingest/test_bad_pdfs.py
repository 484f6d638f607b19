"""PDFs made to exhaust whoever reads them: an error that names the file, within the limits."""

import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.isolated import Limits, ReadingProcess
from kg.errors import DocumentError

DOCUMENTS = Path(__file__).parents[1] / "data" / "documents"
LIMITS = Limits(seconds=20, memory_mb=256)
CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
ONE_PAGE = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs the resource module")


@pytest.fixture(scope="module")
def process() -> Iterator[ReadingProcess]:
    with ReadingProcess(LIMITS) as opened:
        yield opened


def _pdf(*objects: bytes) -> bytes:
    written, offsets = io.BytesIO(), []
    written.write(b"%PDF-1.7\n")
    for number, body in enumerate(objects, start=1):
        offsets.append(written.tell())
        written.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    index = written.tell()
    written.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    written.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    written.write(b"trailer\n<</Size %d/Root 1 0 R>>\n" % (len(objects) + 1))
    written.write(b"startxref\n%d\n%%%%EOF\n" % index)
    return written.getvalue()


def _stream(data: bytes, fields: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (fields, len(data), data)


def _blanks(megabytes: int) -> bytes:
    """Return deflated blanks, about a thousandth of their size."""
    deflater = zlib.compressobj(1)
    block = b" " * 1_000_000
    packed = b"".join(deflater.compress(block) for _ in range(megabytes))
    return packed + deflater.flush()


def _flate_bomb() -> bytes:
    return _pdf(CATALOG, ONE_PAGE, PAGE, _stream(_blanks(400), b"/Filter/FlateDecode"))


def _double_flate_bomb() -> bytes:
    twice = zlib.compress(_blanks(400))
    return _pdf(CATALOG, ONE_PAGE, PAGE, _stream(twice, b"/Filter[/FlateDecode/FlateDecode]"))


def _object_streams(heads: bytes, n_objects: int) -> bytes:
    """Return a PDF whose pages are in a compressed stream of objects."""
    packed = zlib.compress(heads + ONE_PAGE)
    stream = _stream(
        packed, b"/Type/ObjStm/N %d/First %d/Filter/FlateDecode" % (n_objects, len(heads))
    )
    start = b"%PDF-1.7\n1 0 obj\n" + CATALOG + b"\nendobj\n"
    body = start + b"4 0 obj\n" + stream + b"\nendobj\n"
    entries = ((0, 0, 255), (1, 9, 0), (2, 4, 0), (2, 4, 1), (1, len(start), 0), (1, len(body), 0))
    rows = b"".join(
        bytes([k]) + at.to_bytes(4, "big") + g.to_bytes(2, "big") for k, at, g in entries
    )
    index = _stream(rows, b"/Type/XRef/Size 6/W[1 4 2]/Root 1 0 R")
    return body + b"5 0 obj\n" + index + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(body)


def _object_stream_bomb() -> bytes:
    return _object_streams(b"2 0 3 0" + b" " * 40_000_000, 2)


def _many_objects() -> bytes:
    return _object_streams(b"".join(b"%d 0 " % n for n in range(2, 500_000)), 500_000)


def _many_pages() -> bytes:
    kids = b" ".join(b"%d 0 R" % n for n in range(3, 100_003))
    pages = [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"] * 100_000
    return _pdf(CATALOG, b"<</Type/Pages/Kids[%s]/Count 100000>>" % kids, *pages)


def _deep_tree() -> bytes:
    nodes = [b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % n for n in range(3, 50_003)]
    return _pdf(CATALOG, *nodes, b"<</Type/Page/MediaBox[0 0 9 9]>>")


def _tree_that_holds_itself() -> bytes:
    return _pdf(CATALOG, b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 900>>")


def _forms_within_forms() -> bytes:
    """Return a page that draws ten forms of ten forms, twelve deep: a million million words."""
    draw = _stream(b"/F Do " * 10, b"")
    page = PAGE[:-2] + b"/Resources<</XObject<</F 5 0 R>>>>>>"
    head = b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</F %d 0 R>>>>"
    forms = [_stream(b"/F Do " * 10, head % (n + 1)) for n in range(5, 17)]
    font = b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</Font<</A 18 0 R>>>>"
    word = _stream(b"BT /A 9 Tf (word) Tj ET", font)
    return _pdf(
        CATALOG, ONE_PAGE, page, draw, *forms, word, b"<</Type/Font/Subtype/Type1/BaseFont/Times>>"
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_flate_bomb, "256 MB of memory"),
        (_double_flate_bomb, "256 MB of memory"),
        (_object_stream_bomb, "cannot be read|256 MB of memory"),
        (_many_objects, "cannot be read|256 MB of memory"),
        (_many_pages, "the PDF has 100000 pages, and the limit is 1000: split it"),
        (_deep_tree, "cannot be read"),
        (_tree_that_holds_itself, "cannot be read"),
        (_forms_within_forms, "20 s|256 MB of memory"),
    ],
)
def test_a_hostile_pdf_is_an_error_of_its_own(make, said: str, process, tmp_path: Path):
    path = tmp_path / "hostile.pdf"
    path.write_bytes(make())

    with pytest.raises(DocumentError, match=said) as caught:
        process.read(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert process.read(DOCUMENTS / "probe_note.md")  # and the next file is read
