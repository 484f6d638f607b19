"""Notes in the margin, and what stands there but belongs to the text."""

from collections.abc import Callable
from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from ingest.documents import Document
from ingest.readers import read

PROSE = [
    "Attention heads in small models copy names that",
    "stand earlier in a prompt. We ask which heads do",
    "it and whether any of them is needed. To find it",
    "out, we ablate each head alone, and measure how",
    "much less the logit of the name moves than it is",
    "moved by the model that still has all its heads.",
]
WIDTH = 230.0


def _read(tmp_path: Path, write: Callable[[Canvas], None], *, n_pages: int = 1) -> Document:
    """Read pages of a justified paragraph at 100 to 330 points and of what else is written."""
    path = tmp_path / "paper.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=1)
    for _ in range(n_pages):
        for place, line in enumerate(PROSE):
            text = canvas.beginText(100, 700 - 12 * place)
            text.setFont("Times-Roman", 10)
            more = WIDTH - canvas.stringWidth(line, "Times-Roman", 10)
            text.setWordSpace(more / line.count(" "))
            text.textLine(line)
            canvas.drawText(text)
            if place in {1, 3}:
                write(canvas)
                write = _nothing
        canvas.showPage()
    canvas.save()
    return read(path)[0]


def _nothing(canvas: Canvas) -> None:
    pass


def _at(x: float, y: float, text: str, size: float = 10) -> Callable[[Canvas], None]:
    def write(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", size)
        canvas.drawString(x, y, text)

    return write


def test_a_mark_in_the_margin_is_not_in_the_sentence_beside_it(tmp_path: Path):
    for x, text in ((350, "hVoC - W1"), (40, "R2 asks")):
        document = _read(tmp_path, _at(x, 688, text))

        assert document.sections[0].text == " ".join(PROSE)


def test_the_number_of_a_heading_that_hangs_out_stays(tmp_path: Path):
    def write(canvas: Canvas) -> None:
        canvas.setFont("Times-Bold", 12)
        canvas.drawString(80, 600, "2")
        canvas.drawString(100, 600, "Heads of the second layer")
        canvas.setFont("Times-Roman", 10)
        canvas.drawString(100, 580, "All of them copy names.")

    assert [section.heading for section in _read(tmp_path, write).sections] == [
        "",
        "2 Heads of the second layer",
    ]


def test_a_wide_margin_that_much_is_written_in_is_read(tmp_path: Path):
    def write(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", 10)
        for place in range(6):
            canvas.drawString(360, 500 - 12 * place, "The first of many remarks in a margin")

    document = _read(tmp_path, write)

    assert any("many remarks" in section.text for section in document.sections)
