"""Where the article is on a web page of no known kind: trafilatura's judgement, our own reading.

trafilatura (Barbaresi 2021, doi:10.18653/v1/2021.acl-demo.15) tells an article from what stands
around it better than fixed rules do, but loses headings, ids, and a few per cent of the sentences.
So it is asked for the article's text only, and the article is the deepest element that has nearly
all of that; what is in it, the common walk reads. Where an ``article`` around it has much more
prose than trafilatura took, trafilatura saw a part of the article only, and that is taken. The
first ``article`` of a page is not: it often is a teaser for another. Only where a page has but one,
and says nearly nothing else, nobody need be asked. If trafilatura finds nothing, or the page has so
many elements that it would not come to an end, the whole body is read.
"""

import logging
import re
from collections.abc import Iterator

import trafilatura
from lxml import etree

from ingest.readers.markup import select

_NEARLY_ALL = 0.95
"""Of the letters that trafilatura takes for the article."""

_ENOUGH = 0.7
"""Of an ``article``'s prose; if trafilatura took less of it, it took a part for the whole."""

_SHORTEST = 25
"""Letters of a piece of text; shorter ones stand anywhere."""

_PROSE = 80
"""Letters from which on a piece of text is counted as prose."""

_HOLDERS = {"article", "center", "div", "form", "main", "section", "table", "tbody", "td", "tr"}
"""What holds articles; figures, lists and quotations are parts of them."""

_MOST_CHILDREN, _MOST_ELEMENTS = 10_000, 200_000
"""Of one element, and of a page, that trafilatura is asked about: its time grows with the square of
the first."""

_UNREAD = {"script", "style", "noscript", "template", "textarea"}

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def article_in(page: etree._Element) -> etree._Element:
    """Return the element that holds the article of a page."""
    body = next(iter(select(page, "//body")), page)
    only = _only(body)
    if only is not None or _is_crowded(body):
        return body if only is None else only
    copy = etree.tostring(page, encoding="unicode", method="html")
    found = trafilatura.extract(copy, favor_recall=True, include_comments=False)
    wanted = _letters(found or "")
    weights: dict[etree._Element, int] = {}
    for element, letters in _texts(body):
        if letters in wanted:
            for holder in (element, *element.iterancestors()):
                weights[holder] = weights.get(holder, 0) + len(letters)
    article = body
    while inner := [
        child
        for child in article.iterchildren(etree.Element)
        if child.tag in _HOLDERS and weights.get(child, 0) >= _NEARLY_ALL * weights.get(body, 1)
    ]:
        article = inner[0]
    return next((each for each in _articles(article) if _has_more(each, wanted)), article)


def _is_crowded(body: etree._Element) -> bool:
    """Say whether a page has more elements, or more of them side by side, than pages have."""
    n_children = [len(element) for element in body.iter(etree.Element)]
    return len(n_children) > _MOST_ELEMENTS or max(n_children) > _MOST_CHILDREN


def _only(body: etree._Element) -> etree._Element | None:
    """Return the one ``article`` of a page, if its prose is nearly all that the page says."""
    found = select(body, ".//article")
    if len(found) != 1:
        return None
    prose = sum(len(letters) for _, letters in _texts(found[0]) if len(letters) >= _SHORTEST)
    unread = " or ".join(f"self::{tag}" for tag in sorted(_UNREAD))
    texts = body.xpath(f".//text()[not(parent::*[{unread}])]")
    assert isinstance(texts, list)
    return found[0] if prose >= _NEARLY_ALL * len(_letters("".join(map(str, texts)))) else None


def _articles(element: etree._Element) -> Iterator[etree._Element]:
    """Yield the ``article`` that an element is or is in, from the inside out."""
    yield from (each for each in (element, *element.iterancestors()) if each.tag == "article")


def _has_more(article: etree._Element, wanted: str) -> bool:
    """Say whether an element has much prose that is not among the wanted letters."""
    prose = [letters for _, letters in _texts(article) if len(letters) >= _PROSE]
    taken = sum(len(letters) for letters in prose if letters in wanted)
    return taken < _ENOUGH * sum(map(len, prose))


def _texts(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """Yield the letters of every longer piece of text, and the element that it stands in."""
    for element in root.iter(etree.Element):
        above = element.getparent()
        places = [(element, element.text if element.tag not in _UNREAD else "")]
        if above is not None and element is not root:
            places.append((above, element.tail))
        for holder, text in places:
            if len(letters := _letters(text or "")) >= _SHORTEST:
                yield holder, letters


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
