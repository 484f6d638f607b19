"""On a page of no known kind the article is told from what stands around it."""

from pathlib import Path

import pytest
import trafilatura
from lxml import etree

from ingest.readers import read
from ingest.readers.unknown_pages import article_in
from kg.sources import anchor_at

SENTENCES = (
    "Attention heads of the second layer copy the names that the first layer has marked.",
    "When head three is ablated, the model names a wrong person in 97 % of all prompts.",
    "No other head changes the answer by more than two percent, whatever is done to it.",
    "We repeat the measurement on three seeds, and the order of the heads stays the same.",
    "The effect is largest for names of one token, and vanishes for names of five.",
)
NEWS = (
    "Subscribe to our newsletter and never miss one of the many posts of our authors again.",
    "Ten other stories that readers of this page liked are waiting for you behind this link.",
)


def test_what_stands_around_an_article_is_left_out(tmp_path: Path):
    path = tmp_path / "page.html"
    around = "".join(f"<li><a href='/{n}'>{text}</a></li>" for n, text in enumerate(NEWS * 4))
    article = "".join(f"<p id='p{n}'>{text}</p>" for n, text in enumerate(SENTENCES * 3))
    path.write_text(
        f"<html><body><div class='menu'><ul>{around}</ul></div><div><div class='c'><h2>Heads</h2>"
        f"{article}</div></div><div class='links'><ul>{around}</ul></div></body></html>",
        encoding="utf-8",
    )

    (document,) = read(path)

    assert [section.heading for section in document.sections] == ["Heads"]
    assert document.sections[0].text.split("\n\n") == list(SENTENCES * 3)
    assert anchor_at(document.sections[0].anchors, len(SENTENCES[0]) + 2) == "p1"


def test_a_page_in_which_no_article_is_found_is_read_whole(tmp_path: Path):
    path = tmp_path / "page.html"
    path.write_text("<html><body><p>Short.</p><div><p>Words.</p></div></body></html>")

    assert read(path)[0].sections[0].text == "Short.\n\nWords."


def test_a_teaser_in_an_article_element_is_not_taken_for_the_article(tmp_path: Path):
    path = tmp_path / "page.html"
    article = "".join(f"<p>{text}</p>" for text in SENTENCES * 3)
    path.write_text(
        f"<html><body><article><a href='/1'>{NEWS[1]}</a></article>"
        f"<div class='post'>{article}</div></body></html>",
        encoding="utf-8",
    )

    assert [s.text.split("\n\n") for s in read(path)[0].sections] == [list(SENTENCES * 3)]


def test_an_article_without_paragraph_elements_is_found(tmp_path: Path):
    path = tmp_path / "page.html"
    around = "".join(f"<li><a href='/{n}'>{text}</a></li>" for n, text in enumerate(NEWS * 4))
    path.write_text(
        f"<html><body><form><div class='menu'><ul>{around}</ul></div>"
        f"<div class='post'>{'<br><br>'.join(SENTENCES * 3)}</div></form></body></html>",
        encoding="utf-8",
    )

    assert read(path)[0].sections[0].text == " ".join(SENTENCES * 3)


@pytest.mark.parametrize(("n_found", "tag"), [(1, "article"), (4, "section")])
def test_an_article_of_which_only_a_part_is_found_is_read_whole(
    n_found: int, tag: str, monkeypatch: pytest.MonkeyPatch
):
    passages = [f"{text} {text}" for text in SENTENCES]
    found, missed = passages[:n_found], passages[n_found:]
    first, rest = ("".join(f"<p>{text}</p>" for text in texts) for texts in (found, missed))
    page = etree.HTML(
        f"<article><section>{first}</section><div>{rest}</div></article><p>{NEWS[0]}</p>"
    )
    monkeypatch.setattr(trafilatura, "extract", lambda *_, **__: " ".join(found))

    assert article_in(page).tag == tag


@pytest.mark.parametrize(("outside", "is_asked"), [("<p>Notes</p>", False), (NEWS[0], True)])
def test_nobody_is_asked_for_the_only_article_of_a_page_that_says_nothing_else(
    outside: str, is_asked: bool, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    monkeypatch.setattr(trafilatura, "extract", lambda page, **_: asked.append(page))
    article = "".join(f"<p>{text}</p>" for text in SENTENCES)

    article_in(etree.HTML(f"<body><article>{article}</article>{outside}</body>"))

    assert bool(asked) == is_asked


@pytest.mark.parametrize(
    ("page", "is_asked"),
    [
        ("<p>Some words." * 10_001, False),
        ("<p>Some words." * 9_000, True),
        (("<div>" + "<p>" * 9_000 + "</div>") * 23, False),
    ],
)
def test_nobody_is_asked_about_a_page_of_more_elements_than_pages_have(
    page: str, is_asked: bool, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    monkeypatch.setattr(trafilatura, "extract", lambda page, **_: asked.append(page))
    tree = etree.HTML(f"<body>{page}</body>")

    article = article_in(tree)

    assert bool(asked) == is_asked
    assert is_asked or article.tag == "body"
