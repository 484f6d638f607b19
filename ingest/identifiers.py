"""arXiv ids and DOIs, as they are printed, written in tags and used as file names.

Since April 2007 an arXiv id is YYMM.NNNN, from 2015 on with five digits; before, it was
archive/YYMMNNN (https://info.arxiv.org/help/arxiv_identifier.html). The stamp on page 1 gives id,
version, category and the date of that version. A DOI is 10.PREFIX/ANYTHING (ISO 26324); where it
ends in running text is a guess, so marks that end a sentence are not taken as part of it.
"""

import re

Identifiers = tuple[tuple[str, str], ...]
"""Pairs (scheme, value): "arxiv", "arxiv_version", "arxiv_category", "doi", "isbn"."""

_ID = r"(?P<id>\d\d(?:0[1-9]|1[0-2])\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v(?P<version>\d+))?"
_STAMP = re.compile(rf"arXiv\s*:\s*{_ID}\s*\[(?P<category>[a-z-]+(?:\.[A-Za-z-]+)?)\]", re.ASCII)
_WRITTEN = re.compile(
    rf"\s*(?:(?:https?://)?(?:www\.)?arxiv\.org/(?:abs|pdf|html)/|arxiv:\s*)?{_ID}(?:\.pdf)?\s*",
    re.IGNORECASE | re.ASCII,
)
_NAMED = re.compile(
    rf"(?:arxiv)?[-_. ]*{_ID}(?P<rest>[-_. ].*)?", re.IGNORECASE | re.ASCII | re.DOTALL
)
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>{}|\\^`]+", re.ASCII)
_PRINTED_DOI = re.compile(
    rf"(?:doi\.org/|\bdoi\s?[:=]?\s?(?:https?://(?:dx\.)?doi\.org/)?)({_DOI.pattern})",
    re.IGNORECASE | re.ASCII,
)
_ARXIV_DOI = re.compile(rf"10\.48550/arxiv\.{_ID}", re.IGNORECASE | re.ASCII)
_PRINTED_ID = re.compile(
    rf"(?:arxiv\s*:\s*|arxiv\.org/(?:abs|pdf|html)/|10\.48550/arxiv\.|\bCoRR,?\s+abs/){_ID}",
    re.IGNORECASE | re.ASCII,
)
_BROKEN_LINE = re.compile(r"(?<=[-./_])[ \t]*\r?\n(?=\w)")
_REFERENCES = re.compile(r"^\W*(?:\d+\W+)?(?:references|bibliography)\W*$", re.I | re.MULTILINE)


def arxiv_stamp(text: str) -> Identifiers:
    """Return what the stamp that arXiv prints on a first page says, if there is one."""
    found = _STAMP.search(text)
    return _arxiv(found) if found else ()


def arxiv_id(text: str) -> Identifiers:
    """Return the id that a field holds, alone or as an address of arXiv."""
    found = _WRITTEN.fullmatch(text)
    return _arxiv(found) if found else ()


def arxiv_in_name(stem: str, is_paper: bool) -> Identifiers:
    """Return the id that a file is named by.

    More words may follow it in the name of a paper; in the name of a note they would say that it
    is about that paper, and is not the paper itself.
    """
    found = _NAMED.fullmatch(stem)
    return _arxiv(found) if found and (is_paper or not found["rest"]) else ()


def arxiv_year(identifier: str) -> int:
    """Return the year in which an arXiv id was given."""
    year = int(identifier.rsplit("/", 1)[-1][:2])
    return 1900 + year if year > 90 else 2000 + year


def doi(text: str) -> Identifiers:
    """Return the DOI that a field holds, alone or as an address; that of arXiv is an arXiv id."""
    found = _DOI.search(text)
    if found is None:
        return ()
    if preprint := _ARXIV_DOI.match(found.group()):
        return _arxiv(preprint)
    return (("doi", _trimmed(found.group())),)


def printed_arxiv_ids(text: str) -> Identifiers:
    """Return the first arXiv id that is printed in an entry of references, if there is one."""
    found = _PRINTED_ID.search(text)
    return _arxiv(found) if found else ()


def printed_doi(page: str) -> Identifiers:
    """Return the DOI printed on a page, if there is one only; those of its references are not."""
    text = _REFERENCES.split(_BROKEN_LINE.sub("", page), maxsplit=1)[0]
    found = {doi(match.group(1)) for match in _PRINTED_DOI.finditer(text)}
    return found.pop() if len(found) == 1 else ()


def _arxiv(found: re.Match[str]) -> Identifiers:
    parts = found.groupdict()
    pairs = [("arxiv", parts["id"])]
    if parts["version"]:
        pairs.append(("arxiv_version", parts["version"]))
    if parts.get("category"):
        pairs.append(("arxiv_category", parts["category"]))
    return tuple(pairs)


def _trimmed(found: str) -> str:
    """Drop what ends the sentence or the bracket around a DOI, and write it in lower case."""
    kept = found.rstrip(".,;:'!?*")
    while kept.endswith((")", "]")):
        opening = "(" if kept[-1] == ")" else "["
        if kept.count(opening) >= kept.count(kept[-1]):
            break
        kept = kept[:-1].rstrip(".,;:'")
    return kept.lower()
