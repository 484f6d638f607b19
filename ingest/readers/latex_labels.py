r"""What a cross-reference prints: "5" for ``\ref{sec:heads}``, "Figure 2" for ``\Cref{fig:heads}``.

Sections, figures, tables and algorithms are counted in one pass over the source, as TeX's standard
classes do; a label names what was counted last where it stands. What is counted in a way of its
own (IEEE and REVTeX sections and tables, chapters, ``\counterwithin``, ``\setcounter``,
``\renewcommand{\thefigure}``), and equations, theorems, items and pages, are not known by number:
such a reference prints its label's name.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from string import ascii_lowercase, ascii_uppercase
from typing import NamedTuple

from ingest.readers.latex_commands import VERBATIM, uncommented

_LEVELS = ("section", "subsection", "subsubsection")
_FLOATS = {
    **dict.fromkeys(
        ("figure", "wrapfigure", "sidewaysfigure", "teaserfigure", "SCfigure"), "figure"
    ),
    **dict.fromkeys(("table", "wraptable", "sidewaystable", "longtable"), "table"),
    **dict.fromkeys(("algorithm", "algorithm2e"), "algorithm"),
}
_KINDS = frozenset(_FLOATS.values())
_PARTS = {"subfigure": "figure", "subtable": "table"}
_TRANSPARENT = {
    *("document", "center", "minipage", "multicols", "landscape", "appendices", "adjustbox"),
    *("small", "abstract", "spacing", "sloppypar"),
}
"""Environments in which a label names what it would name outside."""

_CLASS = re.compile(r"\\documentclass\s*(?:\[[^]]*\])?\s*\{(?:IEEE|revtex)")
_CAPITALS = re.compile(r"\\usepackage\s*\[[^]]*\bcapitali[sz]e\b[^]]*\]\s*\{cleveref\}")
_OWN = (
    r"\\(?:numberwithin|counterwithin\*?|setcounter|addtocounter|(?:re)?newcommand\*?|def)"
    r"\s*\{?\s*(?:\\the)?(?P<own>(?:sub){0,2}section|figure|table|algorithm)\b"
)
_OWN_NUMBERS = re.compile(_OWN)
_IN_MACROS = re.compile(
    r"\\(?:(?P<level>(?:sub){0,2}section)|caption)\s*(?:\[[^]]*\])?\s*\{[^{}]*(?<!\\)#\d"
)
"""What is counted where a macro of the document's own is used, which is not followed here."""

_SWITCHED_OFF = re.compile(r"\\iffalse(?![A-Za-z]).*?\\fi(?![A-Za-z])", re.DOTALL)
_TOKEN = re.compile(
    rf"""\\begin\s*\{{(?P<verbatim>{"|".join(sorted(VERBATIM))}|comment)\*?\}}
    |\\begin\s*\{{(?P<begin>[^{{}}]*)\}}
    |\\end\s*\{{(?P<end>[^{{}}]*)\}}
    |\\(?P<level>(?:sub){{0,2}}section)\s*(?=[\[{{])
    |\\(?P<appendix>appendix)(?![A-Za-z])
    |\\caption(?:of\s*\{{)?(?P<caption>(?<=\{{)[a-z]+(?=\}}\s*[\[{{])|(?=\s*[\[{{]))
    |\\(?P<part>subfloat|subfigure)\s*[\[{{]
    |\\label\s*\{{(?P<label>[^{{}}]*)\}}
    |{_OWN}""",
    re.VERBOSE,
)


class Number(NamedTuple):
    """What a label names."""

    kind: str
    """ "section", "appendix", "figure", "table" or "algorithm"."""

    number: str


@dataclass
class Labels:
    """The labels of a document whose numbers are known."""

    found: dict[str, Number] = field(default_factory=dict)
    are_capital: bool = False
    """Whether ``\\cref`` prints names with a capital."""

    def printed(self, command: str, keys: str) -> str:
        """Return what a command prints for its keys, which commas separate."""
        names = [key.strip() for key in keys.split(",")]
        numbers = [self.found[name] for name in names if name in self.found]
        if command in {"eqref", "pageref", "nameref", "vref"} or len(numbers) < len(names):
            return keys.split(":")[-1].strip()
        if command == "ref":
            return _listed([each.number for each in numbers])
        is_capital = command in {"Cref", "autoref"} or self.are_capital
        return _listed(
            [
                _named(kind, [each.number for each in group], is_capital)
                for kind, group in groupby(numbers, lambda each: each.kind)
            ]
        )


