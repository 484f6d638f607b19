"""An archive is looked through before anything in it is unpacked."""

import io
import struct
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from ingest.readers import read
from ingest.readers.archives import open_archive
from ingest.readers.files import RawFile
from kg.errors import DocumentError

MARK = {".docx": "word/document.xml", ".epub": "META-INF/container.xml"}
BOTH = pytest.mark.parametrize("suffix", sorted(MARK))


def _zip(members: dict[str, bytes], method: int = ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(DocumentError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@BOTH
def test_a_bomb_is_refused_by_the_sizes_it_declares(suffix: str, tmp_path: Path):
    data = _zip({MARK[suffix]: b"<a/>", "x.xml": bytes(30_000_000)})

    message = _refusal(tmp_path / f"bomb{suffix}", data)

    assert message.startswith("the archive unpacks to 30.0 MB, ")
    assert "(the limit is 100)" in message


@BOTH
def test_a_bomb_beside_a_large_picture_is_refused_by_its_name(suffix: str, tmp_path: Path):
    noise = b"".join(struct.pack("<Q", n * n * 0x9E3779B97F4A7C15 % 2**64) for n in range(50_000))
    data = _zip({MARK[suffix]: b"<a/>", "filler.xml": bytes(4_000_000), "picture.png": noise})

    message = _refusal(tmp_path / f"bomb{suffix}", data)

    assert message.startswith("filler.xml unpacks to 4.0 MB, ")


@BOTH
def test_more_members_than_any_document_has_are_refused(suffix: str, tmp_path: Path):
    data = _zip({MARK[suffix]: b"<a/>"} | {f"{n}.xml": b"" for n in range(10_000)}, ZIP_STORED)

    assert _refusal(tmp_path / f"many{suffix}", data) == (
        "the archive has 10001 members, and the limit is 10000: split it"
    )


@BOTH
def test_an_encrypted_member_is_refused_by_its_name(suffix: str, tmp_path: Path):
    data = bytearray(_zip({MARK[suffix]: b"<a/>"}))
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1  # the flag bits of the central directory

    assert _refusal(tmp_path / f"locked{suffix}", bytes(data)) == (
        f"{MARK[suffix]} is encrypted: save it without a password"
    )


@BOTH
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_an_archive_that_breaks_off_is_refused(suffix: str, keep: float, tmp_path: Path):
    data = _zip({MARK[suffix]: b"<a/>" * 100, "other.xml": b"<b/>"})

    message = _refusal(tmp_path / f"cut{suffix}", data[: int(keep * len(data))])

    assert message.startswith("the archive is damaged: ")


@BOTH
def test_a_member_with_flipped_bytes_is_refused_by_its_name(suffix: str, tmp_path: Path):
    data = bytearray(_zip({MARK[suffix]: b"<a>some words</a>"}, ZIP_STORED))
    data[data.index(b"words")] ^= 0xFF

    assert _refusal(tmp_path / f"flipped{suffix}", bytes(data)).startswith(
        f"{MARK[suffix]}: this part is damaged: "
    )


@BOTH
def test_a_member_that_holds_more_than_it_declares_is_not_unpacked_further(
    suffix: str, tmp_path: Path
):
    data = bytearray(_zip({MARK[suffix]: b"<a>" + b"x" * 900_000 + b"</a>"}))
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 100)  # the unpacked size it declares

    assert "this part is damaged" in _refusal(tmp_path / f"liar{suffix}", bytes(data))


@BOTH
def test_a_part_over_the_limit_is_refused_by_its_name(suffix: str, tmp_path: Path):
    words = b" ".join(b"%d" % (n * n) for n in range(800_000))
    data = _zip({MARK[suffix]: b"<a>" + words + b"</a>"})

    assert "the limit for a part is 5 MB" in _refusal(tmp_path / f"long{suffix}", data)


@BOTH
def test_a_file_that_is_no_archive_is_refused(suffix: str, tmp_path: Path):
    path = tmp_path / f"note{suffix}"

    assert _refusal(path, b"Just some text.") == (
        f"named {suffix}, but it is no ZIP archive, as every {suffix} file is: get it anew"
    )


@pytest.mark.parametrize(
    ("name", "member", "belongs"),
    [
        ("paper.pdf", "word/document.xml", "a Word document: rename it to .docx"),
        ("paper.md", "META-INF/container.xml", "an EPUB: rename it to .epub"),
        ("paper.epub", "word/document.xml", "a Word document: rename it to .docx"),
        ("paper.docx", "META-INF/container.xml", "an EPUB: rename it to .epub"),
        ("paper.docx", "xl/workbook.xml", "an Excel workbook: this format cannot be read"),
        ("paper.html", "notes.txt", "a ZIP archive: this format cannot be read"),
    ],
)
def test_an_archive_under_another_name_is_refused_with_its_own(
    name: str, member: str, belongs: str, tmp_path: Path
):
    message = _refusal(tmp_path / name, _zip({member: b"<a/>"}))

    suffix = Path(name).suffix
    assert message == f"named {suffix}, but its first bytes are those of {belongs}"


def test_a_word_document_with_a_password_is_refused_with_what_to_do(tmp_path: Path):
    message = _refusal(tmp_path / "locked.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))

    assert message.endswith(
        "an old or encrypted Office document: save it as .docx, without a password"
    )


@pytest.mark.parametrize(
    ("base", "reference", "name"),
    [
        ("OEBPS/book.opf", "text/one.xhtml#top", "OEBPS/text/one.xhtml"),
        ("OEBPS/text/one.xhtml", "../two%20b.xhtml", "OEBPS/two b.xhtml"),
        ("", "a/./b.xhtml", "a/b.xhtml"),
    ],
)
def test_a_reference_counts_from_the_part_it_stands_in(base: str, reference: str, name: str):
    archive = open_archive(RawFile(Path("book.epub"), _zip({"a": b""})))

    assert archive.resolve(base, reference) == name


@pytest.mark.parametrize(
    "reference", ["../../etc/passwd", "/etc/passwd", "%2e%2e/%2e%2e/x", "../.."]
)
def test_a_reference_out_of_the_archive_is_refused(reference: str):
    archive = open_archive(RawFile(Path("book.epub"), _zip({"a": b""})))

    with pytest.raises(DocumentError, match=r"^book\.epub: OEBPS/book\.opf: .*leads out of"):
        archive.resolve("OEBPS/book.opf", reference)
