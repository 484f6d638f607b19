r"""Markdown: headings and paragraphs from the block tokens of a CommonMark parser.

A section's text has no markup: emphasis, links and list marks are gone, inline code keeps its
words, inline formulas stay as their source (``$x_i$``). Out of the flow are code blocks, tables,
images, raw HTML and displayed formulas; captions ("Figure 3: ...") and footnotes go beside it.
A front matter block (``---`` at the very top) may give title, authors, date, url, arxiv and
doi; an url of arXiv or of doi.org is an id, too.

CommonMark 0.31.2, https://spec.commonmark.org/0.31.2/, by markdown-it-py; formulas are not part
of it, so one inline rule here takes them before emphasis can eat their asterisks. Nor is what
Obsidian adds (https://help.obsidian.md/obsidian-flavored-markdown): a link to a note leaves its
alias or the note's name, the title of a callout is a paragraph, and embedded files, comments and
the ids of blocks leave nothing.
"""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from ingest.documents import Document
from ingest.identifiers import Identifiers, arxiv_id, doi, printed_doi
from ingest.readers.files import RawFile, decode
from ingest.readers.sections import (
    Aside,
    Block,
    Heading,
    Paragraph,
    assemble,
    clean,
    is_caption,
    split_title,
)

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^(title|authors?|date|year|url|arxiv|doi)[ \t]*:[ \t]*(.*)$", re.IGNORECASE)
_LIST_ITEM = re.compile(r"^[ \t]*-[ \t]+(.+)$")
_DISPLAY = re.compile(r"\$\$.*?\$\$", re.DOTALL)
_FORMULA = re.compile(r"\$(?![\s$])(?:\\.|[^$\\\n])+?(?<!\s)\$(?!\d)")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,40}\](:?)")
_WIKI_LINK = re.compile(
    r"\[\[(?=[^\[\]]*[^\W\d_]|\d{4}-\d\d-\d\d)(?P<note>[^\[\]\n|#]*)(?P<part>#[^\[\]\n|]*)?"
    r"(?:\|(?P<alias>[^\[\]\n]+))?\]\](?!\()"
)
"""A link to a note; ``[[1]]`` and ``[[1, 2]]`` are citations or numbers, and ``[[a]](b)`` is a link
of CommonMark."""

_EMBEDDED = re.compile(r"!\[\[[^\[\]\n]+\]\]")
_COMMENT = re.compile(r"%%.*?%%", re.DOTALL)
_BREAKS = frozenset({"softbreak", "hardbreak"})
_CALLOUT = re.compile(r"\[![\w-]+\][+-]?(?:\s|\Z)")
_BLOCK_ID = re.compile(r"(?:^|\s)\^(?=[\d-]*[A-Za-z])[A-Za-z\d-]{2,}[ \t]*$", re.MULTILINE)


def read_markdown(file: RawFile) -> list[Document]:
    """Read a Markdown file as one document.

    Raises:
        DocumentError: The file is not text, or there is no paragraph in it.
    """
    text = decode(file).replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT_MATTER.match(text)
    fields = _fields(front.group(1)) if front else {}
    title, blocks = split_title(_blocks(text[front.end() :] if front else text))
    sections = assemble(blocks)
    if not sections:
        raise file.error(
            "there is no paragraph in it: headings, code and tables say nothing: leave it out"
        )
    year = re.search(
        r"\b(?:19|20)\d\d\b", " ".join(fields.get("date", []) + fields.get("year", []))
    )
    return [
        Document(
            name=file.name,
            title=clean(" ".join(fields.get("title", []))) or clean(title) or file.stem,
            format="markdown",
            sha256=file.sha256,
            sections=sections,
            authors=tuple(fields.get("author", []) + fields.get("authors", [])),
            year=int(year.group()) if year else None,
            url=next(iter(fields.get("url", [])), None),
            identifiers=_identifiers(fields),
        )
    ]


def _identifiers(fields: dict[str, list[str]]) -> Identifiers:
    """Return the arXiv id and the DOI that the fields give, or else the address does."""
    urls = fields.get("url", [])
    preprints = filter(None, map(arxiv_id, [*fields.get("arxiv", []), *urls]))
    numbers = filter(None, [*map(doi, fields.get("doi", [])), *map(printed_doi, urls)])
    return tuple(sorted(dict((*next(numbers, ()), *next(preprints, ()))).items()))


