r"""LaTeX at the level of its source: tokens, groups, environments, macros.

This is no TeX: nothing is executed. Groups are balanced, comments skipped, and the document's
own ``\newcommand`` and ``\def`` macros with plain arguments are replaced, with a budget, since
ten nested macros can ask for ten thousand million characters.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.readers.files import RawFile

TOKEN = re.compile(
    r"""\\(?P<name>[A-Za-z@]+)(?P<star>\*?)(?P<gap>[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?)
    |\\(?P<symbol>.)
    |(?P<comment>%[^\n]*(?:\n[ \t]*)?)
    |\$\$(?P<display>.*?)\$\$
    |\$(?P<formula>(?:\\.|[^\\$\n]|\n(?![ \t]*\n))+)\$
    |(?P<break>\n[ \t]*\n\s*)
    |(?P<mark>---?|``|''|[`'~{}&])
    |(?P<words>[^\\%$\n`'~{}&-]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_BRACE = re.compile(r"\\.|%[^\n]*|[{}]", re.DOTALL)
_BRACKET = re.compile(r"\\.|[][{}]", re.DOTALL)
_SPACE = re.compile(r"(?:[ \t]|%[^\n]*\n|\n(?![ \t]*\n))*")
_DEFINITION = re.compile(
    r"\\%|%[^\n]*|\\(?:(?P<command>(?:(?:re)?new|provide)command|DeclareRobustCommand)\b\*?"
    r"|(?P<primitive>def)\b)"
)
_NAME = re.compile(r"\{?\s*\\([A-Za-z@]+)\s*\}?")
_PRIMITIVE = re.compile(r"\s*\\([A-Za-z@]+)\s*((?:#\d)*)(?=\{)")
_LONGEST_OPTION = 2000
_MOST_EXPANDED = 2_000_000
_DEEPEST = 20


class Place(NamedTuple):
    """Where a stretch of source comes from that was put together from several files."""

    offset: int
    name: str
    line: int
    """Of the first character, from 1."""


class Macro(NamedTuple):
    """A macro that the document defines."""

    n_arguments: int
    default: str | None
    """Of the first argument, which is then optional."""

    body: str


@dataclass
class Cursor:
    """A place in a stretch of source, and what can be read from there on."""

    file: RawFile
    source: str
    at: int = 0
    outer: "Cursor | None" = None
    """Where `source` was read as an argument, or came out of a macro."""

    places: tuple[Place, ...] = ()
    """The files that `source` was put together from, if there were several."""

    def tokens(self) -> Iterator[re.Match[str]]:
        """Yield tokens from here on; whoever reads an argument in between moves the cursor."""
        while match := TOKEN.match(self.source, self.at):
            self.at = match.end()
            yield match

    @property
    def place_here(self) -> str:
        """Return the line that is being read, and its file if there are several, in words."""
        if self.outer is not None:
            return self.outer.place_here
        index = bisect_right(self.places, self.at, key=lambda place: place.offset)
        start, name, line = self.places[index - 1] if index else (0, "", 1)
        line += self.source.count("\n", start, self.at)
        return f"{name}, line {line}" if name else f"line {line}"

    def inside(self, source: str) -> "Cursor":
        """Return a cursor over an argument that was read here."""
        return Cursor(self.file, source, outer=self)

    def argument(self) -> str:
        """Read one mandatory argument: a group without its braces, or a single token."""
        start = self._after_space()
        if self.source[start : start + 1] != "{":
            match = TOKEN.match(self.source, start)
            token = match.group() if match else ""
            token = token if token.startswith("\\") else token[:1]
            self.at = start + len(token)
            return token
        depth = 0
        for brace in _BRACE.finditer(self.source, start):
            depth += {"{": 1, "}": -1}.get(brace.group(), 0)
            if depth == 0 and brace.group() == "}":
                self.at = brace.end()
                return self.source[start + 1 : brace.start()]
        raise self.file.error(f"{self.place_here}: this {{ is never closed: close it")

    def options(self) -> list[str]:
        """Read the optional arguments that follow at once."""
        found = []
        while self.source[self.at : self.at + 1] == "[":
            start, depth = self.at, 0
            for bracket in _BRACKET.finditer(self.source, start + 1, start + _LONGEST_OPTION):
                depth += {"{": 1, "}": -1}.get(bracket.group(), 0)
                if bracket.group() == "]" and depth <= 0:
                    found.append(self.source[start + 1 : bracket.start()])
                    self.at = bracket.end()
                    break
            if self.at == start:
                break  # a bracket of the text
        return found

    def environment(self, name: str, verbatim: bool = False) -> str:
        r"""Read on to the matching ``\end{name}``, and return what stands before it."""
        start, depth = self.at, 1
        ends = rf"\\(begin|end)\s*\{{{re.escape(name)}\}}"
        pattern = re.compile(ends if verbatim else rf"\\\\|\\%|%[^\n]*|{ends}")
        for match in pattern.finditer(self.source, start):
            depth += {"begin": 0 if verbatim else 1, "end": -1}.get(match.group(1) or "", 0)
            if depth == 0:
                self.at = match.end()
                return self.source[start : match.start()]
        raise self.file.error(
            f"{self.place_here}: \\begin{{{name}}} has no \\end{{{name}}}: add it"
        )

    def until(self, mark: str) -> str:
        """Read on to this mark, and over it."""
        start = self.at
        end = self.source.find(mark, start)
        if end < 0:
            raise self.file.error(f"{self.place_here}: no {mark} follows: add it")
        self.at = end + len(mark)
        return self.source[start:end]

    def skip(self, pattern: re.Pattern[str]) -> None:
        """Read over what this pattern matches here, if it matches."""
        if match := pattern.match(self.source, self.at):
            self.at = match.end()

    def _after_space(self) -> int:
        match = _SPACE.match(self.source, self.at)
        return match.end() if match else self.at


@dataclass
class Macros:
    """The macros a document defines, and how much they have produced so far."""

    file: RawFile
    defined: dict[str, Macro] = field(default_factory=dict)
    n_expanded: int = 0

    def define_all(self, source: str) -> None:
        """Take over every definition in a stretch of source, such as the preamble."""
        cursor = Cursor(self.file, source)
        while match := _DEFINITION.search(source, cursor.at):
            cursor.at = match.end()
            if match["command"]:
                self.define(cursor)
            elif match["primitive"]:
                self.define_primitive(cursor)

    def define(self, cursor: Cursor) -> None:
        r"""Read a definition, the cursor standing behind ``\newcommand``."""
        name = _NAME.match(cursor.source, cursor.at)
        if name is None:
            return
        cursor.at = name.end()
        number, default = (*cursor.options(), None, None)[:2]
        n_arguments = min(int(number), 9) if number and number.strip().isdecimal() else 0
        self.defined[name.group(1)] = Macro(n_arguments, default, cursor.argument())

    def define_primitive(self, cursor: Cursor) -> None:
        r"""Read a definition, the cursor standing behind ``\def``; delimiters are not followed."""
        head = _PRIMITIVE.match(cursor.source, cursor.at)
        if head is not None:
            cursor.at = head.end()
            self.defined[head.group(1)] = Macro(len(head.group(2)) // 2, None, cursor.argument())

    def expand(self, name: str, cursor: Cursor, depth: int) -> str:
        """Replace one use of a macro, reading its arguments.

        Raises:
            DocumentError: The macros call each other too deep, or produce too much.
        """
        macro = self.defined[name]
        arguments = []
        if macro.n_arguments and macro.default is not None:
            arguments.append((*cursor.options(), macro.default)[0])
        while len(arguments) < macro.n_arguments:
            arguments.append(cursor.argument())
        parts = re.split(r"#(\d)", macro.body)
        for place in range(1, len(parts), 2):
            number = int(parts[place])
            parts[place] = arguments[number - 1] if 0 < number <= len(arguments) else ""
        return self.spent(name, "".join(parts), depth)

    def spent(self, name: str, expansion: str, depth: int) -> str:
        """Count what a macro has produced, and return it.

        Raises:
            DocumentError: The macros call each other too deep, or produce too much.
        """
        self.n_expanded += len(expansion)
        if depth > _DEEPEST:
            raise self.file.error(f"the macro \\{name} expands without end: correct it")
        if self.n_expanded > _MOST_EXPANDED:
            much = f"more than {_MOST_EXPANDED:,} characters"
            raise self.file.error(f"macros such as \\{name} expand to {much}: correct them")
        return expansion
