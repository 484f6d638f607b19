"""What a saved web page says about its article, in the tags that are made for that.

In the order in which they are believed: the ``citation_`` tags that publishers write for search
engines, JSON-LD (https://schema.org/Article), the front matter of Distill, then headings, other
meta tags and the page's title.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from ingest.identifiers import Identifiers, arxiv_id, doi
from ingest.metadata import Description
from ingest.readers.markup import raw_text, select
from ingest.readers.sections import clean

_ARTICLES = {"Article", "ScholarlyArticle", "BlogPosting", "NewsArticle", "Report", "TechArticle"}
_LATEXML_TITLE = "//h1[contains(concat(' ', normalize-space(@class), ' '), ' ltx_title_document ')]"
_HAS_CLASS = "contains(concat(' ', normalize-space(@class), ' '), ' {} ')"
_FORUM_TITLE = f"//*[{_HAS_CLASS.format('PostsPageTitle-link')}]"
_HEADINGS = f"//d-title//h1 | //dt-article//h1 | {_LATEXML_TITLE} | {_FORUM_TITLE}"
_FORUM_AUTHORS = f"//*[{_HAS_CLASS.format('PostsAuthors-authorName')}]//a"
_FORUM_DATES = (
    f"//*[{_HAS_CLASS.format('LWPostsPageHeader-date')} or "
    f"contains(@class, 'PostsPageDate')]//time[@datetime]"
)
_SITE = re.compile(r"\s+[—–|-]\s+(?:LessWrong|(?:AI )?Alignment Forum|EA Forum)\s*$")
"""What the forums add to the title of a page."""

_LONGEST = 1_000_000


def descriptions_of(page: etree._Element) -> Iterator[Description]:
    """Yield what each kind of tag says, the most trusted first."""
    metas = _metas(page)
    for name in ("citation_title", "citation_author"):
        yield _meta(metas, name)
    for name in ("citation_publication_date", "citation_date", "citation_online_date"):
        yield Description(name, year=_year(metas.get(name, [""])[0]))
    yield from _citation_ids(metas)
    yield from _linked(page)
    yield from _front_matter(page)
    for heading in select(page, _HEADINGS):
        yield Description("title heading", title=clean(raw_text(heading)))
    yield from _forum(page)
    yield Description("og:title", title=_SITE.sub("", metas.get("og:title", [""])[0]))
    for tag in select(page, "//head/title"):
        yield Description("page title", title=_SITE.sub("", clean(raw_text(tag))))
    yield Description("author", authors=tuple(metas.get("author", ())))
    for name in ("article:published_time", "date", "dc.date"):
        yield Description(name, year=_year(metas.get(name, [""])[0]))
    for link in select(page, "//link[@rel='canonical']"):
        yield Description("canonical link", url=_url(link.get("href")))
    for name in ("og:url", "citation_public_url"):
        yield Description(name, url=_url(metas.get(name, [""])[0]))


def _metas(page: etree._Element) -> dict[str, list[str]]:
    """Return the contents of all meta tags by their names, in lower case."""
    found: dict[str, list[str]] = {}
    for meta in select(page, "//meta"):
        content = clean(meta.get("content") or "")
        if content:
            name = meta.get("name") or meta.get("property") or ""
            found.setdefault(name.lower(), []).append(content)
    return found


def _meta(metas: dict[str, list[str]], name: str) -> Description:
    values = metas.get(name, [])
    if name.endswith("author"):
        return Description(name, authors=tuple(values))
    return Description(name, title=values[0] if values else "")


def _citation_ids(metas: dict[str, list[str]]) -> Iterator[Description]:
    for name in ("citation_arxiv_id", "citation_doi", "dc.identifier", "prism.doi"):
        for value in metas.get(name, ()):
            yield Description(name, identifiers=arxiv_id(value) or doi(value))


def _linked(page: etree._Element) -> Iterator[Description]:
    """Yield what the first article in the page's JSON-LD says."""
    for script in select(page, "//script[@type='application/ld+json']"):
        for thing in _things(raw_text(script)):
            kinds = thing.get("@type")
            if _ARTICLES.intersection(kinds if isinstance(kinds, list) else [kinds]):
                yield Description(
                    "JSON-LD",
                    title=_string(thing.get("headline")) or _string(thing.get("name")),
                    authors=tuple(filter(None, map(_name, _list(thing.get("author"))))),
                    year=_year(_string(thing.get("datePublished"))),
                    identifiers=_linked_ids(thing),
                )
                return


def _things(text: str) -> list[dict[str, Any]]:
    """Return the things a JSON-LD script describes; `Any` because that is what JSON gives."""
    try:
        found = json.loads(text) if len(text) <= _LONGEST else []
    except (ValueError, RecursionError):
        return []  # a page may carry what it likes; nothing else depends on it
    every = _list(found)
    for thing in [thing for thing in every if isinstance(thing, dict)]:
        every += _list(thing.get("@graph"))
    return [
        {str(key): value for key, value in thing.items()}
        for thing in every
        if isinstance(thing, dict)
    ]


def _linked_ids(thing: dict[str, Any]) -> Identifiers:
    """Return the id that an article of JSON-LD carries; `Any` because it is JSON."""
    for field in (*_list(thing.get("identifier")), *_list(thing.get("sameAs"))):
        text = _string(field.get("value")) if isinstance(field, dict) else _string(field)
        if found := arxiv_id(text) or doi(text):
            return found
    return ()


def _front_matter(page: etree._Element) -> Iterator[Description]:
    for front in select(page, "//d-front-matter | //dt-front-matter"):
        try:
            authors = json.loads(raw_text(front))["authors"]
            named = tuple(str(author["author"]) for author in authors)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # a template that was never filled in
        yield Description("front matter", authors=named)


def _forum(page: etree._Element) -> Iterator[Description]:
    """Yield what the head of a post says, on LessWrong and the forums of the same program."""
    names = dict.fromkeys(clean(raw_text(link)) for link in select(page, _FORUM_AUTHORS))
    yield Description("post header", authors=tuple(filter(None, names)))
    for date in select(page, _FORUM_DATES):
        yield Description("post header", year=_year(date.get("datetime") or ""))


def _list(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _string(value: object) -> str:
    return clean(value) if isinstance(value, str) else ""


def _name(author: object) -> str:
    return _string(author.get("name")) if isinstance(author, dict) else _string(author)


def _year(date: str) -> int | None:
    found = re.search(r"\b(?:19|20)\d\d\b", date)
    return int(found.group()) if found else None


def _url(address: str | None) -> str | None:
    return address if address and address.startswith(("https://", "http://")) else None
