"""Accents that are drawn over a letter, and such as are signs of their own."""

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.readers import read

SIZE = 10.0
PROSE = [
    "The question asks for the shortest way between two tables, and",
    "a tool that knows the schema answers it without any reasoning.",
]


def _text(tmp_path: Path, words: str, marks: dict[int, tuple[str, float]], font: str = "") -> str:
    """Draw words, and then over letters of theirs the marks, each with a height to raise it by."""
    path = tmp_path / "paper.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=1)
    canvas.setFont("Times-Roman", SIZE)
    for place, line in enumerate(PROSE):
        canvas.drawString(60, 700 - 12 * place, line)
    canvas.drawString(60, 676, words)
    canvas.setFont(font or "Times-Roman", SIZE)
    for place, (mark, height) in marks.items():
        start, width, mine = (
            canvas.stringWidth(each, "Times-Roman", SIZE)
            for each in (words[:place], words[place], mark)
        )
        canvas.drawString(60 + start + (width - mine) / 2, 676 + height, mark)
    canvas.showPage()
    canvas.save()
    return read(path)[0].sections[0].text.split("reasoning. ", 1)[1]


@pytest.mark.parametrize(
    ("words", "marks", "read_as"),
    [
        ("After Caceres it is so.", {7: ("´", 0.0)}, "After Cáceres it is so."),
        ("After Munoz and Abada.", {8: ("˜", 0.0), 20: ("´", 0.0)}, "After Muñoz and Abadá."),
        ("A small Ubung of Hoff.", {8: ("¨", 2.3), 18: ("¨", 0.0)}, "A small Übung of Höff."),
        ("In Francois and others.", {7: ("¸", 0.0)}, "In François and others."),
        ("As in Andre and others.", {10: ("´", 0.0)}, "As in André and others."),
    ],
)
def test_an_accent_over_or_under_a_letter_is_one_letter_with_it(
    words: str, marks: dict[int, tuple[str, float]], read_as: str, tmp_path: Path
):
    assert _text(tmp_path, words, marks) == read_as


def test_a_mark_that_stands_between_letters_stays(tmp_path: Path):
    words = "The command `ls` and a tilde ~ stay."
    assert _text(tmp_path, words, {}) == words


def test_an_accent_of_another_font_is_a_hat_on_a_variable(tmp_path: Path):
    read_as = _text(tmp_path, "Here y is the estimate of it.", {5: ("^", 0.0)}, "Courier")
    assert "ŷ" not in read_as
    assert "y" in read_as
