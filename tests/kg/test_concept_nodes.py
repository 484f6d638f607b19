"""Concepts as typed nodes with aliases and spans."""

import random

import numpy as np
import pytest

from benchmarks.bench_homonyms import CASES, read_cases
from kg.concept_nodes import ConceptNode, ConceptType, concept_nodes, n_statements
from kg.embedders import Embedder
from kg.homonyms import Origins

SAE = {"sae": frozenset({"sparse autoencoder"})}
SAID = {
    "stm_1": "Sparse autoencoders split features as the dictionary grows",
    "stm_2": "An SAE loses rare features of GPT-2",
    "stm_3": "Superposition makes the latents of SAEs hard to read in GPT-2",
    "stm_4": "Superposition needs sparse features",
    "stm_5": "The IOI dataset has few templates",
    "stm_6": "On the IOI dataset three heads copy names",
}


def _nodes(said: dict[str, str], spelt: dict[str, dict[str, frozenset[str]]]) -> list[ConceptNode]:
    return concept_nodes(sorted(said.items()), Origins(spelt=spelt))


def _by_name(nodes: list[ConceptNode]) -> dict[str, ConceptNode]:
    return {node.name.casefold(): node for node in nodes}


def test_a_short_form_and_what_it_stands_for_are_one_node_with_aliases():
    nodes = _by_name(_nodes(SAID, {"stm_2": SAE, "stm_3": SAE}))

    node = nodes["sparse autoencoders"]
    assert {place.statement_id for place in node.places} == {"stm_1", "stm_2", "stm_3"}
    assert node.aliases == ("SAE",)
    assert "sae" not in nodes


def test_every_link_is_a_span_of_the_statement():
    for node in _nodes(SAID, {"stm_2": SAE}):
        for place in node.places:
            assert SAID[place.statement_id][place.char_start : place.char_end] == place.words


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sparse autoencoders", ConceptType.METHOD),
        ("gpt-2", ConceptType.MODEL),
        ("ioi dataset", ConceptType.DATASET),
        ("superposition", ConceptType.PHENOMENON),
    ],
)
def test_the_type_follows_from_the_head(name: str, kind: ConceptType):
    assert _by_name(_nodes(SAID, {"stm_2": SAE}))[name].type is kind


def test_a_short_form_of_two_meanings_is_two_nodes():
    said = {
        "stm_a1": "APD finds the mechanisms of a toy model",
        "stm_a2": "The weights are split by APD",
        "stm_b1": "APD rises in dry air",
        "stm_b2": "Plants close their stomata when APD is high",
    }
    one = {"apd": frozenset({"attribution-based parameter decomposition"})}
    two = {"apd": frozenset({"ambient pressure deficit"})}
    spelt = {"stm_a1": one, "stm_a2": one, "stm_b1": two, "stm_b2": two}

    nodes = [node for node in _nodes(said, spelt) if {"APD"} & {node.name, *node.aliases}]

    assert sorted(sorted({p.statement_id for p in node.places}) for node in nodes) == [
        ["stm_a1", "stm_a2"],
        ["stm_b1", "stm_b2"],
    ]
    assert len({node.id for node in nodes}) == 2


def test_a_planted_homonym_is_two_nodes_and_no_statement_is_in_both(minilm: Embedder):
    planted = [case for case in read_cases(CASES) if case.concept == "head"]
    said = {f"stm_{n:02}": case.text for n, case in enumerate(planted)}
    meant = {f"stm_{n:02}": case.sense for n, case in enumerate(planted)}

    nodes = concept_nodes(sorted(said.items()), Origins(), minilm.embed(list(said.values())))

    senses = [node for node in nodes if node.name.casefold() in ("head", "heads")]
    assert sorted(node.sense for node in senses) == [1, 2]
    members = [[meant[place.statement_id] for place in node.places] for node in senses]
    assert all(max(map(each.count, each)) >= 0.85 * len(each) for each in members)
    used = [{place.statement_id for place in node.places} for node in senses]
    assert not used[0] & used[1]


def test_the_order_of_statements_makes_no_difference():
    rows = list(SAID.items())
    shuffled = random.Random(2).sample(rows, len(rows))

    origins = Origins(spelt={"stm_2": SAE})
    assert concept_nodes(shuffled, origins) == concept_nodes(rows, origins)


def test_of_two_concepts_that_are_as_frequent_the_longer_one_comes_first():
    nodes = _nodes(SAID, {"stm_2": SAE})

    names = [node.name.casefold() for node in nodes]
    assert names[0] == "sparse autoencoders"
    assert names.index("ioi dataset") < names.index("superposition")
    assert min(map(n_statements, nodes)) >= 2


def test_a_span_holds_no_punctuation_and_does_not_cross_it():
    said = {
        "stm_1": "Read: features (features) of sparse, features",
        "stm_2": "Sparse features help, as features do",
        "stm_3": "Sparse features are rare",
    }

    words = {node.name.casefold(): [p.words for p in node.places] for node in _nodes(said, {})}

    assert words["sparse features"] == ["Sparse features", "Sparse features"]
    assert set(words["features"]) == {"features"}


def test_nothing_has_no_concepts():
    assert concept_nodes([], Origins(), np.empty((0, 3), dtype=np.float32)) == []
