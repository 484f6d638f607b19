"""From LaTeX tokens to headings, paragraphs, captions and footnotes.

Most commands only change looks: their name is dropped, and their argument is read where it
stands, because braces print nothing. The others are in `latex_commands`, or have a method here.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial

from ingest.readers.files import RawFile
from ingest.readers.latex_commands import (
    ACCENTS,
    ASSIGNS,
    CITES,
    DISPLAYED_FORMULAS,
    DROPPED_ENVIRONMENTS,
    LENGTH,
    MARKS,
    N_DROPPED_ARGUMENTS,
    N_ENVIRONMENT_ARGUMENTS,
    REFERS,
    RUN_INS,
    SECTION_LEVELS,
    SYMBOLS,
    VERBATIM,
    accented,
)
from ingest.readers.latex_glossaries import (
    N_DEFINITION_ARGUMENTS,
    Glossary,
    arguments_of,
    is_use,
)
from ingest.readers.latex_labels import Labels
from ingest.readers.latex_source import Cursor, Macros
from ingest.readers.sections import RUN_IN_LEVEL, Aside, Block, Heading, Paragraph, clean

_CAPTION = re.compile(r"\\caption(?:of\s*\{[^}]*\})?\*?(?=[\[{])")
_ENTRY = re.compile(r"\\bibitem\b")
_GAP = re.compile(r"\s*")
_FILE_NAME = re.compile(r"[^\s\\{}%]*")
_FORMULA = "\ue000"
"""Where a displayed formula stood; no text has this character."""

_STREAM = re.compile(r"\s*\\?[A-Za-z@]*\d*[ \t]*=?[ \t]*")


class Scanner:
    """Turns source into blocks; each stretch that is read on its own has one."""

    def __init__(
        self,
        file: RawFile,
        macros: Macros,
        glossary: Glossary | None = None,
        labels: Labels | None = None,
    ) -> None:
        self.file = file
        self.macros = macros
        self.glossary = Glossary() if glossary is None else glossary
        self.labels = Labels() if labels is None else labels
        self.words: list[str] = []
        self.in_appendix = False

    def scan(self, cursor: Cursor) -> Iterator[Block]:
        """Yield the blocks from the cursor to the end of its source."""
        yield from self._scan(cursor, 0)
        yield from self.flush(cursor)

    def words_of(self, cursor: Cursor) -> str:
        """Return the running words of an argument, as one line."""
        blocks = list(Scanner(self.file, self.macros, self.glossary, self.labels).scan(cursor))
        return " ".join(block.text for block in blocks if not isinstance(block, Aside))

    def _scan(self, cursor: Cursor, depth: int) -> Iterator[Block]:
        for token in cursor.tokens():
            text = token.group()
            if name := token["name"]:
                yield from self._command(name, cursor, depth)
                self.words.append(" " if token["gap"] and len(name) > 2 else "")
            elif token.lastgroup == "symbol":
                self._symbol(token["symbol"], cursor)
            elif token.lastgroup == "break":
                yield from self.flush(cursor)
            elif token.lastgroup in {"formula", "words"}:
                self.words.append(text)
            elif token.lastgroup == "mark":
                self.words.append(MARKS.get(text, ""))
            elif token.lastgroup == "display":
                self.words.append(_FORMULA)

    def _command(self, name: str, cursor: Cursor, depth: int) -> Iterator[Block]:
        """Do what one command does to the text around it."""
        if name in _METHODS:
            yield from _METHODS[name](self, cursor)
        elif name in SECTION_LEVELS:
            yield from self._heading(SECTION_LEVELS[name], cursor)
        elif is_use(name) and name not in self.macros.defined:
            entry = self.macros.spent(name, self._entry(name, cursor), depth)
            yield from self._scan(cursor.inside(entry), depth + 1)
        elif name in self.macros.defined and name not in N_DROPPED_ARGUMENTS:
            expansion = self.macros.expand(name, cursor, depth)
            yield from self._scan(cursor.inside(expansion), depth + 1)
        else:
            self.words.append(self._printed(name, cursor))

    def _printed(self, name: str, cursor: Cursor) -> str:
        """Return what a command that opens nothing prints, reading its arguments."""
        if name in SYMBOLS:
            return SYMBOLS[name]
        if name in ACCENTS:
            return accented(cursor.argument(), ACCENTS[name])
        if CITES.fullmatch(name):
            cursor.options()
            return f"[{clean(cursor.argument())}]"
        if REFERS.fullmatch(name):
            return self.labels.printed(name, cursor.argument())
        if ASSIGNS.fullmatch(name):
            cursor.skip(LENGTH)
        cursor.options()
        for _ in range(N_DROPPED_ARGUMENTS.get(name, 0)):
            cursor.argument()
        return ""

    def _entry(self, name: str, cursor: Cursor) -> str:
        """Return what a use of the glossary stands for; of a key that is not defined, the key."""
        cursor.options()
        key = cursor.argument()
        cursor.options()
        printed = self.glossary.printed(name, key.strip())
        return key if printed is None else printed

    def _symbol(self, symbol: str, cursor: Cursor) -> None:
        """Do what a command of one character does."""
        if symbol in ACCENTS:
            self.words.append(accented(cursor.argument(), ACCENTS[symbol]))
        elif symbol == "(":
            self.words.append("$" + cursor.until(r"\)") + "$")
        elif symbol == "[":
            cursor.until(r"\]")
            self.words.append(_FORMULA)
        elif symbol == "\\":
            cursor.options()
            self.words.append(" ")
        elif symbol in "%&#$_{}":
            self.words.append(symbol)
        elif symbol not in "/!@-":
            self.words.append(" ")

    def _heading(self, level: int, cursor: Cursor) -> Iterator[Block]:
        yield from self.flush(cursor)
        cursor.options()
        text = self.words_of(cursor.inside(cursor.argument()))
        yield Heading(text, level, "appendix" if self.in_appendix else None)

    def run_in(self, cursor: Cursor) -> Iterator[Block]:
        """Read a heading that is printed in front of its paragraph."""
        yield from self.flush(cursor)
        cursor.options()
        heading = self.words_of(cursor.inside(cursor.argument()))
        if heading.endswith((".", ":", "?", "!")):
            self.words.append(f"{heading} ")
        else:
            yield Heading(heading, RUN_IN_LEVEL, "appendix" if self.in_appendix else None)

    def begin(self, cursor: Cursor) -> Iterator[Block]:
        """Enter an environment, or pass over the whole of it."""
        name = cursor.argument()
        bare = name.rstrip("*")
        if bare in VERBATIM:
            cursor.environment(name, verbatim=True)
        elif bare in DISPLAYED_FORMULAS:
            cursor.environment(name)
            self.words.append(_FORMULA)
        elif bare in DROPPED_ENVIRONMENTS:
            yield from self._captions(cursor.inside(cursor.environment(name)))
        elif bare == "thebibliography":
            yield from self.flush(cursor)
            yield Heading("References", 1, "references")
            yield from self._references(cursor.inside(cursor.environment(name)))
        else:
            yield from self.flush(cursor)
            if bare == "abstract":
                yield Heading("Abstract", 1, "abstract")
            cursor.options()
            for _ in range(N_ENVIRONMENT_ARGUMENTS.get(bare, 0)):
                cursor.argument()

    def end(self, cursor: Cursor) -> Iterator[Block]:
        """Leave an environment that was entered."""
        yield from self.flush(cursor)
        if cursor.argument() == "abstract":
            yield Heading("", 0)

    def item(self, cursor: Cursor) -> Iterator[Block]:
        """Begin an item of a list; a label of its own is read with it."""
        yield from self.flush(cursor)
        for label in cursor.options():
            self.words.append(f"{self.words_of(cursor.inside(label))} ")

    def caption(self, cursor: Cursor) -> Iterator[Block]:
        """Put a caption beside the flow."""
        cursor.options()
        yield Aside("Captions", self.words_of(cursor.inside(cursor.argument())))

    def footnote(self, cursor: Cursor) -> Iterator[Block]:
        """Put a footnote beside the flow."""
        cursor.options()
        yield Aside("Footnotes", self.words_of(cursor.inside(cursor.argument())))

    def take_in(self, cursor: Cursor) -> Iterator[Block]:
        """Refuse a file that the body takes in; a formatted bibliography is no loss."""
        name = cursor.argument()
        if not name.endswith(".bbl"):
            place = cursor.place_here
            in_archive = ", line " in place  # only there has a line a file
            raise self.file.error(
                f"{place}: the text goes on in another file, {name!r}, which "
                + (
                    "the archive lacks: pack it too"
                    if in_archive
                    else "is not read: give the whole paper as an archive (.tar.gz or .zip)"
                )
            )
        yield from ()

    def newcommand(self, cursor: Cursor) -> Iterator[Block]:
        """Take over a macro that the body defines."""
        self.macros.define(cursor)
        yield from ()

    def primitive_definition(self, cursor: Cursor) -> Iterator[Block]:
        r"""Take over a macro that the body defines with ``\def``."""
        self.macros.define_primitive(cursor)
        yield from ()

    def start_appendix(self, cursor: Cursor) -> Iterator[Block]:
        """Make every section from here on part of the appendix."""
        self.in_appendix = True
        yield from self.flush(cursor)

    def verb(self, cursor: Cursor) -> Iterator[Block]:
        """Keep inline code as it stands."""
        mark = cursor.source[cursor.at : cursor.at + 1]
        cursor.at += 1
        self.words.append(cursor.until(mark) if mark else "")
        yield from ()

    def open_file(self, cursor: Cursor) -> Iterator[Block]:
        r"""Pass over what TeX would open or write: ``\\openin\\f=name``, ``\\write18{...}``."""
        cursor.skip(_STREAM)
        if cursor.source[cursor.at : cursor.at + 1] == "{":
            cursor.argument()
        else:
            cursor.skip(_FILE_NAME)
        yield from ()

    def url(self, cursor: Cursor) -> Iterator[Block]:
        """Keep an address as it stands."""
        self.words.append(cursor.argument())
        yield from ()

    def glossary_entry(self, cursor: Cursor, command: str) -> Iterator[Block]:
        """Pass over what defines an entry of the glossary: all were taken over beforehand."""
        arguments_of(command, cursor)
        yield from ()

    def false(self, cursor: Cursor) -> Iterator[Block]:
        r"""Pass over what ``\iffalse`` switches off."""
        cursor.until(r"\fi")
        yield from ()

    def flush(self, _cursor: Cursor) -> Iterator[Block]:
        """Hand over the paragraph read so far, if there is one.

        Where a sentence begins after a displayed formula, the one before ended in it.
        """
        for part in _around_formulas("".join(self.words)):
            if text := clean(part):
                yield Paragraph(text)
        self.words.clear()

    def _captions(self, body: Cursor) -> Iterator[Block]:
        for found in _CAPTION.finditer(body.source):
            body.at = found.end()
            yield from self.caption(body)

    def _references(self, body: Cursor) -> Iterator[Block]:
        r"""Yield the entries, each with the key that ``\\cite`` names it by in front."""
        for entry in _ENTRY.split(body.source)[1:]:
            cursor = body.inside(entry)
            cursor.skip(_GAP)
            cursor.options()
            key = clean(cursor.argument())
            yield Paragraph(clean(f"[{key}] {self.words_of(cursor)}"))


def _around_formulas(text: str) -> list[str]:
    """Cut a text at the displayed formulas that a sentence ends in; the others leave a space."""
    parts = [""]
    for part in text.split(_FORMULA):
        if part.lstrip()[:1].isupper():
            parts.append(part)
        else:
            parts[-1] += f" {part}"
    return parts


_METHODS: dict[str, Callable[[Scanner, Cursor], Iterator[Block]]] = {
    "begin": Scanner.begin,
    "end": Scanner.end,
    "item": Scanner.item,
    "caption": Scanner.caption,
    "footnote": Scanner.footnote,
    "footnotetext": Scanner.footnote,
    **dict.fromkeys(RUN_INS, Scanner.run_in),
    **dict.fromkeys(("input", "include", "import", "subfile"), Scanner.take_in),
    **dict.fromkeys(("newcommand", "renewcommand", "providecommand"), Scanner.newcommand),
    "def": Scanner.primitive_definition,
    "appendix": Scanner.start_appendix,
    "appendices": Scanner.start_appendix,
    "par": Scanner.flush,
    "verb": Scanner.verb,
    "lstinline": Scanner.verb,
    **dict.fromkeys(("openin", "openout", "write", "read"), Scanner.open_file),
    "url": Scanner.url,
    "iffalse": Scanner.false,
    **{
        command: partial(Scanner.glossary_entry, command=command)
        for command in N_DEFINITION_ARGUMENTS
    },
}
