"""Heads of tables in the size of the text, and lines of text above rows of a table."""

from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from ingest.readers import read

PROSE = [
    "Attention heads in small models copy a name that stands",
    "earlier in the prompt. We ask which heads do so, and if",
    "any of them is needed. To find out, we ablate each head",
    "alone and measure how much the logit of the name moves.",
]
ROWS = [("copying", "0.946", "12"), ("writing", "0.851", "7"), ("reading", "0.712", "9")]


def _text(tmp_path: Path, head: str, caption: str) -> str:
    """Read a sentence that goes on on the page after a table at its top."""
    path = tmp_path / "paper.pdf"
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=1)
    canvas.setFont("Times-Roman", 10)
    for n in range(3):
        for place, line in enumerate(PROSE[: 3 if n == 2 else 4]):
            canvas.drawString(60, 700 - 12 * place - 60 * n, line)
    canvas.showPage()
    canvas.setFont("Times-Roman", 10)
    canvas.drawString(70, 700, head)
    for row, cells in enumerate(ROWS):
        for column, cell in enumerate(cells):
            canvas.drawString(70 + 70 * column, 686 - 12 * row, cell)
    canvas.drawString(60, 630, caption)
    for place, line in enumerate(PROSE[3:] + PROSE):
        canvas.drawString(60, 600 - 12 * place, line)
    canvas.save()
    return " ".join(section.text for section in read(path)[0].sections if section.kind == "body")


def test_the_head_of_a_table_is_not_in_the_sentence_that_goes_on_behind_it(tmp_path: Path):
    text = _text(tmp_path, "Kind of head. Mean share. Number.", "Table 1: Heads by what they do.")

    assert "ablate each head alone and measure" in text
    assert "Mean share" not in text


def test_what_leads_to_a_table_or_stands_above_rows_without_a_caption_is_text(tmp_path: Path):
    leading = _text(tmp_path, "The shares of all heads are:", "Table 1: Heads by what they do.")
    alone = _text(tmp_path, "Kind of head. Mean share. Number.", "Now the heads are taken out.")

    assert "The shares of all heads are:" in leading
    assert "Mean share" in alone
