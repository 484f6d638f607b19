r"""Which of an archive's LaTeX files is the paper.

It is the one that the archive's own ``00README`` names; else among the files with a
``\documentclass`` that no other file takes in, in this order: none that is called a supplement, a
reply or slides, one with a formatted list of references beside it, one that asks for a list of
references, one that is called as main files are, the outermost, the longest with what it takes in.

If two of these are papers of their own, with other titles and neither much longer, nothing here
says which is meant, and the archive is refused; papers that are not read are named.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ingest.readers.files import RawFile
from ingest.readers.latex_commands import uncommented
from kg.errors import DocumentError

READMES = ("00README.json", "00README.XXX", "00README")
_CLASS = re.compile(r"\\document(?:class|style)\b")
_PART = re.compile(r"\\documentclass\s*(?:\[[^]]*\]\s*)?\{(?:subfiles|standalone)\}")
_BEGIN = re.compile(r"\\begin\s*\{document\}")
_TAKEN_IN = re.compile(r"\\(?:input|include|subfile)\s*\{?\s*([^\s{}\\%]+)")
_LISTS = re.compile(r"\\(?:bibliography\s*\{|printbibliography|begin\s*\{thebibliography\})")
_TITLE = re.compile(r"\\(?:icml)?title\s*(?:\[[^]]*\])?\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_TOLD = re.compile(r"^(\S+)\s+toplevelfile\b", re.MULTILINE)
_MAIN_NAMES = ("main", "ms", "paper", "article", "manuscript", "arxiv", "root")
_BESIDE = re.compile(
    r"suppl|append|rebuttal|respon|reply|cover|letter|slide|poster|talk|checklist|diff", re.I
)
_COMPARABLE = 0.5
"""Of the longer's length: a shorter paper than this is not in doubt with it."""

_MOST_NAMED = 3


class MainFile(NamedTuple):
    """The file that TeX is to be run on."""

    name: str
    others: tuple[str, ...] = ()
    """Files that are papers of their own, and are not read."""


@dataclass(frozen=True)
class _Candidate:
    name: str
    text: str
    length: int
    """With what it takes in."""

    has_formatted_list: bool
    is_taken_in: bool

    @property
    def title(self) -> str:
        found = _TITLE.search(self.text)
        return re.sub(r"\\[A-Za-z]+|[\W_]+", " ", found[1]).casefold().strip() if found else ""

    @property
    def is_paper(self) -> bool:
        """Say whether it is a text of its own, and not only taken in by others."""
        return not self.is_taken_in and _BEGIN.search(self.text) is not None

    @property
    def standing(self) -> tuple[bool, bool, bool, bool, bool, int]:
        """Return what speaks for others before it, the most telling first."""
        stem = posixpath.basename(posixpath.splitext(self.name)[0]).lower()
        return (
            self.is_taken_in,
            bool(_BESIDE.search(stem) or _BESIDE.match(self.title)),
            not self.has_formatted_list,
            _LISTS.search(self.text) is None,
            not stem.startswith(_MAIN_NAMES),
            self.name.count("/"),
        )


def main_file_of(
    file: RawFile, sources: Mapping[str, str], members: Mapping[str, RawFile]
) -> MainFile:
    r"""Return the main file, given the texts of the LaTeX files.

    Raises:
        DocumentError: None has a ``\documentclass``, or two papers have equal claims.
    """
    plain = {name: uncommented(text) for name, text in sources.items()}
    told = _told(members)
    candidates = list(_candidates(plain, members))
    if told in sources:
        return MainFile(told, _papers(candidates, told))
    if not candidates:
        if len(sources) == 1:
            return MainFile(next(iter(sources)))
        raise file.error(
            f"none of its {len(sources)} LaTeX files has a \\documentclass, so there is no main "
            "one: pack the paper's main file too"
        )
    ranked = sorted(candidates, key=lambda each: (each.standing, -each.length, each.name))
    first = ranked[0]
    rivals = [each for each in ranked[1:] if _are_in_doubt(first, each)]
    if rivals:
        raise _in_doubt(file, first, rivals)
    return MainFile(first.name, _papers(ranked, first.name))


def _papers(candidates: list[_Candidate], main: str) -> tuple[str, ...]:
    return tuple(each.name for each in candidates if each.is_paper and each.name != main)


def _are_in_doubt(first: _Candidate, other: _Candidate) -> bool:
    """Say whether two papers have the same standing and neither is much the longer."""
    return (
        other.is_paper
        and other.standing == first.standing
        and other.title != first.title
        and other.length >= _COMPARABLE * first.length
    )


def _in_doubt(file: RawFile, first: _Candidate, rivals: list[_Candidate]) -> DocumentError:
    names = sorted([first.name, *(each.name for each in rivals)])
    listed = ", ".join(names[:_MOST_NAMED]) + (" and others" if len(names) > _MOST_NAMED else "")
    return file.error(
        f"it holds {len(names)} papers ({listed}), and nothing says which is meant: pack one "
        f"alone, or add a file 00README with the line '{first.name} toplevelfile'"
    )


def _candidates(sources: Mapping[str, str], members: Mapping[str, RawFile]) -> Iterator[_Candidate]:
    """Yield the files that TeX could be run on."""
    takes = {name: list(_taken_in(name, text, sources)) for name, text in sources.items()}
    taken_in = {each for targets in takes.values() for each in targets}
    for name, text in sources.items():
        if _CLASS.search(text) and not _PART.search(text):
            stem = posixpath.splitext(name)[0]
            yield _Candidate(
                name,
                text,
                sum(len(sources[each]) for each in _reached(name, takes)),
                f"{stem}.bbl" in members,
                name in taken_in,
            )


def _taken_in(name: str, text: str, sources: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that a file takes in, as far as the archive has them."""
    for found in _TAKEN_IN.finditer(text):
        for folder in ("", posixpath.dirname(name)):
            path = posixpath.normpath(posixpath.join(folder, found[1]))
            yield from (each for each in (path, f"{path}.tex") if each in sources and each != name)


def _reached(name: str, takes: Mapping[str, list[str]]) -> set[str]:
    """Return a file with all that it takes in, and what that takes in."""
    found, waiting = {name}, [name]
    while waiting:
        new = set(takes[waiting.pop()]) - found
        found |= new
        waiting += new
    return found


def _told(members: Mapping[str, RawFile]) -> str:
    """Return the main file that the archive itself names, if it does."""
    for name in READMES:
        if name not in members:
            continue
        text = members[name].data.decode("utf-8", errors="replace")
        if found := _TOLD.search(text):
            return found[1]
        try:
            listed = json.loads(text)["sources"]
            return str(next(each["filename"] for each in listed if each["usage"] == "toplevel"))
        except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
            continue
    return ""
