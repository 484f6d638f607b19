"""Lines that a page adds to its text, and lines of text that look like something else."""

from collections.abc import Callable
from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from ingest.documents import Document
from ingest.readers import read

PROSE = [
    "Attention heads in small models often copy a name that",
    "stood earlier in the prompt. We ask which heads do it and",
    "whether any of them is needed. To find out we ablate each",
    "head alone and measure how the logit of the name moves.",
    "Most heads move nothing. Three heads move it by more than",
    "one nat, and they sit in the last third of the model. The",
    "largest of them reads the name directly and an edit-donor",
    "patch at this head restores it when we look at the answer",
    "of these heads. A head may matter because it copies them.",
]


def _read(tmp_path: Path, *pages: Callable[[Canvas], None]) -> Document:
    path = tmp_path / "paper.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=1)
    for draw in pages:
        canvas.setFont("Times-Roman", 10)
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return read(path)[0]


def _prose(canvas: Canvas, lines: list[str], y: float = 700) -> None:
    for place, line in enumerate(lines):
        canvas.drawString(60, y - 12 * place, line)


def test_a_page_of_few_lines_loses_its_line_numbers_too(tmp_path: Path):
    def full(canvas: Canvas) -> None:
        _prose(canvas, PROSE)
        for place in range(len(PROSE)):
            canvas.drawRightString(40, 700 - 12 * place, str(451 + place))

    def last(canvas: Canvas) -> None:
        _prose(canvas, ["It is needed, and so are 12 others that we found."])
        canvas.drawRightString(40, 700, "460")

    text = _read(tmp_path, full, last).sections[0].text

    assert text.endswith(
        "because it copies them. It is needed, and so are 12 others that we found."
    )


def test_a_line_that_was_stretched_to_the_column_is_text_and_a_row_of_a_table_is_not(
    tmp_path: Path,
):
    def draw(canvas: Canvas) -> None:
        _prose(canvas, PROSE[:4])
        width = canvas.stringWidth(PROSE[3], "Times-Roman", 10)
        canvas.drawString(60, 652, "The code is")
        canvas.drawString(150, 652, "open and free")
        canvas.drawRightString(60 + width, 652, "to use")
        _prose(canvas, ["by all who read this far."], 640)
        canvas.drawString(60, 600, "Heads found")
        canvas.drawString(150, 600, "Logit moved")
        canvas.drawRightString(60 + width, 600, "Prompts")
        _prose(canvas, PROSE, 560)

    (section,) = _read(tmp_path, draw).sections

    assert "name moves. The code is open and free to use by all who read this far." in section.text
    assert "Logit moved" not in section.text


def test_the_end_of_a_line_that_a_formula_begins_is_text(tmp_path: Path):
    def draw(canvas: Canvas) -> None:
        _prose(canvas, [PROSE[0]] * 4)
        width = canvas.stringWidth(PROSE[0], "Times-Roman", 10)
        canvas.setFont("Symbol", 7)
        canvas.drawString(90, 636, "S")
        canvas.setFont("Times-Roman", 10)
        canvas.drawRightString(60 + width, 630, "is a sum. The next theorem says that")
        _prose(canvas, ["the bound holds for all heads that we look at below here."], 618)

    (section,) = _read(tmp_path, draw).sections

    assert "The next theorem says that the bound holds for all heads" in section.text


def test_rows_of_numbers_in_the_size_of_the_text_are_no_text(tmp_path: Path):
    def draw(canvas: Canvas) -> None:
        _prose(canvas, PROSE)
        _prose(canvas, ["Item 0.2293 0.4575 0.5387 0.1835", "Hybrid 0.2300 0.4568 0.5392"], 560)
        _prose(canvas, ["In 2021 we had 12 heads, 40 layers and 7 prompts at hand."], 500)

    text = _read(tmp_path, draw).sections[0].text

    assert "0.4575" not in text
    assert "In 2021 we had 12 heads, 40 layers and 7 prompts at hand." in text


def test_a_running_head_may_stand_near_the_text_if_it_is_on_many_pages(tmp_path: Path):
    def page(number: int) -> Callable[[Canvas], None]:
        def draw(canvas: Canvas) -> None:
            canvas.drawString(60, 715, "Which heads copy names in small models")
            _prose(canvas, [f"This is page {number}, and it says so.", *PROSE[1:]], 690)

        return draw

    text = "".join(section.text for section in _read(tmp_path, *map(page, (1, 2, 3))).sections)

    assert "Which heads copy names" not in text
    assert "This is page 2, and it says so." in text
