"""Citations between papers that are in: found by id and title, whatever came first, and undone."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from api import terminal_ingestion
from api.views.sources import source_view
from ingest.pipeline import IngestionConfig, ingest
from kg.citations import citing
from kg.db import open_engine, reading
from kg.embedders import Embedder
from kg.removal import remove_sources
from kg.tables import Mention, Reference, Section, Source

CITING = """---
title: What heads do
---
# What heads do

## Related Work

Lark (2024) reported that attention heads copy what they have seen before.
Moor (2023) showed that a map of residual streams can be drawn from weights alone [2].
We find that both effects vanish when head 3 is ablated in 97 % of the runs.

## References

Lark, A. (2024). Heads that copy. arXiv:2401.00001.

Moor, B. (2023). A map of the residual streams of small models. Journal of Maps.

Vale, D. (2022). Nobody has this one. doi:10.9999/none.
"""
BY_ID = "# Copying heads\n\nWe find that heads copy names in 8 of 9 runs.\n"
BY_TITLE = "# A Map of the Residual Streams\n\nWe find that 4 of 5 maps agree.\n"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_engine(tmp_path / "a.db")


@pytest.fixture
def papers(tmp_path: Path) -> dict[str, Path]:
    texts = {"what_heads_do.md": CITING, "2401.00001v2.md": BY_ID, "map.md": BY_TITLE}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {name: tmp_path / name for name in texts}


def _sources(engine: Engine) -> dict[str, str]:
    with reading(engine) as session:
        return {name: each for each, name in session.exec(select(Source.id, Source.name))}


def _cited(session: Session, ids: dict[str, str]) -> list[tuple[str, str]]:
    """Return who cites whom, in order."""
    return sorted((one, each) for each in ids.values() for one in citing(session, each))


@pytest.mark.parametrize("first", ["what_heads_do.md", "map.md"])
def test_a_paper_cites_those_that_are_in_by_id_and_by_title_whatever_was_read_first(
    engine: Engine, papers: dict[str, Path], first: str
):
    ingest(engine, [papers[first]], IngestionConfig())
    ingest(engine, list(papers.values()), IngestionConfig())
    ids = _sources(engine)

    with reading(engine) as session:
        cited = _cited(session, ids)
        view = source_view(session, ids["what_heads_do.md"]).citations
        other = source_view(session, ids["map.md"]).citations

    others = sorted([ids["2401.00001v2.md"], ids["map.md"]])
    assert cited == [(ids["what_heads_do.md"], each) for each in others]
    assert [each.found_by for each in view.references] == ["arxiv", "title", None]
    assert [each.id for each in other.cited_by] == [ids["what_heads_do.md"]]


def test_what_others_found_is_kept_as_cited_with_its_reference_and_is_no_statement(
    engine: Engine, papers: dict[str, Path]
):
    ingest(engine, list(papers.values()), IngestionConfig())
    ids = _sources(engine)

    with reading(engine) as session:
        view = source_view(session, ids["what_heads_do.md"])
        quotes = set(
            session.exec(
                select(Mention.quote)
                .join(Section, Section.id == Mention.section_id)
                .where(Section.source_id == ids["what_heads_do.md"])
            )
        )
        sections = {each.id: each.text for each in session.exec(select(Section))}

    cited = {each.quote: [source.id for source in each.cites] for each in view.citations.cited}
    (lark,) = (quote for quote in cited if quote.startswith("Lark"))
    assert cited[lark] == [ids["2401.00001v2.md"]]
    assert not quotes & set(cited)
    for each in view.citations.cited:
        assert sections[each.section][each.char_start : each.char_end] == each.quote


def test_the_terminal_names_what_a_sentence_cites_in_the_graph_or_not(
    engine: Engine, papers: dict[str, Path]
):
    ingest(engine, [papers["what_heads_do.md"], papers["map.md"]], IngestionConfig())
    ids = _sources(engine)

    with reading(engine) as session:
        view = source_view(session, ids["what_heads_do.md"]).citations

    lines = [line for line in terminal_ingestion.citations(view) if line.startswith(" " * 8 + "c")]
    assert lines == [
        "        cites Lark, A. (2024). Heads that copy. arXiv:2401.00001.",
        f"        cites {ids['map.md']}  A Map of the Residual Streams",
    ]


def test_a_paper_that_leaves_is_cited_no_more_and_the_reference_stays(
    engine: Engine, papers: dict[str, Path]
):
    ingest(engine, list(papers.values()), IngestionConfig())
    ids = _sources(engine)

    remove_sources(engine, [ids["map.md"]], _no_embedder)

    with reading(engine) as session:
        found = {each.found_by for each in session.exec(select(Reference))}
        cited = [each for _, each in _cited(session, ids)]
    assert found == {"arxiv", None}
    assert cited == [ids["2401.00001v2.md"]]
    remove_sources(engine, [ids["what_heads_do.md"]], _no_embedder)
    with reading(engine) as session:
        assert session.exec(select(Reference)).all() == []


def _no_embedder() -> Embedder:
    raise AssertionError("nothing has to be embedded")
