"""HTML: an article's own words, from the places where known sites keep them.

1. The bytes are decoded strictly, by byte order mark, else the declared charset, else UTF-8.
2. The article is found: LaTeXML and arXiv (``ltx_document``), Distill and the Transformer Circuits
   Thread (``d-article``, ``dt-article``, and their appendices beside it), LessWrong
   (``#postContent``). On all other pages trafilatura says where it is
   (`ingest.readers.unknown_pages`).
3. What is not running text is cut: scripts, navigation, citations, displayed formulas, tables,
   code, and whatever the page itself hides. Captions and footnotes go beside.
4. The references are read from wherever the page has them (`ingest.readers.page_references`).

The id of the element that a paragraph stands in or after is kept, so that a link can lead there.

Classes are matched as tokens, never as substrings: ``ltx_authors`` is part of the root class
``ltx_authors_1line``, and a reader that looked for substrings once lost whole papers that way.

But: text hidden by a style sheet is not seen to be hidden; only inline styles and attributes are.
"""

import codecs
import re
from collections.abc import Iterator

from lxml import etree

from ingest.documents import Document, Section
from ingest.metadata import Description, described
from ingest.readers.files import RawFile, check_no_nul, decode, decode_as
from ingest.readers.markup import Part, Role, raw_text, select, walk
from ingest.readers.page_metadata import descriptions_of
from ingest.readers.page_references import is_note, link_key, references_of
from ingest.readers.sections import Block, Heading, Paragraph, assemble, clean, split_title
from ingest.readers.unknown_pages import article_in

_ARTICLES = (
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' ltx_document ')]",
    "//d-article",
    "//dt-article",
    "//*[@id='postContent']",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' PostsPage-postContent ')]",
)
_TAGS = {
    Part.BLOCK: "address article blockquote body center dd details dialog div dl dt fieldset "
    "hgroup hr li main ol p section summary ul d-abstract dt-abstract",
    Part.CUT: "button canvas d-appendix d-bibliography d-byline d-citation-list d-cite d-code "
    "d-contents d-footnote-list d-front-matter d-toc dt-appendix dt-banner dt-bibliography "
    "dt-byline dt-cite dt-code distill-appendix footer form head iframe img input nav noscript "
    "object pre script select style svg table template textarea video",
    Part.FLOAT: "d-figure figure header",
    Part.CAPTION: "caption figcaption",
    Part.FOOTNOTE: "aside d-footnote dt-fn",
}
_PART_OF_TAG = {tag: part for part, tags in _TAGS.items() for tag in tags.split()}
_CLASSES = {
    Part.CUT: "katex-html ltx_authors ltx_bibliography ltx_biblist ltx_dates ltx_eqn_table "
    "ltx_equation ltx_equationgroup ltx_ERROR ltx_page_footer ltx_page_logo ltx_page_navbar "
    "ltx_TOC MathJax_Display MJXc-display mjpage__block katex-display sidebar toc "
    "footnote-back-link footnote-backref footnote-reference reversefootnote",
    Part.FOOTNOTE: "ltx_note thread-info",
    Part.CAPTION: "caption figcaption ltx_caption wp-caption-text",
    Part.FLOAT: "ltx_figure ltx_table ltx_listing ltx_float",
}
_PART_OF_CLASS = {name: part for part, names in _CLASSES.items() for name in names.split()}
_NOTE_MARK = re.compile(r"\W*(?:\d{1,3}|[a-z])?\W*")
_CITING = {"a", "d-cite", "dt-cite"}
_FORMULAS = {"math", "d-math", "dt-math", "br"}
_HIDDEN = re.compile(
    r"(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]))", re.I
)
_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE
)
_ENCODINGS = re.compile(
    r"(?:utf-?8|us-?ascii|ascii|iso-?8859-?\d{1,2}|latin-?1|windows-?125\d|cp125\d|koi8-[ru]|"
    r"gb2312|gbk|gb18030|big5|shift[_-]jis|euc-(?:jp|kr))",
    re.IGNORECASE,
)
_LONG_TAG = re.compile(rb"<[A-Za-z](?:[^<>\"']|\"[^\"]*\"|'[^']*'){20000,}+")
_QUOTED = re.compile(rb"\"[^\"]*\"|'[^']*'")
_MOST_ATTRIBUTES = 5000
_STUB = re.compile(
    r"no html (?:is available|for)|no content available|conversion to html had a fatal error",
    re.IGNORECASE,
)
_GATE = re.compile(
    r"checking your browser|verify(?:ing)? (?:that )?you are (?:a )?human|are you a robot|"
    r"enable (?:javascript|cookies)|access (?:to this page has been )?denied|"
    r"(?:sign|log) in to (?:read|continue|view)",
    re.IGNORECASE,
)
"""What a site says instead of an article."""