def _fields(front_matter: str) -> dict[str, list[str]]:
    """Read the few fields we know; whatever else a front matter holds is passed over."""
    fields: dict[str, list[str]] = {}
    values: list[str] = []
    for line in front_matter.split("\n"):
        if field := _FIELD.match(line):
            values = fields.setdefault(field.group(1).lower(), [])
            plain = field.group(2).strip()
            several = plain.startswith("[") or field.group(1).lower() == "authors"
            values += plain.strip("[]").split(",") if several else [plain]
        elif item := _LIST_ITEM.match(line):
            values.append(item.group(1).removeprefix("name:"))
        elif not line.startswith((" ", "\t")):
            values = []
    stripped = {key: [clean(v.strip().strip("\"'")) for v in vs] for key, vs in fields.items()}
    return {key: [value for value in vs if value] for key, vs in stripped.items()}


def _blocks(text: str) -> Iterator[Block]:
    """Walk the top-level stream of tokens; lists and quotations are flattened."""
    level = 0
    in_table = False
    for token in _parser().parse(text):
        if token.type in {"table_open", "table_close"}:
            in_table = token.type == "table_open"
        elif token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type == "heading_close":
            level = 0
        elif token.type == "inline" and not in_table:
            yield from _blocks_of(token, level)


def _blocks_of(token: Token, level: int) -> Iterator[Block]:
    """Yield what a row of inline tokens is: one block, or two where it begins a callout."""
    children = token.children or []
    footnote = _FOOTNOTE.match(token.content)
    if level:
        yield Heading(_words(children), level)
    elif footnote and footnote.group(1):
        yield Aside("Footnotes", _words(children).lstrip(": "))
    elif callout := _CALLOUT.match(token.content):
        ends = (place for place, child in enumerate(children) if child.type in _BREAKS)
        end = next(ends, len(children))
        yield Paragraph(_words(children[:end])[callout.end() :].strip())
        yield Paragraph(_words(children[end:]))
    else:
        words = _words(children)
        yield Aside("Captions", words) if is_caption(words) else Paragraph(words)


def _words(children: Sequence[Token]) -> str:
    """Return what a reader of the rendered text reads, without the images."""
    return clean(_BLOCK_ID.sub("", "".join(_pieces(children))))


def _pieces(children: Sequence[Token]) -> Iterator[str]:
    for token in children:
        if token.type in {"text", "code_inline", "kept"}:
            yield token.content
        elif token.type in _BREAKS or token.content.startswith("<br"):
            yield "\n"


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.inline.ruler.before("escape", "kept", _kept_rule)
    parser.block.ruler.before("code", "comment", _comment_rule, {"alt": ["paragraph"]})
    return parser


def _kept_rule(state: StateInline, silent: bool) -> bool:
    """Take whole what CommonMark would take apart; only a formula or a link leaves words."""
    if state.src[state.pos] not in "$[!%":
        return False
    gone = _first(state, _DISPLAY, _FOOTNOTE, _EMBEDDED, _COMMENT)
    match = gone or _first(state, _FORMULA, _WIKI_LINK)
    if match is None:
        return False
    if not silent:
        state.push("kept", "", 0).content = "" if gone else _as_read(match)
    state.pos = match.end()
    return True


def _first(state: StateInline, *patterns: re.Pattern[str]) -> re.Match[str] | None:
    found = (pattern.match(state.src, state.pos) for pattern in patterns)
    return next(filter(None, found), None)


def _as_read(match: re.Match[str]) -> str:
    """Return a formula as it is, and of a link to a note what it is shown as."""
    if match.re is _FORMULA:
        return match.group()
    return match["alias"] or match["note"] or (match["part"] or "").strip("#^")


def _comment_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Pass over a comment that begins a line and goes over several, with empty ones among them."""
    first = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("%%", first):
        return False
    close = state.src.find("%%", first + 2, state.eMarks[end - 1])
    if close < 0:
        return False
    last = next(line for line in range(start, end) if close <= state.eMarks[line])
    if state.src[close + 2 : state.eMarks[last]].strip():
        return False  # text follows on the line: an inline comment at the start of a paragraph
    if not silent:
        state.line = last + 1
    return True
