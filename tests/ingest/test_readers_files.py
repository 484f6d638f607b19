"""Whatever is wrong with a file is said with its name, the place, and what to do."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.readers import READERS, read
from kg.errors import DocumentError

DOCUMENTS = Path(__file__).parents[1] / "data" / "documents"
EXAMPLES = {path.suffix: path for path in sorted(DOCUMENTS.iterdir()) if path.name != "README.md"}


NASTY = [
    b"\\", b"{", b"}", b"$", b"[", b"]", b"<", b">", b"&", b'"', b"\n\n", b"`", b"#", b"%", b"\xff",
    b"\\begin{", b"\\section", b"\\def\\x#1", b"<math>", b"<!--", b"\0", b"\xed\xa0\x80", b"---\n",
]  # fmt: skip


@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    example=st.sampled_from(list(EXAMPLES.values())),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from(NASTY)), max_size=4),
)
def test_a_damaged_file_gives_documents_or_a_refusal(
    example: Path, cuts: list[tuple[float, float, bytes]], tmp_path: Path
):
    data = example.read_bytes()
    for start, end, nasty in cuts:
        low, high = sorted((int(start * len(data)), int(end * len(data))))
        data = data[:low] + nasty + data[min(high, low + 40) :]
    path = tmp_path / example.name
    path.write_bytes(data)

    try:
        documents = read(path)
    except DocumentError as error:
        documents = []
        message = str(error)
    else:
        message = str(path)

    assert str(path) in message
    assert all(section.text.strip() for each in documents for section in each.sections)


def _refusal(path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("path", EXAMPLES.values(), ids=lambda path: path.name)
def test_the_same_bytes_give_the_same_documents(path: Path, tmp_path: Path):
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())

    assert read(copy) == read(path)


@pytest.mark.parametrize("path", EXAMPLES.values(), ids=lambda path: path.name)
def test_a_section_has_text_and_no_character_that_nobody_sees(path: Path):
    for document in read(path):
        assert document.sections
        for section in document.sections:
            assert section.text.strip() == section.text != ""
            assert not set("\r\0\x02\u00ad\u200b\ufeff") & set(section.text)
            assert all(" ".join(p.split()) == p for p in section.text.split("\n\n"))


@pytest.mark.parametrize("path", EXAMPLES.values(), ids=lambda path: path.name)
def test_what_is_beside_the_text_stays_out_of_it(path: Path):
    texts = [section.text for document in read(path) for section in document.sections]

    assert not any("never part of the text" in text for text in texts)


def test_every_text_format_has_an_example():
    others = {
        ".pdf",
        ".docx",
        ".epub",
        ".htm",
        ".xhtml",
        ".markdown",
        ".gz",
        ".tgz",
        ".tar",
        ".zip",
    }

    assert set(EXAMPLES) | others == set(READERS)


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_an_empty_file_is_refused(suffix: str, tmp_path: Path):
    path = tmp_path / f"empty{suffix}"
    path.touch()

    assert _refusal(path) == "the file is empty: get it anew"


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_a_file_of_blanks_is_refused(suffix: str, tmp_path: Path):
    path = tmp_path / f"blank{suffix}"
    path.write_bytes(b" \n\t\r\n")

    assert _refusal(path) == "nothing but blanks in it: get it anew"


def test_a_file_over_the_limit_is_refused_with_both_sizes_before_it_is_read(tmp_path: Path):
    path = tmp_path / "big.txt"
    with path.open("wb") as stream:
        stream.truncate(50_000_000)

    assert _refusal(path) == ("the file has 50.0 MB, and the limit for text is 20 MB: split it")


@pytest.mark.parametrize("suffix", [".md", ".txt", ".tex", ".jsonl", ".html"])
def test_a_binary_file_is_refused_with_the_offset_of_its_first_nul(suffix: str, tmp_path: Path):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(b"# Title\n\n" + bytes([7, 0, 3, 0]))

    assert "NUL byte at offset 10" in _refusal(path)


@pytest.mark.parametrize("suffix", [".md", ".txt", ".tex", ".jsonl", ".html", ".xml"])
def test_a_pdf_under_another_name_is_refused(suffix: str, tmp_path: Path):
    path = tmp_path / f"paper{suffix}"
    path.write_bytes(b"%PDF-1.7\n...")

    assert _refusal(path) == (
        f"named {suffix}, but its first bytes are those of a PDF: rename it to .pdf"
    )


def test_a_word_document_under_another_name_is_refused(tmp_path: Path):
    path = tmp_path / "paper.txt"
    path.write_bytes(b"PK\x03\x04...")

    assert "a ZIP archive: this format cannot be read" in _refusal(path)


@pytest.mark.parametrize(
    ("data", "todo"),
    [
        (b"{\\rtf1 Text", "a Rich Text document: save it as .docx"),
        (b"%!PS-Adobe-3.0", "PostScript: convert it to PDF"),
        (b"a" * 257 + b"ustar\x00", "a tar archive: rename it to .tar"),
    ],
)
def test_what_to_do_with_a_file_of_another_format_is_said(data: bytes, todo: str, tmp_path: Path):
    path = tmp_path / "paper.txt"
    path.write_bytes(data)

    assert todo in _refusal(path)


def test_html_under_another_name_is_refused(tmp_path: Path):
    path = tmp_path / "page.md"
    path.write_text("\n <!DOCTYPE html>\n<html><body><p>Text.</p></body></html>")

    assert "rename it to .html" in _refusal(path)


def test_text_named_pdf_is_refused(tmp_path: Path):
    path = tmp_path / "paper.pdf"
    path.write_text("Not a PDF at all.")

    assert "there is no %PDF-" in _refusal(path)


def test_a_byte_that_is_not_utf_8_is_named_with_its_offset_and_line(tmp_path: Path):
    path = tmp_path / "latin.md"
    path.write_bytes("first line\nna\xefve".encode("latin-1"))

    assert _refusal(path) == (
        "not text in UTF-8: byte 0xef at offset 13 (line 2): save the file as UTF-8"
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_with_a_byte_order_mark_is_read(encoding: str, tmp_path: Path):
    path = tmp_path / "note.txt"
    mark = "\ufeff" if encoding.endswith("e") else ""
    path.write_bytes(f"{mark}A note\n\nNaïve probes read.".encode(encoding))

    (document,) = read(path)

    assert document.title == "A note"
    assert document.sections[0].text == "Naïve probes read."


def test_utf_32_is_refused_by_its_name(tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_bytes("Probes.".encode("utf-32"))

    assert "UTF-32" in _refusal(path)


def test_a_folder_is_refused(tmp_path: Path):
    path = tmp_path / "papers.md"
    path.mkdir()

    assert _refusal(path) == "a folder, not a file: name the files in it"


def test_a_missing_file_is_refused(tmp_path: Path):
    assert _refusal(tmp_path / "absent.md") == "there is no such file: check the name"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this platform")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path):
    path = tmp_path / "pipe.md"
    os.mkfifo(path)

    assert "give the file itself" in _refusal(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_opened_is_refused(tmp_path: Path):
    path = tmp_path / "secret.md"
    path.write_text("Text.")
    path.chmod(0)

    assert "cannot be opened" in _refusal(path)


@pytest.mark.parametrize("name", ["refs.bib", "table.tsv", "figure.png", "paper"])
def test_an_unknown_format_is_refused_with_the_known_ones(name: str, tmp_path: Path):
    path = tmp_path / name
    path.write_text("@article{a}")

    message = _refusal(path)

    assert "is not a format that can be read" in message
    assert all(suffix in message for suffix in READERS)


def test_a_named_link_is_followed(tmp_path: Path):
    link = tmp_path / "link.md"
    link.symlink_to(DOCUMENTS / "probe_note.md")

    (document,) = read(link)

    assert document.name == "link.md"


def test_a_capital_suffix_is_known(tmp_path: Path):
    path = tmp_path / "NOTE.MD"
    path.write_text("# Title\n\nText.")

    assert read(path)[0].format == "markdown"


def test_a_name_that_is_no_text_is_shown_with_question_marks(tmp_path: Path):
    path = tmp_path / os.fsdecode(b"n\xffte.md")
    try:
        path.write_text("Some text.")
    except OSError:
        pytest.skip("this file system takes no such names")

    (document,) = read(path)

    assert document.name == "n?te.md"
