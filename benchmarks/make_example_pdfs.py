"""Builds the PDFs of `examples/` from the texts in `benchmarks/example_pdfs/`.

The examples need PDFs whose text is known to the letter, in the two layouts that papers have:
one column, and two columns under a running head. The same texts and the same reportlab give the
same bytes, since the file carries neither a date nor a random identifier.

    python benchmarks/make_example_pdfs.py [FOLDER]

The texts are a small part of Markdown: `# ` before the title, `## ` before a heading, `| ` before
the row of a table, and paragraphs on one line each.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_LEFT  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4, A5  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
from reportlab.platypus import (  # type: ignore[import-untyped]
    BaseDocTemplate,
    Flowable,
    Frame,
    FrameBreak,
    NextPageTemplate,
    PageTemplate,
    Paragraph,
    Table,
)

TEXTS = Path(__file__).parent / "example_pdfs"
EXAMPLES = Path(__file__).parents[1] / "examples"

_GUTTER = 16.0
_TITLE_HEIGHT = 60.0


class Layout(NamedTuple):
    """How one of the PDFs is set; lengths are in points."""

    page: tuple[float, float]
    margin: float
    columns: int
    size: float
    running_head: str = ""
    """Printed at the top of every page; empty for none."""


LAYOUTS = {
    "four_heads_for_one_job": Layout(A4, margin=60.0, columns=1, size=10.5),
    "recovering_known_mechanisms": Layout(
        A5, margin=42.0, columns=2, size=10.0, running_head="Recovering Known Mechanisms"
    ),
}


def build(name: str, folder: Path) -> Path:
    """Set one of the texts as a PDF in this folder, and return the file's path."""
    layout = LAYOUTS[name]
    lines = (TEXTS / f"{name}.md").read_text(encoding="utf-8").splitlines()
    path = folder / f"{name}.pdf"
    template = BaseDocTemplate(
        str(path),
        pagesize=layout.page,
        title=lines[0].removeprefix("# "),
        author="claimgraph",
        invariant=1,
        pageTemplates=[
            PageTemplate("first", _frames(layout, _TITLE_HEIGHT), onPage=_decoration(layout)),
            PageTemplate("later", _frames(layout, 0.0), onPage=_decoration(layout)),
        ],
    )
    template.build(list(_flowables(lines, layout)))
    return path


def _frames(layout: Layout, title_height: float) -> list[Frame]:
    """Return the frames of a page: one over all columns for the title, if any, then the columns."""
    margin = layout.margin
    text_width = layout.page[0] - 2 * margin
    width = (text_width - _GUTTER * (layout.columns - 1)) / layout.columns
    height = layout.page[1] - 2 * margin - title_height
    columns = [
        Frame(margin + i * (width + _GUTTER), margin, width, height, 0, 0, 0, 0)
        for i in range(layout.columns)
    ]
    if not title_height:
        return columns
    return [Frame(margin, margin + height, text_width, title_height, 0, 0, 0, 0), *columns]


def _decoration(layout: Layout) -> Callable[[Canvas, BaseDocTemplate], None]:
    """Return what draws the page number and the running head."""
    width, height = layout.page

    def draw(canvas: Canvas, document: BaseDocTemplate) -> None:
        canvas.setFont("Times-Italic", 8)
        canvas.drawCentredString(width / 2, height - layout.margin * 0.6, layout.running_head)
        canvas.setFont("Times-Roman", 8)
        canvas.drawCentredString(width / 2, layout.margin / 2, str(document.page))

    return draw


def _flowables(lines: list[str], layout: Layout) -> Iterator[Flowable]:
    """Turn the lines of a text into what is set on the pages, in order."""
    body = ParagraphStyle(
        "body",
        fontName="Times-Roman",
        fontSize=layout.size,
        leading=layout.size * 1.25,
        alignment=TA_JUSTIFY if layout.columns == 1 else TA_LEFT,
        spaceAfter=layout.size * 0.6,
    )
    heading = ParagraphStyle(
        "heading", body, fontName="Times-Bold", fontSize=layout.size + 2, keepWithNext=1
    )
    title = ParagraphStyle(
        "title", fontName="Times-Bold", fontSize=16, leading=20, alignment=TA_CENTER
    )
    yield NextPageTemplate("later")
    rows: list[list[str]] = []
    for line in [*lines, ""]:
        if line.startswith("| "):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
            continue
        if rows:
            yield Table(
                rows, style=_table_style(layout.size - 2), spaceAfter=layout.size, splitByRow=0
            )
            rows = []
        if line.startswith("## "):
            yield Paragraph(escape(line.removeprefix("## ")), heading)
        elif line.startswith("# "):
            yield Paragraph(escape(line.removeprefix("# ")), title)
            yield FrameBreak()
        elif line:
            yield Paragraph(escape(line), body)


def _table_style(size: float) -> list[tuple[object, ...]]:
    """Return a style that is narrow enough for a column of two."""
    return [
        ("FONT", (0, 0), (-1, -1), "Times-Roman", size),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
    ]


def main() -> None:
    """Build every PDF, in `examples/` or in the folder named on the command line."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLES
    for name in LAYOUTS:
        path = build(name, folder)
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
