"""Tables of contents in PDFs, which are no text and whose entries are no headings."""

import re

from ingest.readers.pdf_pieces import Piece

_CONTENTS = re.compile(r"(?:table of )?contents", re.IGNORECASE)
_CONTENTS_ENTRY = re.compile(r"(?:.*\s)?(\d{1,3})")
_LEADERS = re.compile(r"(?:\. ?){6,}\d{0,3}$")


def contents_of(lines: list[Piece], cells: list[int]) -> set[int]:
    """Return the places of the lines in a table of contents.

    It begins at its heading, goes on while lines end in page numbers that do not fall, and may have
    a line without one if the next has it again: an entry of two lines. Lines with leaders are
    entries wherever they stand.
    """
    found = {place for place, line in enumerate(lines) if _LEADERS.search(line.text.strip())}
    last: int | None = None
    for place, line in enumerate(lines):
        if _CONTENTS.fullmatch(line.text.strip()):
            last = 0
        elif last is not None and (number := _entry_number(line, last)) is not None:
            last = number
        elif last is not None and cells[place] == 1:
            following = lines[place + 1] if place + 1 < len(lines) else None
            if following is None or _entry_number(following, last) is None:
                last = None
        if last is not None:
            found.add(place)
    return found


def _entry_number(line: Piece, last: int) -> int | None:
    """Return the page number at the end of an entry, if it has one that is not below the last."""
    entry = _CONTENTS_ENTRY.fullmatch(line.text.strip())
    return int(entry[1]) if entry and int(entry[1]) >= last else None
