"""Bibliographic files beside documents: what the user says about a file, before it is read.

``paper.bib`` or ``paper.json`` (CSL-JSON, https://citeproc-js.readthedocs.io) describes the file
of the same stem beside it. Any other ``.bib`` in the file's folder, or in one above it up to the
folder that is being ingested, describes the file if the ``file`` field of an entry names it, as
the exports of Zotero and JabRef do. A ``.bib`` of the same stem that has several entries is read
in that way too, and so is any beside LaTeX: there it is the list of what the paper cites.

But: a ``paper.json`` that is not CSL-JSON is no sidecar, and says nothing.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bibtexparser.library import Library
from bibtexparser.middlewares import (
    LatexDecodingMiddleware,
    MergeNameParts,
    RemoveEnclosingMiddleware,
    ResolveStringReferencesMiddleware,
    SeparateCoAuthors,
    SplitNameParts,
)
from bibtexparser.model import Entry, Field
from bibtexparser.splitter import Splitter

from ingest.documents import stem_of
from ingest.identifiers import arxiv_id, doi
from ingest.metadata import Description
from ingest.readers.files import TEXT_LIMIT, RawFile, Reader, decode, load
from ingest.readers.sections import clean

_FORMATS = {
    ".bib": Reader("BibTeX", TEXT_LIMIT, lambda _file: []),
    ".json": Reader("CSL-JSON", TEXT_LIMIT, lambda _file: []),
}
SUFFIXES = frozenset(_FORMATS)
"""Of the files that can be sidecars, in lower case."""

_SEPARATOR = re.compile(r"(?<!\\)[;:]")


class Sidecars:
    """Finds the files that may describe a document; looks into each folder once."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, list[Path]]] = {}

    def of(self, path: Path, top: Path) -> list[Path]:
        """Return the files that may describe this one, the most trusted first.

        Args:
            path: The document.
            top: The folder above it where the search ends; its own folder at least is searched.
        """
        own = [each for each in self._in(path.parent).get(stem_of(path), []) if each != path]
        folders = [path.parent]
        while folders[-1] != top and top in folders[-1].parents:
            folders.append(folders[-1].parent)
        shared = [each for folder in folders for each in self._shared(folder) if each not in own]
        return [*(each for each in own if each.suffix.lower() in SUFFIXES), *shared]

    def _in(self, folder: Path) -> dict[str, list[Path]]:
        """Return a folder's files by their stems; links are left out."""
        if folder not in self._folders:
            found: dict[str, list[Path]] = {}
            try:
                paths = sorted(folder.iterdir())
            except OSError:
                paths = []  # a file can be readable in a folder that may not be listed
            for path in paths:
                if path.is_file() and not path.is_symlink():
                    found.setdefault(stem_of(path), []).append(path)
            self._folders[folder] = found
        return self._folders[folder]

    def _shared(self, folder: Path) -> Iterator[Path]:
        """Yield the bibliographies of a folder that stand beside no document of their stem."""
        for paths in self._in(folder).values():
            if all(path.suffix.lower() in SUFFIXES for path in paths):
                yield from (path for path in paths if path.suffix.lower() == ".bib")


def descriptions_of(path: Path, sidecars: Sequence[Path]) -> list[Description]:
    """Return what these files say about this document; those that do not mean it say nothing.

    Raises:
        DocumentError: A sidecar of the document's own stem is damaged, or an entry that names it.
    """
    found = []
    for sidecar in sidecars:
        if sidecar.suffix.lower() == ".json":
            found += _from_csl(sidecar)
        else:
            found += _from_bibtex(sidecar, path)
    return found


def is_own_of(path: Path, sidecar: Path) -> bool:
    """Say whether a sidecar stands beside a document and has its stem."""
    return stem_of(sidecar) == stem_of(path) and sidecar.parent == path.parent


def is_named_in(text: bytes, path: Path) -> bool:
    """Say whether a bibliography without backslashes has the name of a document anywhere."""
    return path.name.encode(errors="replace") in text


def without_backslashes(text: bytes) -> bytes:
    """Take out what reference managers put before special characters of a path."""
    return text.replace(b"\\", b"")


def _from_bibtex(sidecar: Path, path: Path) -> list[Description]:
    file = load(sidecar, _FORMATS[".bib"])
    is_own = is_own_of(path, sidecar)
    if not is_own and not is_named_in(without_backslashes(file.data), path):
        return []  # spares the parsing of a whole library for each file beside it
    library = Splitter(decode(file)).split()
    meant = [entry for entry in library.entries if _names(sidecar, entry, path)]
    if not meant and is_own and len(library.entries) == 1 and path.suffix.lower() != ".tex":
        meant = library.entries
    if not meant:
        _check_failures(file, library, path, is_own)
        return []
    return [_described(file, library, meant[0])]


def _reason(error: Exception) -> str:
    return f": {error}" if str(error).strip() else ": a brace or a quotation mark is missing"


