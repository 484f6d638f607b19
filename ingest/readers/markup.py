"""A walk over an element tree, shared by HTML and JATS.

A format says what part each element plays (`Role`); the walk turns the tree into headings,
paragraphs, captions and footnotes. Inline elements join the paragraph they stand in, so a
sentence is whole although half of it is a link and its citation was cut from the middle.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from lxml import etree

from ingest.readers.sections import Aside, Block, Heading, Paragraph, clean


class Part(StrEnum):
    """What an element does to the text around it."""

    INLINE = "inline"  # its words belong to the paragraph around it
    BLOCK = "block"  # its words are paragraphs of their own
    HEADING = "heading"
    CUT = "cut"  # nothing of it is read
    FLOAT = "float"  # nothing of it is read but the captions inside
    CAPTION = "caption"
    FOOTNOTE = "footnote"
    FORMULA = "formula"  # its words are those the role gives


class Role(NamedTuple):
    """The part of one element, and what else the walk must know of it."""

    part: Part
    level: int = 0
    """Of a heading."""

    kind: str | None = None
    """Of the section that a heading opens, where the format says it."""

    article_part: str = ""
    """As in `Heading.part`, of a heading."""

    words: str = ""
    """Of a formula."""

    cites: tuple[str, ...] = ()
    """Keys of the references that the element cites."""


RoleOf = Callable[[etree._Element], Role]

_OUT_OF_FLOW = {Part.CUT, Part.FLOAT, Part.CAPTION, Part.FOOTNOTE, Part.FORMULA}
_MARK = "\ufdd0"
"""Stands in a paragraph that is being read where something is cited; no text has this one."""

_SHORTEST_PROSE = 8
"""Words; a shorter paragraph in a figure is a label."""

_ENDS = (".", "?", "!", ".”", '."', ".)")
_ASIDES = {Part.CAPTION: "Captions", Part.FOOTNOTE: "Footnotes"}


def walk(root: etree._Element, role_of: RoleOf) -> Iterator[Block]:
    """Yield the blocks inside `root` in document order; the root's own role is not asked for."""
    flow = _Flow()
    roles: list[Role] = []
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        if element is root:
            flow.add(element.text if event == "start" else None)
        elif event == "start":
            role = role_of(element)
            roles.append(role)
            yield from flow.enter(role, element.get("id") or "")
            if role.part in _OUT_OF_FLOW:
                walker.skip_subtree()
                yield from _asides(element, role, role_of)
            else:
                flow.add(element.text)
        else:
            yield from flow.leave(roles.pop())
            flow.add(element.tail)
    yield from flow.flush()


def text_of(element: etree._Element, role_of: RoleOf) -> str:
    """Return the running text inside an element as one paragraph, without asides."""
    blocks = walk(element, role_of)
    return " ".join(block.text for block in blocks if not isinstance(block, Aside))


def raw_text(element: etree._Element) -> str:
    """Return every word inside an element as it stands, whatever part it plays."""
    return "".join(str(piece) for piece in element.itertext())


def select(element: etree._Element, path: str) -> list[etree._Element]:
    """Return the elements that an XPath expression selects, in document order."""
    found = element.xpath(path)
    assert isinstance(found, list), path
    return [each for each in found if isinstance(each, etree._Element)]


def _asides(element: etree._Element, role: Role, role_of: RoleOf) -> Iterator[Aside | Paragraph]:
    """Yield what stands beside the flow: the element itself, or the captions inside a float."""
    anchor = element.get("id") or ""
    if role.part in _ASIDES:
        yield Aside(_ASIDES[role.part], text_of(element, role_of), anchor=anchor)
    elif role.part is Part.FLOAT:
        yield from _in_float(element, role_of, anchor)


def _in_float(element: etree._Element, role_of: RoleOf, anchor: str) -> Iterator[Aside | Paragraph]:
    """Yield the captions in a figure, and what whole paragraphs of prose it is set around."""
    walker = etree.iterwalk(element, events=("start",))
    for _, inner in walker:
        part = role_of(inner).part if inner is not element else Part.FLOAT
        if part is Part.CAPTION:
            yield Aside("Captions", text_of(inner, role_of), anchor=anchor)
        elif part is Part.BLOCK and inner.tag == "p":
            text = text_of(inner, role_of)
            if len(text.split()) >= _SHORTEST_PROSE and text.endswith(_ENDS):
                yield Paragraph(text, anchor=inner.get("id") or anchor)
        if part in _OUT_OF_FLOW - {Part.FLOAT}:
            walker.skip_subtree()


@dataclass
class _Flow:
    """The paragraph or heading that is being read."""

    words: list[str] = field(default_factory=list)
    cited: list[tuple[str, ...]] = field(default_factory=list)
    heading: Role | None = None
    follows_cut: bool = False
    anchor: str = ""
    """The last element with an id before the paragraph's first word."""

    last_id: str = ""

    def add(self, text: str | None) -> None:
        """Append words; a space left before a full stop by something cut is closed up."""
        if not text:
            return
        if self.follows_cut and self.words and text[0] in ".,;:)":
            self.words[-1] = self.words[-1].rstrip()
        self.follows_cut = False
        if not any(map(str.strip, self.words)):
            self.anchor = self.last_id
        self.words.append(text.replace(_MARK, ""))

    def enter(self, role: Role, identifier: str) -> Iterator[Block]:
        """Begin an element."""
        if role.part in {Part.BLOCK, Part.HEADING}:
            yield from self.flush()
        if role.part is Part.HEADING:
            self.heading = role
        if identifier and role.part not in _OUT_OF_FLOW:
            self.last_id = identifier
        self.add(role.words)

    def leave(self, role: Role) -> Iterator[Block]:
        """End an element."""
        if role.cites:
            self._cite(role.cites)
        if role.part in {Part.BLOCK, Part.HEADING}:
            yield from self.flush()
        self.follows_cut = role.part in {Part.CUT, Part.FOOTNOTE}

    def flush(self) -> Iterator[Block]:
        """Hand over what was read, if anything was."""
        first, *rest = clean("".join(self.words)).split(_MARK)
        text, places = first, []
        for part in rest:
            places.append(len(text))
            text += part if text else part.lstrip()
        heading, self.heading = self.heading, None
        cited = [
            (place, key) for place, keys in zip(places, self.cited, strict=True) for key in keys
        ]
        self.words.clear()
        self.cited.clear()
        if text and heading:
            yield Heading(text, heading.level, heading.kind, heading.article_part)
        elif text:
            yield Paragraph(text, anchor=self.anchor, cites=tuple(cited))

    def _cite(self, keys: tuple[str, ...]) -> None:
        """Mark the place behind the last word as one where these are cited."""
        last = self.words.pop() if self.words else ""
        bare = last.rstrip()
        self.words.append(bare + _MARK + last[len(bare) :])
        self.cited.append(keys)
