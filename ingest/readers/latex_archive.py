"""A paper's sources in one archive, as preprint servers and editors hand them out.

From the main file (`ingest.readers.latex_main`) on the files are put together
(`ingest.readers.latex_flattening`) and read like a single one. Nothing is unpacked to the disk, and
nothing outside of the archive is opened.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from ingest.documents import Document
from ingest.readers.files import TEXT_LIMIT, RawFile
from ingest.readers.latex import declared_encoding, decode_latex, document_of
from ingest.readers.latex_bibliography import references_of
from ingest.readers.latex_flattening import Flattener
from ingest.readers.latex_main import READMES, main_file_of
from ingest.readers.unpacking import members_of

_SUFFIXES = (".tex", ".ltx", ".bbl", ".bib")
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
    main, others = main_file_of(file, plain, members)
    encoding = declared_encoding(sources[main].data)
    texts = _Texts(members, encoding)
    flattener = Flattener(file, texts, main, partial(_references, file, texts, main))
    text = flattener.flattened()
    document = document_of(file, text, tuple(flattener.places))
    if others:
        unread = ", ".join(sorted(others))
        origin = ("text", f"{main} in the archive, not from other papers there: {unread}")
        document = replace(document, origins=(*document.origins, origin))
    return [document]


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
    return posixpath.basename(name) in READMES or (
        name.lower().endswith(_SUFFIXES) and not _HIDDEN.search(name)
    )


def _references(file: RawFile, texts: _Texts, main: str, text: str) -> str:
    """Return the list of references for the text so far."""
    stem = posixpath.splitext(main)[0]
    lists = [name for name in texts if name.endswith(".bbl")]
    own = [name for name in lists if name == f"{stem}.bbl"] or (lists if len(lists) == 1 else [])
    bibs = [texts[name] for name in sorted(texts) if name.endswith(".bib")]
    return references_of(file, text, texts[own[0]] if own else "", bibs)
