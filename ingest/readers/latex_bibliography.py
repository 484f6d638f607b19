r"""The list of references of a LaTeX archive, as the ``thebibliography`` that BibTeX would write.

BibTeX's own ``.bbl`` is taken as it is. That of biber is data (``\entry{key}...``), and a ``.bib``
is a database of which the text cites a part; from both an entry is put together plainly: authors,
title, where it appeared, year, and whatever identifies it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from bibtexparser.library import Library
from bibtexparser.middlewares import (
    LatexDecodingMiddleware,
    RemoveEnclosingMiddleware,
    ResolveStringReferencesMiddleware,
)
from bibtexparser.splitter import Splitter

from ingest.readers.files import RawFile
from ingest.readers.latex_source import Cursor

_CITED = re.compile(r"\\[A-Za-z]*[cC]ite[A-Za-z]*\*?\s*(?:\[[^]]*\]\s*)*\{([^{}]*)\}")
_RECORD = re.compile(r"^[ \t]*@(\w+)\s*[{(]\s*([^\s,{}()=]+)\s*[,=]", re.MULTILINE)
_BIBER_ENTRY = re.compile(r"\\entry\{([^{}]*)\}(.*?)\\endentry", re.DOTALL)
_BIBER_FIELD = re.compile(r"\\(?:field|list)\{(\w+)\}(?:\{\d+\})?(?=\{)")
_BIBER_VERBATIM = re.compile(r"\\verb\{(\w+)\}\s*\\verb (.*?)\s*\\endverb", re.DOTALL)
_BIBER_NAME = re.compile(r"(family|given)=(?=\{)")
_BIBER_AUTHORS = re.compile(r"\\name\{author\}(.*?)(?=\\(?:name|list|field|strng|verb)\{|\Z)", re.S)
_VENUES = ("journal", "journaltitle", "booktitle", "publisher", "institution", "school")
_PLAIN = (ResolveStringReferencesMiddleware(), RemoveEnclosingMiddleware())
_MOST_ENTRIES = 2000


def references_of(file: RawFile, text: str, bbl: str, bibs: Iterable[str]) -> str:
    r"""Return a list of references as LaTeX source; empty if there is none.

    Args:
        file: The archive, for errors.
        text: The paper so far, which says what is cited.
        bbl: The formatted list, if the archive has it.
        bibs: The databases, the most trusted first.
    """
    if r"\bibitem" in bbl:
        return bbl
    entries = list(_of_biber(file, bbl))
    if not entries:
        entries = list(_of_bibtex(_cited(text), bibs))
    if not entries:
        return ""
    items = "\n".join(f"\\bibitem{{{key}}} {words}" for key, words in entries)
    return f"\\begin{{thebibliography}}{{}}\n{items}\n\\end{{thebibliography}}"


def entries_of_bibtex(bib: str) -> Iterator[tuple[str, str]]:
    """Yield the keys of a small database with the entries as they are printed, without TeX."""
    library = Splitter(bib).split()
    for middleware in (*_PLAIN, LatexDecodingMiddleware(keep_math_mode=True)):
        library = middleware.transform(library)
    yield from _written(library)


def _cited(text: str) -> dict[str, None]:
    """Return the keys that a text cites, in the order of their first citation."""
    keys = (key.strip() for found in _CITED.finditer(text) for key in found[1].split(","))
    return dict.fromkeys(key for key in keys if key)


def _of_biber(file: RawFile, bbl: str) -> Iterator[tuple[str, str]]:
    for entry in _BIBER_ENTRY.finditer(bbl):
        key, body = entry.groups()
        fields = {found[1]: _group(file, body, found) for found in _BIBER_FIELD.finditer(body)}
        fields |= {found[1]: found[2] for found in _BIBER_VERBATIM.finditer(body)}
        if named := _BIBER_AUTHORS.search(body):
            parts = [
                (found[1], _group(file, named[1], found))
                for found in _BIBER_NAME.finditer(named[1])
            ]
            families = [name for kind, name in parts if kind == "family"]
            given = [name for kind, name in parts if kind == "given"]
            names = [" ".join(pair) for pair in zip(given, families, strict=False)]
            fields["author"] = " and ".join(names if len(given) == len(families) else families)
        yield key, words_of(fields)


def _group(file: RawFile, body: str, found: re.Match[str]) -> str:
    return Cursor(file, body, found.end()).argument()


def _of_bibtex(cited: Mapping[str, None], bibs: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the cited entries; only these and the strings are parsed, as databases are large."""
    found: dict[str, str] = {}
    for bib in bibs:
        starts = [*_RECORD.finditer(bib)]
        ends = [*(start.start() for start in starts[1:]), len(bib)]
        wanted = [
            bib[start.start() : end]
            for start, end in zip(starts, ends, strict=True)
            if start[1].lower() == "string" or "*" in cited or start[2] in cited
        ]
        library = Splitter("\n".join(wanted[:_MOST_ENTRIES])).split()
        for middleware in _PLAIN:
            library = middleware.transform(library)
        for key, words in _written(library):
            found.setdefault(key, words)
    keys = list(found) if "*" in cited else [key for key in cited if key in found]
    yield from ((key, found[key]) for key in keys)


def _written(library: Library) -> Iterator[tuple[str, str]]:
    for entry in library.entries:
        yield entry.key, words_of({each.key.lower(): str(each.value) for each in entry.fields})


def words_of(fields: Mapping[str, str]) -> str:
    """Return an entry as it is printed, its TeX as it is; each part on a line of its own."""
    authors = [_spoken(name) for name in re.split(r"\s+and\s+", fields.get("author", ""))]
    venue = next((fields[name] for name in _VENUES if fields.get(name)), "")
    year = fields.get("year") or fields.get("date", "")[:4]
    place = ", ".join(filter(None, (venue, year)))
    eprint = fields.get("eprint", "")
    is_preprint = "arxiv" in " ".join(
        (fields.get("archiveprefix", ""), fields.get("eprinttype", ""))
    ).lower() or re.fullmatch(r"\d{4}\.\d{4,5}(?:v\d+)?", eprint)
    doi = fields.get("doi", "")
    parts = (
        ", ".join(filter(None, authors)),
        fields.get("title", ""),
        place,
        f"arXiv:{eprint}" if eprint and is_preprint else "",
        f"doi:{doi}" if doi else "",
        "" if doi else fields.get("url", ""),
    )
    lines = (part.replace("%", r"\%").replace(r"\\%", r"\%").strip(". ") for part in parts if part)
    return "".join(f"{line}.\n" for line in lines)


def _spoken(name: str) -> str:
    """Write a name as it is spoken: "Lark, Ada" is Ada Lark."""
    family, _, given = name.partition(",")
    return " ".join((*given.split(), *family.split())) if given else " ".join(name.split())
