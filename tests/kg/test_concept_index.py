"""Phrases as numbers: new statements find whom they share concepts with."""

import numpy as np

from kg.concept_index import index_of, met, store_index, stored_index
from kg.concepts import concept_neighbours, concepts_of, lined_up
from kg.db import open_engine, reading, writing
from kg.hybrid_graph import GraphConfig
from kg.runs import recording
from kg.tables import RunKind
from tests.kg.conftest import STATEMENTS, NoConfig

TEXTS = {f"stm_{at:02d}": said.text for at, said in enumerate(STATEMENTS)}
OLD = dict(list(TEXTS.items())[:-4])
NEW = dict(list(TEXTS.items())[-4:])
CONFIG = GraphConfig()


def test_the_most_similar_of_new_statements_are_those_that_a_full_run_finds():
    _, ties = met(index_of(OLD), NEW, CONFIG)

    concepts = concepts_of(list(TEXTS.items()))
    full = concept_neighbours(
        lined_up(concepts, list(TEXTS)),
        CONFIG.k_concepts,
        CONFIG.max_concept_share,
        CONFIG.max_concept_statements,
    )
    of_new = full.row >= len(OLD)
    found = {(one, other) for one, other in zip(ties.one, ties.other, strict=True)}
    assert found == set(zip(full.row[of_new], full.other[of_new], strict=True))
    assert len(found) > 4


def test_the_similarity_of_statements_met_together_is_that_of_a_full_run():
    _, ties = met(index_of({}), TEXTS, CONFIG)

    concepts = concepts_of(list(TEXTS.items()))
    full = concept_neighbours(
        lined_up(concepts, list(TEXTS)),
        CONFIG.k_concepts,
        CONFIG.max_concept_share,
        CONFIG.max_concept_statements,
    )
    assert ties.one.tolist() == full.row.tolist()
    assert ties.other.tolist() == full.other.tolist()
    assert np.allclose(ties.similarity, full.similarity, atol=2e-6)


def test_a_concept_of_more_statements_than_the_configuration_allows_ties_nobody():
    few = CONFIG.model_copy(update={"max_concept_statements": 3})

    _, all_ties = met(index_of(OLD), NEW, CONFIG)
    _, ties = met(index_of(OLD), NEW, few)

    concepts = concepts_of(list(TEXTS.items()))
    full = concept_neighbours(
        lined_up(concepts, list(TEXTS)), few.k_concepts, few.max_concept_share, 3
    )
    of_new = full.row >= len(OLD)
    assert set(zip(ties.one, ties.other, strict=True)) == set(
        zip(full.row[of_new], full.other[of_new], strict=True)
    )
    assert len(ties.one) < len(all_ties.one)


def test_lengths_that_are_out_of_date_make_nobody_more_than_the_same():
    known = index_of(OLD)
    stale = known._replace(lengths=known.lengths / 10)

    _, ties = met(stale, NEW, CONFIG)

    assert ties.similarity.max() == 1
    assert ties.similarity.min() > 0
    assert set(ties.one.tolist()) <= set(range(len(OLD), len(TEXTS)))


def test_rows_are_lined_up_with_any_statements_and_the_last_of_two_counts():
    engine = open_engine(None)
    ids = list(TEXTS)
    again = {ids[2]: "Dead latents come back"}
    for texts in (TEXTS, again):
        with (
            recording(engine, RunKind.UPDATE, "test", NoConfig()) as run_id,
            writing(engine) as session,
        ):
            store_index(session, run_id, index_of(texts))

    with reading(engine) as session:
        lined = stored_index(session).lined_up([ids[5], ids[2]])

    assert lined.ends.tolist()[-1] == len(lined.keys)
    alone = index_of(again).keys.tolist()
    assert lined.keys[lined.ends[1] :].tolist() == alone
    assert alone
