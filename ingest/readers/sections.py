r"""From a stream of headings and paragraphs to a document's sections.

Every reader turns its format into blocks; what a section is, which kind it has, and which
characters a text may contain is decided here once, so that all formats agree.

Text is cleaned in two steps: white space of any kind becomes one space, and characters that
nobody sees are dropped (control characters, soft hyphens, zero-width and direction marks, tag
characters). Invisible characters would break quotes, and can carry text past a reader's eyes
(Boucher & Anderson 2021, Trojan Source, arXiv:2111.00169). Everything else stays as it stands
in the source; joiners stay too, since scripts and emoji need them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ingest.documents import Section
from kg.printed import PrintedLine, packed

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_KINDS = (
    (re.compile(r"abstract\b", re.IGNORECASE), "abstract"),
    (re.compile(r"(references|bibliography|literature cited|works cited)\W*$", re.I), "references"),
    (
        re.compile(r"(appendix|appendices|supplement\w* (material|information)\w*)\b", re.I),
        "appendix",
    ),
)
_NUMBER = re.compile(r"^(?:\d+(?:\.\d+)*|[IVX]+|[A-Z](?:\.\d+)*)[.:)]?\s+(?=\w)")
_CAPTION = re.compile(
    r"(?:(?:extended data |supplementary )?(?:figure|fig\.|table|algorithm|listing)) ?"
    r"(?:[A-Z]?\d+(?:\.\d+)?[a-z]?|[IVXL]{1,6}) ?[:.|–—](?: |$)",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"(?:abstract|(?:general )?introduction|(?:background|preliminaries)(?: and related work)?|"
    r"related works?|methods?|methodology|materials and methods|experiments?|experimental setup|"
    r"(?:main )?results?|(?:results and )?discussion|limitations?|conclusions?|future work|"
    r"acknowledge?ments?|references|bibliography|appendix(?: [A-Z0-9]{1,2})?|appendices|"
    r"(?:ethics|impact|reproducibility|broader impacts?) statement|broader impacts?|"
    r"author contributions|(?:data|code) availability)[.:]?",
    re.IGNORECASE,
)
_LETTERED = re.compile(r"^[A-Z](?:\.\d+)*[.:]?\s+[A-Z]")

RUN_IN_LEVEL = 4
"""How deep a heading stands at least on whose line the text begins: as a paragraph's in LaTeX."""


@dataclass(frozen=True)
class Heading:
    """A heading, and how deep it stands."""

    text: str
    """Empty where a section ends and text without a heading of its own follows."""

    level: int
    """1 for the outermost; 0 for an empty heading."""

    kind: str | None = None
    """The section's kind, where the format says it; otherwise the words of the heading do."""

    part: str = ""
    """The part of an article that it opens, where the format says it: "Methods"."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of running text, cleaned."""

    text: str
    pages: tuple[tuple[int, int], ...] = ()
    """As in `Section`, with offsets into this paragraph."""

    anchor: str = ""
    """Id of the element that it stands in or after; empty if there is none."""

    cites: tuple[tuple[int, str], ...] = ()
    """As in `Section`, with offsets into this paragraph."""

    printed: tuple[PrintedLine, ...] = ()
    """Where its characters are printed, with offsets into this paragraph."""


@dataclass(frozen=True)
class Aside:
    """A caption or a footnote: it stands beside the flow, in a section of its own."""

    heading: str
    """ "Captions" or "Footnotes"."""

    text: str
    pages: tuple[tuple[int, int], ...] = ()
    anchor: str = ""
    cites: tuple[tuple[int, str], ...] = ()
    printed: tuple[PrintedLine, ...] = ()


Block = Heading | Paragraph | Aside


def clean(text: str) -> str:
    """Collapse white space to single spaces, and drop what nobody sees."""
    return " ".join(_INVISIBLE.sub("", text).split())


def is_caption(text: str) -> bool:
    """Say whether a paragraph is a caption: "Figure 3: ...", and not "Figure 3 shows ..."."""
    return _CAPTION.match(text) is not None


def is_known_heading(text: str) -> bool:
    """Say whether a line is one of the headings that every paper uses, numbered or not."""
    return _KNOWN.fullmatch(_NUMBER.sub("", text)) is not None


