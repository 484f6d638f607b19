"""Footnote marks are no text, and other raised numbers are."""

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.readers import read

PROSE = [
    "Attention heads in small models often copy a name that stood earlier in the prompt.",
    "We ask which heads do it and whether any of them is needed for the answer at all.",
]


def _text(tmp_path: Path, parts: list[str], note: str = "", rise: float = 3.6) -> str:
    """Read a page whose third line has its second part small, and raised or lowered."""
    path = tmp_path / "paper.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=1)
    canvas.setFont("Times-Roman", 10)
    for place, line in enumerate(PROSE):
        canvas.drawString(60, 700 - 12 * place, line)
    x = 60.0
    for place, part in enumerate(parts):
        size = 7 if place == 1 else 10
        canvas.setFont("Times-Roman", size)
        canvas.drawString(x, 676 + rise * (place == 1), part)
        x += canvas.stringWidth(part, "Times-Roman", size)
    if note:
        canvas.setFont("Times-Roman", 5.5)
        canvas.drawString(60, 123, note[0])
        canvas.setFont("Times-Roman", 8)
        canvas.drawString(63, 120, note[1:])
    canvas.showPage()
    canvas.save()
    return read(path)[0].sections[0].text.split("at all. ", 1)[1]


@pytest.mark.parametrize(
    ("parts", "note", "text"),
    [
        (["See the appendix", "2", "."], "2In the supplementary material.", "See the appendix."),
        (["The data", "1", " are open."], "1At the address below.", "The data are open."),
        (["We ask GPT-4", "1", " now."], "1At the address below.", "We ask GPT-4 now."),
        (["The end.", "2", " It is new."], "2As far as we know of it.", "The end. It is new."),
    ],
)
def test_the_mark_of_a_footnote_on_the_page_is_taken_out(
    parts: list[str], note: str, text: str, tmp_path: Path
):
    assert _text(tmp_path, parts, note) == text


@pytest.mark.parametrize(
    ("parts", "note"),
    [
        (["A field of 40 km", "2", " is small."], "1At the address below."),
        (["A field of 40 km", "2", " is small."], ""),
        (["There are 10", "2", " of them."], "2In the supplementary material."),
    ],
)
def test_an_exponent_stays(parts: list[str], note: str, tmp_path: Path):
    assert _text(tmp_path, parts, note).replace(" ", "") == "".join(parts).replace(" ", "")


def test_an_index_stays_although_the_page_has_a_note_of_that_number(tmp_path: Path):
    text = _text(tmp_path, ["It gives off CO", "2", " now."], "2In the appendix, too.", rise=-2)

    assert text.replace(" ", "") == "ItgivesoffCO2now."
