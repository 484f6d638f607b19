"""A citation ties what it is most like in its paper to what it reports of the paper it cites."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from kg.citations import CitationDraft, ReferenceDraft, add_citations, add_references, resolve
from kg.citing_ties import related_ties, reported
from kg.clustering import METHODS, cluster
from kg.communities import neighbours_of
from kg.db import open_engine, reading, writing
from kg.embedders import Embedder
from kg.ids import content_id
from kg.removal import remove_sources
from kg.sources import section_id
from kg.tables import Community, Graph, Membership
from kg.updating import update
from tests.kg.conftest import CLAIM, FINDING, Said, fill

COPYING = Said("How copying heads are found", FINDING, "Induction heads copy earlier tokens")
CITED = [
    COPYING,
    Said(COPYING.source, FINDING, "The weather was measured on a hill every morning"),
    Said(COPYING.source, CLAIM, "Layer norms can be folded into the weights that follow"),
]
OURS = Said("Our notes on heads", CLAIM, "Copying of tokens needs induction heads in every model")
CITING = [
    OURS,
    Said(OURS.source, FINDING, "Probes read the tense of a verb from the sixth layer"),
    Said(OURS.source, FINDING, "A lower learning rate makes dead latents rare"),
]
QUOTE = "Doe et al. found that induction heads copy tokens seen earlier."
OTHERS = "Roe et al. found that induction heads copy earlier tokens."
METHOD = "leiden_relations"


def cite(engine: Engine, quote: str = QUOTE, title: str = COPYING.source) -> None:
    """Let our notes cite a title in a sentence."""
    section = section_id(content_id("src", OURS.source), 0)
    entry = ReferenceDraft(section_id=section, char_start=0, char_end=9, text=f"Doe. {title}. 2025")
    draft = CitationDraft(
        section_id=section, char_start=0, char_end=9, quote=quote, references=[entry.id()]
    )
    with writing(engine) as session:
        add_references(session, [entry])
        add_citations(session, [draft], 1)
        resolve(session)


def filled(said: Sequence[Said]) -> tuple[Engine, dict[Said, str]]:
    engine = open_engine(None)
    return engine, dict(zip(said, fill(engine, said), strict=True))


@pytest.mark.parametrize("order", [1, -1])
def test_a_citation_ties_the_statements_that_it_is_most_like_in_any_order(order: int):
    engine, ids = filled([*CITED, *CITING][::order])
    cite(engine)

    with reading(engine) as session:
        found = reported(session)
        ties = related_ties(session, METHODS[METHOD])
        leaving = frozenset({content_id("src", COPYING.source)})
        left = related_ties(session, METHODS[METHOD], leaving)

    assert left == []
    assert found == [(ids[OURS], ids[COPYING], QUOTE)]
    assert [(tie.head_id, tie.tail_id) for tie in ties] == [(ids[OURS], ids[COPYING])]


def test_the_clustering_ties_them_and_nothing_where_nobody_cites(minilm: Embedder):
    engine, ids = filled([*CITED, *CITING])
    apart = cluster(engine, METHOD, minilm).run
    cite(engine)
    tied = cluster(engine, METHOD, minilm).run

    with reading(engine) as session:
        near = [neighbours_of(session, run, ids[OURS], 9) for run in (apart, tied)]

    assert [
        {tie.statement_id: tie.relations for tie in each if tie.relations} for each in near
    ] == [
        {},
        {ids[COPYING]: 0.25},
    ]


@pytest.mark.parametrize(
    ("quote", "title"),
    [
        (OTHERS, "A paper that nobody has read"),
        ("Doe et al. studied something else entirely, with great care.", COPYING.source),
    ],
    ids=["a paper that is not in the graph", "other words"],
)
def test_a_citation_ties_nothing_to(quote: str, title: str):
    engine, _ = filled([*CITED, *CITING])
    cite(engine, quote, title)

    with reading(engine) as session:
        assert reported(session) == []


def test_other_methods_do_without():
    engine, _ = filled([*CITED, *CITING])
    cite(engine)

    with reading(engine) as session:
        tied = {name for name, config in METHODS.items() if related_ties(session, config)}

    assert tied == {METHOD}


def _rows(engine: Engine) -> list[tuple[object, ...]]:
    with reading(engine) as session:
        return [
            tuple(row.model_dump().values())
            for table in (Graph, Community, Membership)
            for row in session.exec(select(table))
        ]


def test_a_cited_paper_that_comes_is_tied_and_deleting_it_gives_back_what_stood(minilm: Embedder):
    engine, ids = filled(CITING)
    cite(engine)
    run = cluster(engine, METHOD, minilm).run
    before = _rows(engine)

    (cited, *_) = fill(engine, CITED)
    with writing(engine) as session:
        resolve(session)
    update(engine, minilm)
    with reading(engine) as session:
        near = neighbours_of(session, run, ids[OURS], 9)
    (report,) = remove_sources(engine, [content_id("src", COPYING.source)], lambda: minilm).updates

    assert {tie.statement_id for tie in near if tie.relations} == {cited}
    assert report.taken_back == 1
    assert _rows(engine) == before
    assert update(engine, minilm) == []
