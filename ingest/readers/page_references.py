"""The references of a web page, from wherever it keeps them, each with the key it is cited by.

1. The list of LaTeXML (``ltx_bibitem``), the printed list of Distill and the Transformer Circuits
   Thread, or their BibTeX or JSON in a script (https://github.com/distillpub/template).
2. Where there is none: notes that give an arXiv id or a DOI, and links to one from the text, as
   posts on LessWrong and other blogs cite.

But: a list in a file of its own (``bibliography.bib``) is not fetched.
"""

import json
import re
from collections.abc import Iterator, Mapping

from lxml import etree

from ingest.identifiers import Identifiers, arxiv_id, doi, printed_arxiv_ids
from ingest.readers.latex_bibliography import entries_of_bibtex, words_of
from ingest.readers.markup import raw_text, select
from ingest.readers.sections import clean

_LATEXML = "//li[contains(concat(' ', normalize-space(@class), ' '), ' ltx_bibitem ')]"
_PRINTED = (
    "//d-citation-list//li[@id] | //dt-bibliography//li[@id] | //*[@id='references-list']/li[@id]"
    " | //ol[contains(concat(' ', normalize-space(@class), ' '), ' references ')]/li[@id]"
)
_SCRIPTS = (
    "//d-bibliography//script | //dt-bibliography//script | //script[@type='text/bibliography']"
    " | //script[@type='text/bibtex']"
)
_BACK = re.compile(r"^[\s^↑↩︎]+|[\s^↑↩︎]+$")
_NUMBER = re.compile(r"\[?(\d{1,3})[\].]?")
_LONGEST_SCRIPT = 1_000_000
_MOST = 2000


def link_key(address: str) -> str:
    """Return the key of what a link cites: a note, an entry of the list, a paper; else empty."""
    if address.startswith("#"):
        return address[1:] if re.match(r"#(?:fn|bib|footnote)", address) else ""
    found = _identified(address)
    return f"{found[0][0]}:{found[0][1]}" if found else ""


def is_note(element: etree._Element) -> bool:
    """Say whether an element is an item of the notes below a post."""
    if element.tag not in {"li", "div"}:
        return False
    if element.get("role") == "doc-endnote":
        return True
    if "footnote-item" in (element.get("class") or "").split():
        return True
    above = [*element.iterancestors()][:2] if (element.get("id") or "").startswith("fn") else []
    return any("footnotes" in (each.get("class") or "").split() for each in above)


def references_of(page: etree._Element, article: etree._Element) -> list[str]:
    """Return the references of a page, each with its key or number in brackets in front."""
    for entries in (_latexml(page), _printed(page), _scripted(page)):
        if found := list(entries):
            return found[:_MOST]
    return [*_notes(article), *_links(article)][:_MOST]


def _latexml(page: etree._Element) -> Iterator[str]:
    for item in select(page, _LATEXML):
        tags = select(item, ".//*[contains(@class, 'ltx_tag_bibitem')]")
        tag = clean(raw_text(tags[0])) if tags else ""
        words = clean(raw_text(item)).removeprefix(tag).strip()
        number = _NUMBER.fullmatch(tag)
        yield _entry(number[1] if number else item.get("id") or tag, words, item)


def _printed(page: etree._Element) -> Iterator[str]:
    for item in select(page, _PRINTED):
        yield _entry(item.get("id") or "", clean(raw_text(item)), item)


def _scripted(page: etree._Element) -> Iterator[str]:
    for script in select(page, _SCRIPTS):
        text = raw_text(script)[:_LONGEST_SCRIPT]
        if text.lstrip().startswith("@"):
            yield from (f"[{key}] {clean(words)}" for key, words in entries_of_bibtex(text))
        else:
            yield from _from_json(text)


def _from_json(text: str) -> Iterator[str]:
    """Yield the entries of Distill's own list of pairs of key and fields."""
    try:
        pairs = json.loads(text)
    except (ValueError, RecursionError):
        return  # a page may carry what it likes
    for pair in pairs if isinstance(pairs, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], Mapping):
            fields = {str(name).lower(): str(value) for name, value in pair[1].items()}
            yield f"[{clean(str(pair[0]))}] {clean(words_of(fields))}"


def _notes(article: etree._Element) -> Iterator[str]:
    """Yield the notes that say which paper they mean."""
    for note in filter(is_note, article.iter("li", "div")):
        words = _BACK.sub("", clean(raw_text(note)))
        if note.get("id") and (_linked(note) or _identified(words)):
            yield _entry(note.get("id") or "", words, note)


def _links(article: etree._Element) -> Iterator[str]:
    """Yield the papers that the text links to, once each, with the words of the first link."""
    seen: set[str] = set()
    for link in select(article, ".//a[@href]"):
        key = link_key(link.get("href") or "")
        if key.startswith(("arxiv:", "doi:")) and key not in seen:
            seen.add(key)
            yield _entry(key, clean(raw_text(link)), link)


def _entry(key: str, words: str, element: etree._Element) -> str:
    """Write an entry; an id that only a link of it gives is put behind the words."""
    found = () if _identified(words) else _linked(element)
    names = {"arxiv": "arXiv:", "doi": "doi:"}
    tail = "".join(f" {names[scheme]}{value}" for scheme, value in found if scheme in names)
    front = f"[{key}] " if key and not re.search(r"[\s\[\]]", key) else ""
    return f"{front}{words}{tail}"


def _linked(element: etree._Element) -> Identifiers:
    """Return the first arXiv id or DOI that a link in an element leads to."""
    links = (element, *select(element, ".//a[@href]"))
    found = (_identified(link.get("href") or "") for link in links)
    return next(filter(None, found), ())


def _identified(text: str) -> Identifiers:
    if text.startswith("http"):
        is_doi = "doi.org/" in text
        return arxiv_id(text.split("?")[0].split("#")[0]) or (doi(text) if is_doi else ())
    return printed_arxiv_ids(text) or doi(text)
