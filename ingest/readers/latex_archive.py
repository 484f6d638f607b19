r"""A paper's sources in one archive, as preprint servers and editors hand them out.

The main file is the one that the archive's own ``00README`` names; else among the files with a
``\documentclass`` that no other file takes in: one with a formatted list of references beside it,
one that is called as main files are, the outermost, the longest. From there the files are put
together (`ingest.readers.latex_flattening`) and read like a single one. Nothing is unpacked to the
disk, and nothing outside of the archive is opened.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import partial

from ingest.documents import Document
from ingest.readers.files import TEXT_LIMIT, RawFile
from ingest.readers.latex import declared_encoding, decode_latex, document_of
from ingest.readers.latex_bibliography import references_of
from ingest.readers.latex_flattening import Flattener
from ingest.readers.unpacking import members_of

_SUFFIXES = (".tex", ".ltx", ".bbl", ".bib")
_READMES = ("00README.json", "00README.XXX", "00README")
_CLASS = re.compile(r"^[^%\n]*\\document(?:class|style)\b", re.MULTILINE)
_PART = re.compile(r"\\documentclass\s*(?:\[[^]]*\]\s*)?\{(?:subfiles|standalone)\}")
_TAKEN_IN = re.compile(r"^[^%\n]*\\(?:input|include|subfile)\s*\{?\s*([^\s{}\\%]+)", re.MULTILINE)
_TOLD = re.compile(r"^(\S+)\s+toplevelfile\b", re.MULTILINE)
_MAIN_NAMES = ("main", "ms", "paper", "article", "manuscript", "arxiv", "root")
_HIDDEN = re.compile(r"(?:^|/)(?:\.|__MACOSX/)")


def read_latex_archive(file: RawFile) -> list[Document]:
    """Read an archive of LaTeX sources as one document.

    Raises:
        DocumentError: It is damaged, a bomb or no archive, has no LaTeX or no main file, or its
            text cannot be read; the message names the member and the line.
    """
    members = members_of(file, _is_wanted, TEXT_LIMIT)
    if set(members) == {""}:  # a single file, packed
        return [document_of(file, decode_latex(members[""], declared_encoding(members[""].data)))]
    sources = {
        name: raw for name, raw in members.items() if name.lower().endswith((".tex", ".ltx"))
    }
    if not sources:
        raise file.error("there is no LaTeX source (.tex) in this archive: unpack it")
    plain = {name: raw.data.decode("latin-1") for name, raw in sources.items()}
    main = _main_file(file, plain, members)
    encoding = declared_encoding(sources[main].data)
    texts = _Texts(members, encoding)
    flattener = Flattener(file, texts, main, partial(_references, file, texts, main))
    text = flattener.flattened()
    return [document_of(file, text, tuple(flattener.places))]


class _Texts(Mapping[str, str]):
    """The texts of the members, decoded when they are asked for."""

    def __init__(self, members: Mapping[str, RawFile], encoding: str) -> None:
        self._members = members
        self._encoding = encoding

    def __getitem__(self, name: str) -> str:
        return decode_latex(self._members[name], self._encoding)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def _is_wanted(name: str) -> bool:
    return posixpath.basename(name) in _READMES or (
        name.lower().endswith(_SUFFIXES) and not _HIDDEN.search(name)
    )


def _main_file(file: RawFile, sources: Mapping[str, str], members: Mapping[str, RawFile]) -> str:
    """Return the name of the file that TeX is to be run on."""
    told = _told(members)
    if told in sources:
        return told
    with_class = [
        name for name, text in sources.items() if _CLASS.search(text) and not _PART.search(text)
    ]
    if not with_class:
        if len(sources) == 1:
            return next(iter(sources))
        raise file.error(
            f"none of its {len(sources)} LaTeX files has a \\documentclass, so there is no main "
            "one: pack the paper's main file too"
        )
    taken_in = {
        posixpath.basename(found[1]).removesuffix(".tex")
        for text in sources.values()
        for found in _TAKEN_IN.finditer(text)
    }

    def rank(name: str) -> tuple[bool, bool, bool, int, int, str]:
        stem = posixpath.splitext(name)[0]
        bare = posixpath.basename(stem)
        return (
            bare in taken_in,
            f"{stem}.bbl" not in members,
            not bare.lower().startswith(_MAIN_NAMES),
            name.count("/"),
            -len(sources[name]),
            name,
        )

    return min(with_class, key=rank)


def _told(members: Mapping[str, RawFile]) -> str:
    """Return the main file that the archive itself names, if it does."""
    for name in _READMES:
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


def _references(file: RawFile, texts: _Texts, main: str, text: str) -> str:
    """Return the list of references for the text so far."""
    stem = posixpath.splitext(main)[0]
    lists = [name for name in texts if name.endswith(".bbl")]
    own = [name for name in lists if name == f"{stem}.bbl"] or (lists if len(lists) == 1 else [])
    bibs = [texts[name] for name in sorted(texts) if name.endswith(".bib")]
    return references_of(file, text, texts[own[0]] if own else "", bibs)
