r"""A LaTeX paper of several files as one, from the files of its archive and no others.

``\input``, ``\include``, ``\import`` and ``\subfile`` are replaced by what they name, as
latexpand does, and the list of references by the formatted one (``.bbl``) or, without it, by the
entries of the ``.bib`` files that the text cites (`ingest.readers.latex_bibliography`). Which file
and line a place in the result comes from is kept, for errors.

A name that leads out of the archive is an error, a file that takes itself in is one, and so is more
text than a file may have. A name that the archive lacks stays as it is: in the preamble it is most
often a file of TeX's own, and in the text the reader says so.
"""

import posixpath
import re
from collections.abc import Callable, Mapping

from ingest.readers.files import MEGABYTE, TEXT_LIMIT, RawFile
from ingest.readers.latex_source import Place

_PARTS = re.compile(
    r"""\\\\|\\%|%[^\n]*
    |\\verb\*?(?P<mark>[^A-Za-z\s*])[^\n]*?(?P=mark)
    |\\begin\s*\{(?P<code>verbatim|Verbatim|lstlisting|minted|alltt|comment|filecontents)\*?\}
        .*?\\end\s*\{(?P=code)\*?\}
    |\\(?P<stop>endinput)(?![A-Za-z@])
    |\\(?P<references>bibliography\s*\{[^{}]*\}|printbibliography(?![A-Za-z@])(?:\[[^][]*\])?)
    |\\(?P<command>input|include|subfile|subfileinclude)(?![A-Za-z@])
        (?:\s*\{\s*(?P<name>[^{}]*?)\s*\}|\s+(?P<bare>[^\s{}\\%]+))
    |\\(?:sub)?import\*?\s*\{\s*(?P<folder>[^{}]*?)\s*\}\s*\{\s*(?P<file>[^{}]*?)\s*\}""",
    re.VERBOSE | re.DOTALL,
)
_BODY = re.compile(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", re.DOTALL)
_SUFFIXES = ("", ".tex", ".ltx")
_MOST_FILES = 5_000
"""Inclusions; a file may be taken in more than once."""


class Flattener:
    """Puts the files of a paper together, beginning with its main one."""

    def __init__(
        self,
        file: RawFile,
        texts: Mapping[str, str],
        main: str,
        references: Callable[[str], str],
    ) -> None:
        """Take the archive, its texts by name, and what gives the references of a text so far."""
        self.file = file
        self._texts = texts
        self._main = main
        self._top = posixpath.dirname(main)
        self._references = references
        self._pieces: list[str] = []
        self._length = 0
        self._n_files = 0
        self._has_references = False
        self.places: list[Place] = []

    def flattened(self) -> str:
        """Return the whole paper as one text; `places` says where its parts come from.

        Raises:
            DocumentError: A name leads out of the archive, a file takes itself in, or there is
                too much.
        """
        self._take(self._main, ())
        return "".join(self._pieces)

    def _take(self, name: str, within: tuple[str, ...]) -> None:
        """Append a file with everything that it takes in."""
        if name in within:
            way = " -> ".join((*within[within.index(name) :], name))
            raise self.file.error(
                f"{way}: this file takes itself in, so the text has no end: cut that"
            )
        self._n_files += 1
        if self._n_files > _MOST_FILES:
            raise self.file.error(
                f"more than {_MOST_FILES} files are taken in: no paper has that: cut some"
            )
        text = self._texts[name]
        start, end = 0, len(text)
        if within and (body := _BODY.search(text)):  # a subfile, which is a paper of its own too
            start, end = body.span(1)
        self._mark(name, text, start)
        for part in _PARTS.finditer(text, start, end):
            if part["stop"]:
                end = part.start()
                break
            if part["references"]:
                self._append(text[start : part.start()])
                self._append_references()
            elif (target := self._target(part, name, text)) is not None:
                self._append(text[start : part.start()])
                self._take(target, (*within, name))
                self._append("\n" if part["command"] == "include" else "")
            else:
                continue
            start = part.end()
            self._mark(name, text, start)
        self._append(text[start:end])

    def _target(self, part: re.Match[str], name: str, text: str) -> str | None:
        """Return the member that a command names, if there is one."""
        wanted = part["name"] or part["bare"] or ""
        if part["file"]:
            wanted = posixpath.join(part["folder"], part["file"])
        if not wanted or "\\" in wanted or "#" in wanted:
            return None
        for folder in dict.fromkeys((self._top, posixpath.dirname(name))):
            path = posixpath.normpath(posixpath.join(folder, wanted))
            if path.startswith(("/", "../")):
                line = 1 + text.count("\n", 0, part.start())
                raise self.file.error(
                    f"{name}, line {line}: {wanted} is outside of the archive: not read: pack it "
                    "too"
                )
            for suffix in _SUFFIXES:
                if path + suffix in self._texts:
                    return path + suffix
        return None

    def _append_references(self) -> None:
        if not self._has_references:
            self._has_references = True
            self.places.append(Place(self._length, "the list of references", 1))
            self._append("\n" + self._references("".join(self._pieces)) + "\n")

    def _mark(self, name: str, text: str, at: int) -> None:
        self.places.append(Place(self._length, name, 1 + text.count("\n", 0, at)))

    def _append(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)
        if self._length > TEXT_LIMIT:
            raise self.file.error(
                f"its files make a text of more than {TEXT_LIMIT // MEGABYTE} MB: split it"
            )
