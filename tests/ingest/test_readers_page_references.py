"""A web page keeps its references in many places, and all of them are found with their keys."""

from pathlib import Path

import pytest

from ingest.documents import Document, Span
from ingest.readers import read
from ingest.references import Entry, cited_in, entries_of

ARTICLE = "<html><body><d-article><p>{text}</p></d-article>{rest}</body></html>"
CITING = "Heads copy <d-cite key='lark2024,reed'></d-cite>. We ablate them."
BIBTEX = """
@article{lark2024, author={Lark, Ada and M{\\"o}ller, Bo}, title={Heads that {Copy}},
  journal={Journal of Heads}, year={2024}, eprint={2401.00001}}
@misc{reed, author={Cy Reed}, title={Probes}, doi={10.1234/abc.5}}
"""
LIST = """<d-citation-list><h3>References</h3><ol id="references-list">
<li id="lark2024"><span class="title">Heads that Copy</span> <a href="https://arxiv.org/pdf/2401.00001v2.pdf">[PDF]</a>
Lark, A., 2024.</li><li id="reed">Probes. Reed, C. DOI: 10.1234/abc.5</li></ol></d-citation-list>"""
JSON = """<d-bibliography><script type="text/json">[["lark2024", {"title": "Heads that Copy",
"author": "Lark, Ada", "year": "2024", "eprint": "2401.00001"}],
["reed", {"title": "Probes", "author": "Reed, Cy", "doi": "10.1234/abc.5"}]]</script>
</d-bibliography>"""


def _read(tmp_path: Path, html: str) -> Document:
    path = tmp_path / "page.html"
    path.write_text(html, encoding="utf-8")
    return read(path)[0]


def _cited(document: Document, sentence: str) -> list[Entry]:
    """Return the references that a sentence of the document gives."""
    entries = entries_of(document)
    for section in document.sections:
        start = section.text.find(sentence)
        if start >= 0:
            linked = section.cited_within(Span(start, start + len(sentence)))
            return [entries[place] for place in cited_in(sentence, entries, linked)]
    raise AssertionError(sentence)


@pytest.mark.parametrize(
    "rest",
    [
        LIST,
        JSON,
        f"<d-bibliography><script type='text/bibtex'>{BIBTEX}</script></d-bibliography>",
        f"<script type='text/bibliography'>{BIBTEX}</script>",
    ],
)
def test_a_distill_citation_leads_to_its_entry(rest: str, tmp_path: Path):
    document = _read(tmp_path, ARTICLE.format(text=CITING, rest=rest))

    assert document.sections[0].text == "Heads copy. We ablate them."
    lark, reed = _cited(document, "Heads copy.")
    assert "Heads that Copy" in lark.text
    assert dict(lark.identifiers)["arxiv"] == "2401.00001"
    assert dict(reed.identifiers) == {"doi": "10.1234/abc.5"}
    assert _cited(document, "We ablate them.") == []


def test_the_notes_of_a_post_are_no_text_and_lead_to_their_papers(tmp_path: Path):
    post = """<html><body><div id="postContent"><p>Heads copy<span class="footnote-reference"
    role="doc-noteref" id="fnrefab"><sup><a href="#fnab">[1]</a></sup></span>. We ablate them<span
    class="footnote-reference"><sup><a href="#fncd">[2]</a></sup></span>.</p>
    <ol class="footnote-section footnotes" role="doc-endnotes">
    <li class="footnote-item" role="doc-endnote" id="fnab"><span class="footnote-back-link"><sup>
    <a href="#fnrefab">^</a></sup></span><div class="footnote-content"><p>As
    <a href="https://arxiv.org/abs/2401.00001">Lark</a> says.</p></div></li>
    <li class="footnote-item" id="fncd"><p>All of them.</p></li></ol></div></body></html>"""

    document = _read(tmp_path, post)

    assert [(s.heading, s.text) for s in document.sections] == [
        ("", "Heads copy. We ablate them."),
        (
            "References",
            "[fnab] As Lark says. arXiv:2401.00001\n\n[arxiv:2401.00001] Lark arXiv:2401.00001",
        ),
        ("Footnotes", "As Lark says.\n\nAll of them."),
    ]
    assert [entry.key for entry in _cited(document, "Heads copy.")] == ["fnab"]
    assert _cited(document, "We ablate them.") == []


def test_a_link_to_a_paper_is_a_reference_where_there_is_no_list(tmp_path: Path):
    document = _read(
        tmp_path,
        "<article><p>As <a href='https://arxiv.org/abs/2401.00001v3'>Lark et al.</a> show, heads "
        "copy. See <a href='https://doi.org/10.1234/ABC.5'>this</a> and <a href='/x'>that</a>.</p>"
        "</article>",
    )

    assert [entry.text for entry in entries_of(document)] == [
        "[arxiv:2401.00001] Lark et al. arXiv:2401.00001",
        "[doi:10.1234/abc.5] this doi:10.1234/abc.5",
    ]
    (lark,) = _cited(document, "As Lark et al. show, heads copy.")
    assert lark.key == "arxiv:2401.00001"


def test_a_list_that_the_article_prints_itself_is_not_made_again(tmp_path: Path):
    document = _read(
        tmp_path,
        "<article><p>Some text.</p><h2>References</h2><p>[1] Lark. <a "
        "href='https://arxiv.org/abs/2401.00001'>arXiv:2401.00001</a>.</p></article>",
    )

    assert [entry.number for entry in entries_of(document)] == [1]


def test_a_mark_of_a_note_is_cut_and_a_link_of_words_is_not(tmp_path: Path):
    document = _read(
        tmp_path,
        "<article><p>One<a href='#fn1'>1</a> two <a href='#fn2'>three notes</a>.</p></article>",
    )

    assert document.sections[0].text == "One two three notes."
    assert document.sections[0].cites == ((3, "fn1"), (19, "fn2"))
