"""Plain text: paragraphs, and headings only where they are plain to see."""

from pathlib import Path

import pytest

from ingest.documents import Document
from ingest.readers import read
from kg.errors import DocumentError

NOTES = Path(__file__).parents[1] / "data" / "documents" / "lab_notes.txt"


def _read(tmp_path: Path, text: str) -> Document:
    path = tmp_path / "note.txt"
    path.write_bytes(text.encode())
    return read(path)[0]


def test_title_headings_and_captions_are_told_from_the_text():
    (document,) = read(NOTES)

    assert document.title == "Lab notes on attention sinks"
    assert [(s.heading, s.level, s.kind) for s in document.sections] == [
        ("ABSTRACT", 1, "abstract"),
        ("1. What we saw", 1, "body"),
        ("1.1 Controls", 2, "body"),
        ("Open questions", 2, "body"),
        ("Captions", 1, "captions"),
    ]


def test_hard_wrapped_lines_and_their_hyphens_are_joined():
    (document,) = read(NOTES)

    assert document.sections[1].text.endswith(
        "note that interpretability tools that ignore it report noise."
    )


def test_line_ends_of_every_kind_are_the_same(tmp_path: Path):
    texts = {
        _read(tmp_path, f"One{end}two.{end}{end}Three.").sections[0].text
        for end in ("\n", "\r\n", "\r")
    }

    assert texts == {"One two.\n\nThree."}


def test_a_first_line_that_is_a_sentence_is_no_title(tmp_path: Path):
    document = _read(tmp_path, "This is a sentence.\n\nThis is another.")

    assert document.title == "note"
    assert document.sections[0].text == "This is a sentence.\n\nThis is another."


def test_a_numbered_sentence_is_no_heading(tmp_path: Path):
    document = _read(tmp_path, "Some text.\n\n3 Heads were ablated. They copy.\n\nMore text.")

    assert [section.heading for section in document.sections] == [""]


def test_a_file_with_a_title_only_is_its_text(tmp_path: Path):
    assert _read(tmp_path, "A single line").sections[0].text == "A single line"


def test_a_file_of_headings_alone_is_refused(tmp_path: Path):
    with pytest.raises(DocumentError, match="no paragraph"):
        _read(tmp_path, "ABSTRACT\n\n1. Results\n\nMETHODS")
