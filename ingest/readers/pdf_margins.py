"""Notes in the margin of a PDF, which are no part of the line that they stand beside.

Drafts have remarks of reviewers there, and marks of what was changed. The text's outer edges are
where many full lines begin and end; what begins beyond the right one, or ends before the left one,
and is little, is left out. Where it is much, as in books whose notes stand in a wide margin, it
stays.
"""

import re
from collections import Counter
from collections.abc import Iterable

from ingest.readers.pdf_characters import Page
from ingest.readers.pdf_pieces import Piece

_FULL = 40
"""Characters of a piece that may be a full line of a column."""

_SAME_EDGE, _OFF = 2.0, 5.0
"""Points: within which edges are the same, and from which on something is off the text."""

_EDGE_SHARE = 0.1
"""Of the full lines, from which on a place is one where columns end."""

_FEWEST = 3
"""Full lines of a page that end at the edge; a page with fewer is laid out otherwise."""

_NUMBER = re.compile(r"[\dA-Z.]{1,8}")
"""Of a heading that hangs out at the left."""

_MOST = 0.15
"""Of a page's characters in its margin; more is a part of the paper."""


def margin_notes(pages: list[Page]) -> set[Piece]:
    """Return the pieces that stand in the margins, beside the text of their pages."""
    full = [piece for page in pages for piece in page.pieces if len(piece.text) >= _FULL]
    right = _outermost(piece.box.right for piece in full)
    left = -_outermost(-piece.box.left for piece in full)
    found: set[Piece] = set()
    for page in pages:
        lines = [piece for piece in page.pieces if len(piece.text) >= _FULL]
        beside = set()
        if sum(abs(piece.box.right - right) < _SAME_EDGE for piece in lines) >= _FEWEST:
            beside |= {piece for piece in page.pieces if piece.box.left > right + _OFF}
        if sum(abs(piece.box.left - left) < _SAME_EDGE for piece in lines) >= _FEWEST:
            before = {piece for piece in page.pieces if piece.box.right < left - _OFF}
            beside |= {piece for piece in before if not _NUMBER.fullmatch(piece.text)}
        n_letters = sum(len(piece.text) for piece in page.pieces)
        if sum(len(piece.text) for piece in beside) < _MOST * n_letters:
            found |= beside
    return found


def _outermost(edges: Iterable[float]) -> float:
    """Return the greatest place at which many lines end."""
    counts = Counter(map(round, edges))
    near = {at: sum(counts[at + more] for more in (-1, 0, 1)) for at in counts}
    many = [at for at, n in near.items() if n >= _EDGE_SHARE * counts.total()]
    return float(max(many, default=10_000))
