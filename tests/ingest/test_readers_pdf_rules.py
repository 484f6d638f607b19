"""Underscores that are drawn as lines, and lines that are none."""

from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.readers import read

SIZE = 10.0
PROSE = [
    "The question asks for the shortest way between two tables, and",
    "a tool that knows the schema answers it without any reasoning.",
]


def _text(tmp_path: Path, draw: Callable[[Canvas], None]) -> str:
    path = tmp_path / "paper.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=1)
    canvas.setFont("Times-Roman", SIZE)
    for place, line in enumerate(PROSE):
        canvas.drawString(60, 700 - 12 * place, line)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return read(path)[0].sections[0].text.split("reasoning. ", 1)[1]


def _name(canvas: Canvas, parts: list[str], height: float = 0.0) -> None:
    """Draw words as TeX does: between two of them a rule of 0.3 em where there is an underscore."""
    x = 60.0
    for part in parts:
        if part == "_":
            canvas.rect(x + 0.6, 676 + height, 0.3 * SIZE, 0.4, stroke=0, fill=1)
            x += 0.36 * SIZE
        else:
            canvas.drawString(x, 676, part)
            x += canvas.stringWidth(part, "Times-Roman", SIZE)


@pytest.mark.parametrize(
    "parts",
    [
        ["Here join", "_", "path is easy."],
        ["The edges fk", "_", "to and derived", "_", "from differ, as do others."],
        ["A method such as ", "_", "_", "call", "_", "_", "counts too."],
        ["A name with a tail, q", "_", "and", "_", "g, is found as well."],
    ],
)
def test_a_line_as_long_as_an_underscore_between_two_letters_is_one(
    parts: list[str], tmp_path: Path
):
    assert _text(tmp_path, lambda canvas: _name(canvas, parts)) == "".join(parts)


@pytest.mark.parametrize("height", [3.0, -3.0])
def test_a_line_above_or_below_the_base_line_is_no_underscore(height: float, tmp_path: Path):
    parts = ["Here join", "_", "path is easy."]

    text = _text(tmp_path, lambda canvas: _name(canvas, parts, height))

    assert text == "Here join path is easy."


def test_lines_under_words_and_between_columns_are_no_underscores(tmp_path: Path):
    def draw(canvas: Canvas) -> None:
        _name(canvas, ["Here is a word that somebody underlined."])
        canvas.rect(60, 675, 20, 0.4, stroke=0, fill=1)
        canvas.rect(68, 675.5, 4, 0.4, stroke=0, fill=1)

    assert _text(tmp_path, draw) == "Here is a word that somebody underlined."
