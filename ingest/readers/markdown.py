r"""Markdown: headings and paragraphs from the block tokens of a CommonMark parser.

A section's text has no markup: emphasis, links and list marks are gone, inline code keeps its
words, inline formulas stay as their source (``$x_i$``). Out of the flow are code blocks, tables,
images, raw HTML and displayed formulas; captions ("Figure 3: ...") and footnotes go beside it.
A front matter block (``---`` at the very top) may give title, authors, date and url.

CommonMark 0.31.2, https://spec.commonmark.org/0.31.2/, by markdown-it-py; formulas are not part
of it, so one inline rule here takes them before emphasis can eat their asterisks.
"""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from ingest.documents import Document
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
_FIELD = re.compile(r"^(title|authors?|date|year|url)[ \t]*:[ \t]*(.*)$", re.IGNORECASE)
_LIST_ITEM = re.compile(r"^[ \t]*-[ \t]+(.+)$")
_DISPLAY = re.compile(r"\$\$.*?\$\$", re.DOTALL)
_FORMULA = re.compile(r"\$(?![\s$])(?:\\.|[^$\\\n])+?(?<!\s)\$(?!\d)")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,40}\](:?)")


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
        )
    ]


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
            yield _block(token, level)


def _block(token: Token, level: int) -> Block:
    footnote = _FOOTNOTE.match(token.content)
    words = clean("".join(_words(token)))
    if level:
        return Heading(words, level)
    if footnote and footnote.group(1):
        return Aside("Footnotes", words.lstrip(": "))
    return Aside("Captions", words) if is_caption(words) else Paragraph(words)


def _words(inline: Token) -> Iterator[str]:
    """Yield what a reader of the rendered paragraph reads, without the images."""
    for token in inline.children or ():
        if token.type in {"text", "code_inline", "formula"}:
            yield token.content
        elif token.type in {"softbreak", "hardbreak", "html_inline"}:
            yield " " if token.type != "html_inline" or token.content.startswith("<br") else ""


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.inline.ruler.before("escape", "formula", _formula_rule)
    return parser


def _formula_rule(state: StateInline, silent: bool) -> bool:
    """Take a formula or a footnote's mark whole; displayed formulas and marks leave nothing."""
    if state.src[state.pos] not in "$[":
        return False
    kept = _FORMULA.match(state.src, state.pos)
    gone = _DISPLAY.match(state.src, state.pos) or _FOOTNOTE.match(state.src, state.pos)
    match = gone or kept
    if match is None:
        return False
    if not silent:
        state.push("formula", "", 0).content = "" if gone else match.group()
    state.pos = match.end()
    return True