def _check_failures(file: RawFile, library: Library, path: Path, is_own: bool) -> None:
    """Refuse a sidecar whose broken entry would have described the document."""
    for block in library.failed_blocks:
        mentioned = path.name in (block.raw or "").replace("\\", "")
        if mentioned or (is_own and not library.entries):
            line = (block.start_line or 0) + 1
            raise file.error(
                f"line {line}: this entry is not BibTeX{_reason(block.error)}: correct it"
            )


def _names(sidecar: Path, entry: Entry, path: Path) -> bool:
    """Say whether the ``file`` field of an entry names this document.

    A field holds paths, or ``description:path:type`` separated by semicolons, with backslashes
    before special characters. A path counts from the sidecar's folder; an absolute one is that of
    another machine perhaps, so there the name alone decides, in the same folder only.
    """
    field = entry.get("file")
    if field is None:
        return False
    wanted = unicodedata.normalize("NFC", str(path))
    for part in _SEPARATOR.split(str(field.value).strip('{}"')):
        written = re.sub(r"\\(.)", r"\1", part).strip()
        place = unicodedata.normalize("NFC", str(sidecar.parent / written))
        name = unicodedata.normalize("NFC", Path(written).name)
        if place == wanted or (path.parent == sidecar.parent and name == Path(wanted).name):
            return True
    return False


def _described(file: RawFile, library: Library, entry: Entry) -> Description:
    """Resolve an entry's strings, undo its TeX, and write its names as they are spoken."""
    chosen = Library([*library.strings, entry])
    for middleware in (
        ResolveStringReferencesMiddleware(),
        RemoveEnclosingMiddleware(),
        SeparateCoAuthors(),
        SplitNameParts(),
        MergeNameParts(style="first"),
    ):
        chosen = middleware.transform(chosen)
    if not chosen.entries:
        line = (entry.start_line or 0) + 1
        raise file.error(f"line {line}: {chosen.failed_blocks[0].error}: correct it")
    # `Any` because a field is a string, but a list where it holds names
    fields: dict[str, Any] = {each.key.lower(): each.value for each in chosen.entries[0].fields}
    title, *authors = _printed([fields.get("title", ""), *fields.get("author", [])])
    return Description(
        file.name,
        title=title,
        authors=tuple(name for name in authors if name and name != "others"),
        year=_year(fields.get("year") or fields.get("date")),
        url=_url(fields.get("url")),
        identifiers=_identifiers(
            (fields.get("eprint"), fields.get("arxiv"), fields.get("url")), fields.get("doi")
        ),
    )


def _printed(texts: list[str]) -> list[str]:
    """Undo the TeX in these texts; formulas stay as they are."""
    entry = Entry("texts", "texts", [Field(str(n), text) for n, text in enumerate(texts)])
    decoded = LatexDecodingMiddleware(keep_math_mode=True).transform(Library([entry]))
    fields = decoded.entries[0].fields if decoded.entries else entry.fields
    return [clean(str(field.value)) for field in fields]


def _from_csl(sidecar: Path) -> list[Description]:
    """Read CSL-JSON: one record, or a list of one; `Any` because that is what JSON gives."""
    if sidecar.stat().st_size > TEXT_LIMIT:
        return []  # data of some kind, but no record of one paper
    file = load(sidecar, _FORMATS[".json"])
    try:
        found: Any = json.loads(decode(file))
    except ValueError as error:
        raise file.error(f"not JSON: {error}: correct it") from error
    except RecursionError as error:
        raise file.error("nested too deep to be read: correct it") from error
    record = found[0] if isinstance(found, list) and len(found) == 1 else found
    if not isinstance(record, dict) or not isinstance(record.get("title"), str):
        return []
    if not {"type", "author", "issued", "DOI"} & set(record):
        return []  # other data that has a title
    authors = record.get("author")
    names = map(_csl_name, authors) if isinstance(authors, list) else ()
    return [
        Description(
            file.name,
            title=clean(record["title"]),
            authors=tuple(filter(None, names)),
            year=_csl_year(record.get("issued")),
            url=_url(record.get("URL")),
            identifiers=_identifiers((record.get("number"), record.get("URL")), record.get("DOI")),
        )
    ]


def _csl_name(author: object) -> str:
    if not isinstance(author, dict):
        return ""
    if "literal" in author:
        return clean(str(author["literal"]))
    parts = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")
    return clean(" ".join(str(author.get(part) or "") for part in parts))


def _csl_year(issued: object) -> int | None:
    """Read the year of ``{"date-parts": [[2025, 6, 25]]}``, or of a date in words."""
    if not isinstance(issued, dict):
        return None
    return _year(json.dumps(issued.get("date-parts") or issued.get("raw") or ""))


def _identifiers(arxiv: tuple[object, ...], number: object) -> tuple[tuple[str, str], ...]:
    """Return the first arXiv id among these fields, and the DOI."""
    preprints = [found for each in arxiv if (found := arxiv_id(str(each or "")))]
    published = doi(str(number or ""))
    return tuple(dict((*published, *(preprints[0] if preprints else ()))).items())


def _year(date: object) -> int | None:
    found = re.search(r"\b(?:1[5-9]|20)\d\d\b", str(date or ""))
    return int(found.group()) if found else None


def _url(address: object) -> str | None:
    text = str(address or "").strip()
    return text if text.startswith(("https://", "http://")) else None
