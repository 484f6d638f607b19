"""The statement view: mentions in context, neighbours, communities, evidence."""

import pytest

from api.views import statements
from api.views.evidence import count_tested, evidence_view, ledger_view, ledgers_view
from api.views.statement_rows import statement_rows
from api.views.statements import N_CONTEXT, statement_view
from kg.clustering import cluster
from kg.db import reading
from kg.embedders import open_embedder
from kg.errors import NotFoundError
from kg.tables import Section, Stance
from tests.kg.test_citing_ties import CITED, CITING, COPYING, METHOD, OURS, QUOTE, cite, filled


def test_a_statement_made_in_two_documents_shows_every_place(session, library):
    view = statement_view(session, library.statements["superposition"])

    assert [(m.source.title, m.section.heading, m.page) for m in view.mentions] == [
        ("A reply on feature geometry", "Geometry", 3),
        ("Notes on superposition", "Introduction", None),
        ("Notes on superposition", "Results", None),
    ]
    assert view.mentions[1].context_before == "Before all else. "
    assert view.mentions[1].context_after.startswith(" Features in superposition")


def test_quote_and_context_are_the_text_of_the_section(session, library):
    for identifier in library.statements.values():
        for mention in statement_view(session, identifier).mentions:
            text = session.get(Section, mention.section.id).text
            around = mention.context_before + mention.quote + mention.context_after
            start = mention.char_start - len(mention.context_before)

            assert text[mention.char_start : mention.char_end] == mention.quote
            assert text[start : start + len(around)] == around
            assert len(mention.context_before) <= N_CONTEXT
            assert len(mention.context_after) <= N_CONTEXT


def test_context_is_cut_between_words(session, library, monkeypatch):
    monkeypatch.setattr(statements, "N_CONTEXT", 30)

    (mention,) = statement_view(session, library.statements["removal"]).mentions

    # The 30 characters before are "r pentagon in two dimensions. ", those after are
    # " A model that has more feature".
    assert mention.context_before == "pentagon in two dimensions. "
    assert mention.context_after == " A model that has more"


def test_neighbours_come_strongest_first_and_say_why(session, library):
    view = statement_view(session, library.statements["together"])

    semantic = [n for n in view.neighbours if n.method == "leiden_semantic"]
    names = {identifier: name for name, identifier in library.statements.items()}
    assert [names[n.id] for n in semantic] == ["apart", "superposition", "grew"]
    assert (semantic[0].weight, semantic[0].semantic, semantic[0].concepts) == (1.4, 0.95, 0.9)
    assert semantic[0].text.endswith("active apart.")


def test_communities_are_the_path_from_the_top_in_every_active_run(session, library):
    view = statement_view(session, library.statements["pentagon"])

    assert [(c.method, c.level, c.label) for c in view.communities] == [
        ("leiden_concepts", 0, "leiden_concepts-run4-c2"),
        ("leiden_semantic", 0, "Features in superposition"),
        ("leiden_semantic", 1, "The regular pentagon"),
    ]


def test_evidence_carries_prediction_measurement_and_control(session, library):
    (entry,) = statement_view(session, library.statements["removal"]).evidence

    assert (entry.stance, entry.experiment, entry.target) == ("supports", "specificity", "tms_5-2")
    assert (entry.prediction.side, entry.prediction.threshold) == ("above", 0.9)
    assert (entry.measured.value, entry.measured.n) == (0.97, 200)
    assert entry.control == entry.controls[0]
    assert entry.control.name == "random directions"
    assert entry.subcomponents == [f"run{entry.decomposition_run}:embed:3"]
    assert entry.details == {"dose": 1.0}


def test_the_ledger_is_the_evidence_of_the_statement_oldest_first(session, library):
    ledger = ledger_view(session, library.statements["together"])

    assert ledger.statement.id == library.statements["together"]
    assert [entry.stance for entry in ledger.evidence] == ["refutes", "inconclusive"]
    assert evidence_view(session, ledger.evidence[1].id) == ledger.evidence[1]


@pytest.mark.parametrize("view", [statement_view, ledger_view, evidence_view])
def test_an_unknown_id_is_not_found(session, view):
    with pytest.raises(NotFoundError, match="stm_unknown"):
        view(session, "stm_unknown")


def test_rows_keep_the_order_they_are_asked_for(session, library):
    wanted = [library.statements[name] for name in ("weights", "apart", "four")]

    rows = statement_rows(session, [*wanted, "stm_unknown"])

    assert [row.id for row in rows] == wanted


@pytest.mark.parametrize(("end", "cites"), [(OURS, "cites"), (COPYING, "is cited")])
def test_a_neighbour_that_a_citation_ties_has_the_sentence_beside_it(end, cites):
    engine, ids = filled([*CITED, *CITING])
    cite(engine)
    cluster(engine, METHOD, open_embedder("minilm"))

    with reading(engine) as session:
        view = statement_view(session, ids[end])

    assert [each.cites for each in view.neighbours if each.relations] == [f"{cites}: “{QUOTE}”"]
    assert {each.cites for each in view.neighbours if not each.relations} == {""}


def test_all_ledgers_come_latest_first_and_can_be_asked_for_by_stance(session, library):
    ledgers = ledgers_view(session).root
    refuted = ledgers_view(session, Stance.REFUTES).root

    latest = [max(entry.run for entry in each.evidence) for each in ledgers]
    assert latest == sorted(latest, reverse=True)
    assert {each.statement.id for each in ledgers} == {
        library.statements["together"],
        library.statements["removal"],
    }
    assert [each.statement.id for each in refuted] == [library.statements["together"]]
    assert [entry.stance for entry in refuted[0].evidence] == ["refutes"]
    assert ledgers_view(session, limit=1, offset=1).root == ledgers[1:]
    assert count_tested(session) == 2
