r"""Acronyms and terms that a LaTeX source defines once and names by a key.

The packages acronym, acro, glossaries and glossaries-extra print, for ``\gls{sae}`` or
``\ac{sae}``, the long form with the short one in brackets at first and the short form from then
on; ``\acl`` and the like ask for one of them. So what stands in the text depends on what came
before it, and here as there a use in the abstract or a caption counts.

But: plurals of their own, other styles of the first use, and resets at chapters are not followed.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.readers.latex_source import Cursor

_DEFINES = re.compile(
    r"\\%|%[^\n]*|\\(?P<command>newacronym|newabbreviation|acrodef|acro|DeclareAcronym"
    r"|newglossaryentry|longnewglossaryentry)\b(?=\s*[\[{])"
)
_FIELD = re.compile(r"(?:^|,)\s*(short|long|name)\s*=\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|([^,{}]*))")

N_DEFINITION_ARGUMENTS = {
    **{"newacronym": 3, "newabbreviation": 3, "acrodef": 2, "acro": 2, "DeclareAcronym": 2},
    **{"newglossaryentry": 2, "longnewglossaryentry": 3},
}
"""Commands that define an entry, and how many arguments each has."""

_FORMS = {
    "first": "gls ac",
    "short": "acs acrshort acshort glsxtrshort glsentryshort glstext glsname glsentryname",
    "long": "acl acrlong aclong glsxtrlong glsentrylong",
    "full": "acf acrfull acfull glsxtrfull",
}


class _Use(NamedTuple):
    form: str
    is_plural: bool
    is_capital: bool


_USES = {
    cased: _Use(form, bool(ending), cased[0].isupper())
    for form, names in _FORMS.items()
    for name in names.split()
    for ending in ("", "p", "pl")
    for cased in (name + ending, name.capitalize() + ending)
}
"""Commands that print an entry."""


class Entry(NamedTuple):
    """A term; one that is no acronym has no long form."""

    short: str
    long: str
    """LaTeX, as are both."""


@dataclass
class Glossary:
    """The entries of a document, by their keys, and which were used already."""

    entries: dict[str, Entry] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def define_all(self, cursor: Cursor) -> None:
        """Take over every definition from the cursor to the end of its source."""
        while match := _DEFINES.search(cursor.source, cursor.at):
            cursor.at = match.end()
            if command := match["command"]:
                self._define(command, arguments_of(command, cursor))

    def _define(self, command: str, given: tuple[list[str], list[str]]) -> None:
        arguments, options = given
        key, last = arguments[0].strip(), arguments[-1]
        if command in {"newacronym", "newabbreviation"}:
            entry = Entry(arguments[1], last)
        elif command in {"acrodef", "acro"}:
            entry = Entry(options[0] if options else key, last)
        else:
            found = {each[1]: each[2] or each[3] or "" for each in _FIELD.finditer(arguments[1])}
            entry = Entry(found.get("short") or found.get("name") or key, found.get("long", ""))
        self.entries.setdefault(key, entry)

    def printed(self, command: str, key: str) -> str | None:
        """Return the LaTeX that a use of a key stands for; None of a key that is not defined."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        form, is_plural, is_capital = _USES[command]
        if form == "first":
            form = "short" if key in self.used else "full"
        if form == "full":
            self.used.add(key)
        end = "s" if is_plural else ""
        short, long = f"{entry.short}{end}", f"{entry.long}{end}"
        if not entry.long or form == "short":
            text = short
        else:
            text = long if form == "long" else f"{long} ({short})"
        return text[:1].upper() + text[1:] if is_capital else text


def is_use(command: str) -> bool:
    """Say whether a command prints an entry of the glossary."""
    return command in _USES


def arguments_of(command: str, cursor: Cursor) -> tuple[list[str], list[str]]:
    """Read what defines an entry: its arguments, and the options that stand behind the key."""
    cursor.options()
    arguments = [cursor.argument()]
    options = cursor.options()
    while len(arguments) < N_DEFINITION_ARGUMENTS[command]:
        arguments.append(cursor.argument())
    return arguments, options