_SHORTEST_GATED = 1000
"""Characters; a page that asks for a browser or an account is believed only below this length."""

_REFERENCES = re.compile(r"(?:[\d.]+\s+)?(?:references|bibliography)\W*$", re.IGNORECASE)
_LONG_PARAGRAPH = 20
"""Words; a figure with headings and several such paragraphs is none."""

_FEWEST_PARAGRAPHS = 3
_MOST_NAMED = 3
_SHORTEST_ARTICLE = 2000
"""Characters; a page that speaks of a missing conversion is believed only below this length."""


def read_html(file: RawFile) -> list[Document]:
    """Read a saved web page as one document.

    Raises:
        DocumentError: The encoding is unknown or broken, or there is no article in the page.
    """
    page = parse_page(file)
    descriptions = list(descriptions_of(page))
    named = next((each.title for each in descriptions if each.title), "")
    title, sections = article_of(page, named)
    if select(page, "//frameset") or not sections:
        raise file.error(_absence(page))
    first, length = sections[0].text, sum(len(section.text) for section in sections)
    if length < _SHORTEST_GATED and _GATE.search(first):
        raise file.error(
            "only what the site says before it shows the article: save the page as the browser "
            "shows it then"
        )
    if length < _SHORTEST_ARTICLE and _STUB.search(first):
        raise file.error("only a notice that there is no HTML version: take the PDF or the source")
    document = Document(
        name=file.name,
        title=title or named or file.stem,
        format="html",
        sha256=file.sha256,
        sections=sections,
    )
    if title and not named:
        descriptions.append(Description("first heading", title=title))
    return [described(document, descriptions)]


def _absence(page: etree._Element) -> str:
    """Say why there is nothing to read in a page, and what to do."""
    frames = select(page, "//frame[@src] | //iframe[@src]")
    if frames:
        inner = ", ".join(frame.get("src") or "" for frame in frames[:_MOST_NAMED])
        return f"the page only frames others ({inner}): save those, and give them"
    if select(page, "//script"):
        return (
            "there is no article in this page: its text is put there by scripts: save the page as "
            "the browser shows it, or print it as a PDF"
        )
    return (
        "there is no article in this page: no paragraph of running text: save the page as the "
        "browser shows it"
    )


def article_of(
    page: etree._Element, named: str = "", article: etree._Element | None = None
) -> tuple[str, tuple[Section, ...]]:
    """Return the title and the sections of a page's article, which is looked for unless given.

    Headings that repeat `named` go.
    """
    if article is None:
        known = next((found[0] for path in _ARTICLES if (found := select(page, path))), None)
        article = article_in(page) if known is None else known
    body = [*_abstract(page, article), *walk(article, role_of)]
    references = [] if any(map(_is_list, body)) else references_of(page, article)
    title, blocks = split_title([*body, *_appendices(page, with_list=not references)])
    title = clean(title)
    while blocks and isinstance(blocks[0], Heading) and blocks[0].text == (named or title):
        del blocks[0]
    if references:
        blocks += [Heading("References", 1, "references"), *map(Paragraph, references)]
    return title, assemble(blocks)


def parse_page(file: RawFile) -> etree._Element:
    """Decode strictly, then parse; libxml2 by itself would take unknown bytes for Latin-1.

    Raises:
        DocumentError: The encoding is unknown or broken, or the page cannot be parsed to its end.
    """
    _check_tags(file)
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        page = etree.fromstring(_text(file).encode("utf-8"), parser)
    except etree.LxmlError as error:
        raise file.error(f"not HTML that can be parsed: {error}: print it as a PDF") from error
    if page is None:
        raise file.error("there is no element in it, so it is no HTML page: get it anew")
    for entry in parser.error_log:
        if entry.level == etree.ErrorLevels.FATAL:  # the parser stopped here, with half a page
            is_deep = "depth" in entry.message
            what = "elements are nested too deep" if is_deep else entry.message
            raise file.error(f"line {entry.line}: {what}: print the page as a PDF, and give that")
    return page


def _check_tags(file: RawFile) -> None:
    """Refuse a tag with more attributes than any page has; libxml2 takes minutes for them."""
    for tag in _LONG_TAG.finditer(file.data):
        n_attributes = len(_QUOTED.sub(b"", tag[0]).split())
        if n_attributes > _MOST_ATTRIBUTES:
            line = file.data.count(b"\n", 0, tag.start()) + 1
            raise file.error(
                f"line {line}: a tag with {n_attributes} attributes: no page has that: "
                "print it as a PDF"
            )


