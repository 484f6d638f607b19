"""What is normal in a PDF: the size, the width, the edges and the fonts of its running text."""

import re
from collections import Counter
from dataclasses import dataclass

from ingest.readers.pdf_pieces import Piece

SIZE_STEP = 0.6
"""Points by which a size must differ to mean something."""

_PROSE_SHARE = 0.02
"""Share of the characters in full lines from which on a font is one of the text's own."""

_EDGE_SHARE = 0.04
"""Share of the full lines from which on a place is where a column begins."""

_NEARLY = 0.85
"""Of the largest size on the first page."""

_NEARLY_AS_MUCH = 0.4
"""Of the characters in the most frequent size."""

_FEWEST_WORDS = 4
"""Of a title that is told from the name of a journal."""

_ABSTRACT = re.compile(r"abstract[.:—–-]?", re.IGNORECASE)
_EXTRA = re.compile(r"highlights|graphical abstract", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]{4,}.*[^\W\d_]{3,}")


@dataclass(frozen=True)
class Measures:
    """What is normal in this document."""

    body_size: float
    column_width: float
    column_edges: tuple[float, ...]
    """Where full lines begin, from the left."""

    prose_fonts: frozenset[str]
    main_font: str
    """The one that most of the text is in."""

    title_page: int
    """The first one, or what follows pages of highlights and graphical abstracts."""

    title_size: float
    """Of the words on that page that are the title."""

    abstract_at: int
    """Index of the line that says "Abstract"; 0 where none of the title's page does."""


def measure(lines: list[Piece]) -> Measures:
    """Find the text's size, its column's width and its fonts."""
    body_size = _body_size(lines)
    full = [
        line for line in lines if abs(line.size - body_size) < SIZE_STEP and len(line.text) > 25
    ]
    widths = sorted(line.box.right - line.box.left for line in full)
    column_width = widths[int(len(widths) * 0.6)] if widths else 400.0
    edges = Counter(
        round(line.box.left)
        for line in full
        if line.box.right - line.box.left > 0.85 * column_width
    )
    common_edges = sorted(edge for edge, n in edges.items() if n >= _EDGE_SHARE * edges.total())
    fonts: Counter[str] = Counter()
    for line in full:
        fonts[line.font] += len(line.text)
    common = {font for font, n in fonts.items() if n >= _PROSE_SHARE * fonts.total()}
    page = _title_page(lines)
    return Measures(
        body_size=body_size,
        column_width=column_width,
        column_edges=tuple(map(float, common_edges)),
        prose_fonts=frozenset(common),
        main_font=min(fonts, key=lambda font: (-fonts[font], font), default=""),
        title_page=page,
        title_size=_title_size([line for line in lines if line.page == page], body_size),
        abstract_at=next((i for i, line in enumerate(lines) if _is_abstract(line, page)), 0),
    )


def _body_size(lines: list[Piece]) -> float:
    """Return the size of the running text: the most frequent one.

    What comes after a short paper (references, an appendix, a checklist) may be longer than its
    text, and in smaller print. So a larger size of which there is nearly as much is the text's, if
    it comes first.
    """
    sizes: Counter[float] = Counter()
    pages: Counter[float] = Counter()
    for line in lines:
        size = round(line.size * 2) / 2
        sizes[size] += len(line.text)
        pages[size] += len(line.text) * line.page
    most = min(sizes, key=lambda size: (-sizes[size], size), default=10.0)
    earlier = [
        size
        for size in sizes
        if size > most
        and sizes[size] >= _NEARLY_AS_MUCH * sizes[most]
        and pages[size] * sizes[most] < pages[most] * sizes[size]
    ]
    return max(earlier, key=lambda size: (sizes[size], size), default=most)


def _title_size(lines: list[Piece], body_size: float) -> float:
    """Return the size of the title: the largest of words on its page.

    Some journals print their own name a little larger; so where the largest print is of few words
    and nearly as large a print is of more, that is it.
    """
    first = [line for line in lines if _WORDS.search(line.text)]
    largest = max((line.size for line in first), default=body_size)
    words: Counter[bool] = Counter()
    next_size = 0.0
    for line in first:
        is_largest = line.size > largest - SIZE_STEP
        if is_largest or line.size > _NEARLY * largest:
            words[is_largest] += len(line.text.split())
            next_size = next_size if is_largest else max(next_size, line.size)
    is_name = words[True] < _FEWEST_WORDS <= words[False] and next_size > body_size + 1
    return next_size if is_name else largest


def _title_page(lines: list[Piece]) -> int:
    """Return the number of the first page that does not begin as a journal's extra pages do."""
    page = 1
    for line in lines:
        if line.page == page and _EXTRA.fullmatch(line.text.strip()):
            page += 1
        elif line.page > page:
            break
    return page if any(line.page == page for line in lines) else 1


def _is_abstract(line: Piece, page: int) -> bool:
    return line.page == page and _ABSTRACT.fullmatch(line.text.strip()) is not None