def labels_of(source: str) -> Labels:
    """Return the labels of a whole source, preamble included, with their numbers."""
    source = _SWITCHED_OFF.sub("", uncommented(source))
    preamble, begin, body = source.partition(r"\begin{document}")
    if not begin:
        preamble, body = "", source
    counting = _Counting()
    counting.own = {found["own"] for found in _OWN_NUMBERS.finditer(preamble)}
    for found in _IN_MACROS.finditer(source):
        counting.own |= {found["level"]} if found["level"] else _KINDS
    if _CLASS.search(source):
        counting.own |= {"section", "table"}
    if r"\chapter" in source:
        counting.own |= {"section"} | _KINDS
    at = 0
    while token := _TOKEN.search(body, at):
        at = token.end()
        if name := token["verbatim"]:
            end = body.find(f"\\end{{{name}", at)
            at = len(body) if end < 0 else end
            continue
        counting.take(token)
    return Labels(counting.labels, _CAPITALS.search(preamble) is not None)


class _Counting:
    """Goes through a body, counting."""

    def __init__(self) -> None:
        self.labels: dict[str, Number] = {}
        self.own: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.in_appendix = False
        self.open: list[tuple[str, Number | None]] = [("document", None)]

    def take(self, token: re.Match[str]) -> None:
        """Take note of one command."""
        name = token.lastgroup or ""
        getattr(self, f"_{name}")(token[name].strip())

    def _label(self, key: str) -> None:
        if (number := self.open[-1][1]) is not None:
            self.labels[key] = number

    def _own(self, kind: str) -> None:
        self.own.add(kind)

    def _appendix(self, _: str) -> None:
        self.in_appendix = True
        for level in _LEVELS:
            self.counts[level] = 0

    def _level(self, level: str) -> None:
        depth = _LEVELS.index(level)
        self.counts[_LEVELS[depth]] += 1
        for deeper in _LEVELS[depth + 1 :]:
            self.counts[deeper] = 0
        first, *rest = (self.counts[level] for level in _LEVELS[: depth + 1])
        top = ascii_uppercase[(first - 1) % 26] if self.in_appendix else str(first)
        kind = "appendix" if self.in_appendix else "section"
        number = Number(kind, ".".join((top, *map(str, rest))))
        is_known = self.own.isdisjoint(_LEVELS[: depth + 1])
        self.open[:] = [("document", number if is_known else None)]

    def _begin(self, name: str) -> None:
        name = name.rstrip("*")
        if name == "appendices":
            self._appendix(name)
        if name in _FLOATS:
            for part in _PARTS:
                self.counts[part] = 0
        self.open.append((name, self.open[-1][1] if name in _TRANSPARENT else None))

    def _end(self, name: str) -> None:
        name = name.rstrip("*")
        names = [opened for opened, _ in self.open]
        if name in names[1:]:
            del self.open[len(names) - 1 - names[::-1].index(name) :]

    def _part(self, _: str) -> None:
        """Forget the number in a float whose parts are commands, with labels of their own."""
        self.open[-1] = (self.open[-1][0], None)

    def _caption(self, of: str) -> None:
        """Count a float, or a part of one, which has a letter behind the number to come."""
        names = (name for name, _ in reversed(self.open))
        name = next((name for name in names if name in _FLOATS or name in _PARTS), "")
        if name in _PARTS:
            kind = _PARTS[name]
            self.counts[name] += 1
            number = f"{self.counts[kind] + 1}{ascii_lowercase[self.counts[name] % 26 - 1]}"
        else:
            kind = of or _FLOATS.get(name, "")
            self.counts[kind] += 1
            number = str(self.counts[kind])
        is_known = kind in _KINDS and kind not in self.own
        self.open[-1] = (self.open[-1][0], Number(kind, number) if is_known else None)


def _named(kind: str, numbers: list[str], is_capital: bool) -> str:
    name = kind.capitalize() if is_capital else kind
    if len(numbers) > 1:
        name = name[:-1] + "ces" if kind == "appendix" else f"{name}s"
    return f"{name} {_listed(numbers)}"


def _listed(parts: list[str]) -> str:
    """Join as in running text: "1, 2 and 3"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
