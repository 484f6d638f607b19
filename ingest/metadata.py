"""Whom a document is by, and where each of these facts comes from.

Several places speak of the same document, and they are not equally good: what the user wrote
beside the file is meant for it, an arXiv id names it without doubt, a web page's tags are made by
a publisher, and the largest print on page 1 is a guess. So each place gives a `Description`, the
places are ranked, and for each field the first one that says anything wins:

1. a sidecar (`ingest.sidecars`): BibTeX, then CSL-JSON;
2. an arXiv id, from the stamp on page 1 or the page's tags, else from the file's name: the year
   is that of the first version, which is in the id itself;
3. what the reader found, from its own places in their order.

An address is derived from an arXiv id or a DOI only where no place gives one. `Document.origins`
records which place won, in words.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.documents import Document, stem_of
from ingest.identifiers import Identifiers, arxiv_in_name, arxiv_year

_FILE_NAME = "file name"
_ITSELF = "the document itself"


@dataclass(frozen=True)
class Description:
    """What one place says about a document; empty where it says nothing."""

    origin: str
    """The place, in words: "citation_title", "arXiv stamp on page 1", "paper.bib"."""

    title: str = ""
    authors: tuple[str, ...] = ()
    year: int | None = None
    url: str | None = None
    identifiers: Identifiers = ()


def described(document: Document, ranked: Iterable[Description]) -> Document:
    """Let descriptions speak before the document itself, the first of them first."""
    every = [*ranked, *_own(document)]
    origins = {field: origin for field, origin in document.origins if field == "text"}
    identifiers: dict[str, str] = {}
    for description in every:
        given = {
            "title": description.title,
            "authors": description.authors,
            "year": description.year,
            "url": description.url,
        }
        for field in [field for field, value in given.items() if value]:
            origins.setdefault(field, description.origin)
        for scheme, value in _agreeing(description.identifiers, identifiers.get("arxiv")):
            identifiers.setdefault(scheme, value)
            origins.setdefault(scheme, description.origin)
    return replace(
        document,
        title=next((each.title for each in every if each.title), ""),
        authors=next((each.authors for each in every if each.authors), ()),
        year=next((each.year for each in every if each.year), None),
        url=next((each.url for each in every if each.url), None),
        identifiers=tuple(sorted(identifiers.items())),
        origins=tuple(sorted(origins.items())),
    )


def identified(document: Document, path: Path, sidecars: Iterable[Description]) -> Document:
    """Add what lies beside a document's file, and what its name and its ids tell."""
    ranked = list(sidecars)
    known = dict(described(document, ranked).identifiers)
    named = arxiv_in_name(stem_of(path), is_paper=document.format in {"pdf", "html", "latex"})
    if "arxiv" not in known and named:
        ranked.append(Description(_FILE_NAME, identifiers=named))
        known.update(named)
    if "arxiv" in known:
        origin = dict(described(document, ranked).origins)["arxiv"]
        ranked.append(Description(origin, year=arxiv_year(known["arxiv"])))
    document = described(document, ranked)
    return document if document.url else described(document, _address(document))


def _own(document: Document) -> list[Description]:
    """Split a document's own fields by where its reader found them."""
    origins = dict(document.origins)
    title = _FILE_NAME if document.title == stem_of(Path(document.name)) else _ITSELF
    by_origin: dict[str, Identifiers] = {}
    for scheme, value in document.identifiers:
        origin = origins.get(scheme, _ITSELF)
        by_origin[origin] = (*by_origin.get(origin, ()), (scheme, value))
    return [
        Description(origins.get("title", title), title=document.title),
        Description(origins.get("authors", _ITSELF), authors=document.authors),
        Description(origins.get("year", _ITSELF), year=document.year),
        Description(origins.get("url", _ITSELF), url=document.url),
        *(Description(origin, identifiers=found) for origin, found in by_origin.items()),
    ]


def _agreeing(given: Identifiers, arxiv: str | None) -> Identifiers:
    """Leave out the version and category of another arXiv id than the one that won."""
    if dict(given).get("arxiv", arxiv) == arxiv or arxiv is None:
        return given
    return tuple(pair for pair in given if not pair[0].startswith("arxiv"))


def _address(document: Document) -> list[Description]:
    """Derive where a document can be found from what identifies it."""
    origins = dict(document.origins)
    homes = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}
    known = dict(document.identifiers)
    return [
        Description(origins[scheme], url=home + known[scheme])
        for scheme, home in homes.items()
        if scheme in known
    ]