def _text(file: RawFile) -> str:
    if file.data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return decode(file)
    check_no_nul(file)
    declared = _CHARSET.search(file.data[:4096])
    encoding = declared.group(1).decode("ascii") if declared else "utf-8"
    if re.fullmatch(r"utf-?16(?:le|be)?", encoding, re.IGNORECASE):
        encoding = "utf-8"  # the declaration was read, so it is not (WHATWG HTML, 13.2.3.2)
    if not _ENCODINGS.fullmatch(encoding):
        raise file.error(f'declares the charset "{encoding}", which is unknown: save it as UTF-8')
    if re.fullmatch(r"(?:iso-?8859-?1|latin-?1|us-?ascii|ascii)", encoding, re.IGNORECASE):
        encoding = "windows-1252"  # as browsers do: WHATWG Encoding Standard, section 4.2
    return decode_as(file, encoding)


def role_of(element: etree._Element) -> Role:
    """Say what part an element plays: by what hides it, its classes, then its tag."""
    tag = element.tag if isinstance(element.tag, str) else ""
    classes = (element.get("class") or "").split()
    if _is_hidden(element):
        return Role(Part.CUT)
    by_class = next((_PART_OF_CLASS[name] for name in classes if name in _PART_OF_CLASS), None)
    if is_note(element):
        return Role(Part.FOOTNOTE)
    if by_class is Part.FLOAT or _PART_OF_TAG.get(tag) is Part.FLOAT:
        return Role(Part.FLOAT if _is_float(element) else Part.BLOCK)
    if by_class or tag in _CITING:
        return _citing(element, by_class or _PART_OF_TAG.get(tag, Part.INLINE))
    if re.fullmatch("h[1-6]", tag):
        if "ltx_title_abstract" in classes:
            return Role(Part.HEADING, 2, "abstract")
        return Role(Part.HEADING, int(tag[1]))
    if "mjx-math" in classes and element.get("aria-label"):
        return Role(Part.FORMULA, words=f"${clean(element.get('aria-label') or '')}$")
    return _formula(element) if tag in _FORMULAS else Role(_PART_OF_TAG.get(tag, Part.INLINE))


def _is_float(element: etree._Element) -> bool:
    """Say whether a figure is one; where its end is not written, it goes on to hold the article."""
    if not select(element, ".//h2 | .//h3"):
        return True
    paragraphs = (raw_text(each) for each in select(element, ".//p[not(ancestor::figcaption)]"))
    return sum(len(text.split()) >= _LONG_PARAGRAPH for text in paragraphs) < _FEWEST_PARAGRAPHS


def _citing(element: etree._Element, part: Part) -> Role:
    """Say what an element cites, if it does; the mark of a note is no text, other links are."""
    keys = element.get("key") or element.get("bibtex-key") or ""
    if not keys:
        links = [element] if element.tag == "a" else select(element, ".//a[@href]")[:1]
        keys = ",".join(link_key(link.get("href") or "") for link in links)
        if keys.startswith(("fn", "footnote")) and _NOTE_MARK.fullmatch(raw_text(element)):
            part = Part.CUT
    return Role(part, cites=tuple(key.strip() for key in keys.split(",") if key.strip()))


def _is_hidden(element: etree._Element) -> bool:
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    return _HIDDEN.search(element.get("style") or "") is not None


def _formula(element: etree._Element) -> Role:
    """Keep an inline formula as its TeX source, cut a displayed one; a line's end is a space."""
    if element.tag == "br":
        return Role(Part.FORMULA, words=" ")
    if element.get("display") == "block" or element.get("block") is not None:
        return Role(Part.CUT)
    notes = select(element, ".//*[local-name()='annotation'][@encoding='application/x-tex']")
    tex = clean(element.get("alttext") or raw_text(notes[0] if notes else element))
    return Role(Part.FORMULA, words=f"${tex}$" if tex else "")


def _abstract(page: etree._Element, article: etree._Element) -> Iterator[Block]:
    """Yield Distill's abstract, which stands outside its article."""
    for abstract in select(page, "//d-abstract | //dt-abstract"):
        if article not in abstract.iterancestors():
            yield Heading("Abstract", 2, "abstract")
            yield from walk(abstract, role_of)
            yield Heading("", 0)


def _appendices(page: etree._Element, *, with_list: bool) -> Iterator[Block]:
    """Yield Distill's appendix, which stands behind its article, and its references if wanted.

    Thanks, contributions and further reading stand there, and much of some papers.
    """
    for appendix in select(page, "//d-appendix | //dt-appendix"):
        yield Heading("Appendix", 2, "appendix")
        is_read = True
        for block in walk(appendix, role_of):
            if isinstance(block, Heading):
                is_read = with_list or not _is_list(block)
            if is_read:
                yield block


def _is_list(block: Block) -> bool:
    """Say whether a block is the heading of the references."""
    return isinstance(block, Heading) and _REFERENCES.match(block.text) is not None
