"""Where the article is on a web page of no known kind: trafilatura's judgement, our own reading.

trafilatura (Barbaresi 2021, doi:10.18653/v1/2021.acl-demo.15) tells an article from what stands
around it better than fixed rules do, but loses headings, ids, and a few per cent of the sentences.
So it is asked for the article's text only, and the article is the deepest element that has nearly
all of that; what is in it, the common walk reads. If it finds nothing, the whole body is read.
"""

import logging
import re

import trafilatura
from lxml import etree

from ingest.readers.markup import raw_text, select

_NEARLY_ALL = 0.95
"""Of the letters that trafilatura takes for the article."""

_SHORTEST = 25
"""Letters of a paragraph; shorter ones stand anywhere."""

_PARAGRAPHS = ".//p | .//li | .//blockquote | .//dd | .//h1 | .//h2 | .//h3 | .//h4"

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def article_in(page: etree._Element) -> etree._Element:
    """Return the element that holds the article of a page."""
    body = next(iter(select(page, "//body")), page)
    copy = etree.tostring(page, encoding="unicode", method="html")
    found = trafilatura.extract(copy, favor_recall=True, include_comments=False)
    lines = (found or "").splitlines()
    wanted = {letters for line in lines if len(letters := _letters(line)) >= _SHORTEST}
    weights: dict[etree._Element, int] = {}
    for paragraph in select(body, _PARAGRAPHS):
        letters = _letters(raw_text(paragraph))
        if letters in wanted:
            for element in (paragraph, *paragraph.iterancestors()):
                weights[element] = weights.get(element, 0) + len(letters)
    article = body
    while inner := [
        child
        for child in article.iterchildren(etree.Element)
        if weights.get(child, 0) >= _NEARLY_ALL * weights.get(body, 1)
    ]:
        article = inner[0]
    return article


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
