"""Formulas are drawn, prices are not, and nothing of a document becomes markup."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from api.app import create_app
from api.ingesting import Reading, ingest_files
from api.typesetting import typeset
from kg.db import open_engine
from tests.kg.conftest import CLAIM, Said, fill


def _text(shown: str) -> str:
    return html.fromstring(f"<p>{shown}</p>").text_content()


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        (r"scores $\kappa{=}0$ here", "scores κ=0 here"),
        (r"about $\sim$30 layers", "about ~30 layers"),
        (r"in $\text{TMS}_{5-2}$.", "in TMS5−2."),
    ],
)
def test_formulas_are_drawn(text: str, drawn: str):
    shown = typeset(text)

    assert "<math" in shown
    assert _text(shown) == drawn


def test_a_number_between_dollars_is_a_number():
    assert typeset(r"rates of $18\%$ and $7/20$") == "rates of 18% and 7/20"


@pytest.mark.parametrize(
    "text",
    [
        "between $5 and $10",
        r"costs \$5 and \$6 more",
        "a lone $ sign",
        r"an unfinished $x_$ stays",
        r"a macro $\ourownmacro{x}$ stays",
        "a price of $ 5 or $ 6",
        "$" + "x" * 600 + "$",
    ],
)
def test_what_is_no_formula_stays_as_written(text: str):
    shown = typeset(text)

    assert "<math" not in shown
    assert _text(shown) == text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        r"$\text{<script>alert(1)</script>}$",
        r'$\textcolor{red" onmouseover="alert(1)}{x}$',
        r"$\href{javascript:alert(1)}{x}$",
        r"$a<img src=x onerror=alert(1)>$",
    ],
)
def test_nothing_of_a_text_becomes_markup(text: str):
    page = html.fromstring(f"<div>{typeset(text)}</div>")

    assert page.xpath("//script | //img | //a | //@href | //@*[starts-with(name(), 'on')]") == []


@given(st.text('$\\{}ab_^<&" 5%~', max_size=30))
def test_any_text_can_be_typeset(text: str):
    shown = typeset(text)

    assert html.fromstring(f"<p>{shown}</p>") is not None
    if "$" not in text:
        assert _text(shown).split() == text.split()


def test_a_page_draws_the_formulas_of_a_statement_and_quotes_them_as_written():
    engine = open_engine(None)
    (identifier,) = fill(engine, [Said("A paper", CLAIM, r"The norm is $\kappa{=}0$.")])

    page = html.fromstring(TestClient(create_app(engine)).get(f"/statements/{identifier}").text)

    assert page.xpath("string(//h1)") == "The norm is κ=0."
    assert page.xpath("//h1//math/@alttext") == [r"\kappa{=}0"]
    assert r"$\kappa{=}0$" in page.xpath("string(//blockquote)")


def test_a_page_draws_the_formulas_of_headings(tmp_path: Path):
    note = tmp_path / "note.md"
    note.write_text("# A note\n\n## The $\\alpha$-sweep\n\nWe find it.\n", encoding="utf-8")
    engine = open_engine(None)
    report = ingest_files(engine, [note], Reading(), lambda *_: None)

    web = TestClient(create_app(engine))
    page = html.fromstring(web.get(f"/sources/{report.sources[0].id}").text)

    assert page.xpath("//h3//math/@alttext") == [r"\alpha"]
    assert page.xpath("//ol[contains(@class, 'contents')]//math/@alttext") == [r"\alpha"]