def split_title(blocks: Iterable[Block]) -> tuple[str, list[Block]]:
    """Take the title off: a heading that comes first and is the only one of its level.

    The other headings move up, so that the outermost has level 1. Returns "" where there is no
    such heading.
    """
    rest = [block for block in blocks if block.text.strip() or isinstance(block, Heading)]
    title = ""
    levels = [block.level for block in rest if isinstance(block, Heading) and block.text]
    if levels and isinstance(rest[0], Heading) and levels.count(levels[0]) == 1 == levels[0]:
        title = rest.pop(0).text
        levels = levels[1:]
    shift = min(levels, default=1) - 1
    moved = [
        replace(block, level=max(block.level - shift, 0)) if isinstance(block, Heading) else block
        for block in rest
    ]
    return title, moved


def assemble(blocks: Iterable[Block]) -> tuple[Section, ...]:
    """Put each paragraph under its heading; captions and footnotes come last, on their own.

    Sections without text are left out: a heading followed by a deeper one says nothing itself.
    """
    opened = _OpenSection("", 0, "body")
    sections = [opened]
    above: list[Heading] = []
    asides: dict[str, _OpenSection] = {}
    for block in blocks:
        if isinstance(block, Heading):
            above = [heading for heading in above if heading.level < block.level]
            opened = _OpenSection(clean(block.text), block.level, _kind(block, sections))
            opened.under = (*_names(above), *_named(block))
            sections.append(opened)
            above.append(block)
        elif isinstance(block, Paragraph):
            opened.add(block)
        else:
            aside = asides.setdefault(block.heading, _OpenSection(block.heading, 1, "captions"))
            aside.add(block)
    every = [*sections, *(asides[heading] for heading in sorted(asides))]
    return tuple(section.close() for section in every if section.paragraphs)


@dataclass
class _OpenSection:
    """A section that paragraphs are still being added to."""

    heading: str
    level: int
    kind: str
    under: tuple[str, ...] = ()
    paragraphs: list[str] = field(default_factory=list)
    pages: list[tuple[int, int]] = field(default_factory=list)
    anchors: list[tuple[int, str]] = field(default_factory=list)
    cites: list[tuple[int, str]] = field(default_factory=list)
    printed: list[PrintedLine] = field(default_factory=list)
    length: int = 0

    def add(self, block: Paragraph | Aside) -> None:
        """Append a paragraph, and its pages and its anchor where they change."""
        if not block.text.strip():
            return
        for offset, page in block.pages:
            if not self.pages or self.pages[-1][1] != page:
                self.pages.append((self.length + offset, page))
        if block.anchor and (not self.anchors or self.anchors[-1][1] != block.anchor):
            self.anchors.append((self.length, block.anchor))
        self.cites += [(self.length + offset, key) for offset, key in block.cites]
        self.printed += [line._replace(start=self.length + line.start) for line in block.printed]
        self.paragraphs.append(block.text)
        self.length += len(block.text) + len("\n\n")

    def close(self) -> Section:
        """Return the section as it will stay."""
        text = "\n\n".join(self.paragraphs)
        return Section(
            heading=self.heading,
            level=self.level,
            text=text,
            pages=tuple(self.pages),
            kind=self.kind,
            under=self.under,
            anchors=tuple(self.anchors),
            cites=tuple(self.cites),
            printed=packed(self.printed),
        )


def _names(headings: Iterable[Heading]) -> Iterator[str]:
    """Yield what open headings are called, and what part of an article they open."""
    for heading in headings:
        yield from filter(None, [clean(heading.text)])
        yield from _named(heading)


def _named(heading: Heading) -> list[str]:
    """Return the part of an article that a heading opens, unless it is called that."""
    return [heading.part] if heading.part not in {"", clean(heading.text)} else []


def _kind(heading: Heading, before: list[_OpenSection]) -> str:
    """Say what kind of section this heading opens, given the sections before it.

    A deeper section is of its parent's kind. An appendix goes on to the end, unless references
    interrupt it. Lettered headings after the references are an appendix.
    """
    if heading.kind:
        return heading.kind
    text = clean(heading.text)
    bare = _NUMBER.sub("", text)
    for pattern, kind in _KINDS:
        if pattern.match(bare) or pattern.match(text):
            return kind
    parent = next((s for s in reversed(before) if s.level < heading.level), before[0])
    kinds = {section.kind for section in before}
    if "appendix" in kinds or ("references" in kinds and _LETTERED.match(text)):
        return "appendix"
    return parent.kind if parent.level else "body"
