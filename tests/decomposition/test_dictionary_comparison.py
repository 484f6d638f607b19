import pytest

from decomposition.dictionaries import DictionaryConfig
from decomposition.dictionary_comparison import ComparisonConfig, compare_dictionaries
from decomposition.errors import ExperimentError
from decomposition.training import Decomposition
from tests.decomposition.pentagon import SPLIT

QUICK = ComparisonConfig(
    sizes=[8, 24], dictionary=DictionaryConfig(steps=120, batch_size=128), n=2000
)


def test_in_a_plane_autoencoders_use_whatever_they_are_given(perfect: Decomposition) -> None:
    found = compare_dictionaries(perfect, QUICK)

    rows = {(row.kind, row.size): row for row in found.rows}
    assert found.matrix == "linear1"
    assert found.known == 5
    assert rows["decomposition", 8].alive == 5
    assert rows["autoencoder topk", 24].alive > rows["autoencoder topk", 8].alive
    assert found.slopes["autoencoder topk"] > 0.1
    assert rows["autoencoder topk", 8].split > 0.3  # neighbours on a circle are less than 60° apart
    assert "decomposition" not in found.slopes  # one size has no slope


def test_decompositions_of_several_sizes_get_a_slope(perfect: Decomposition) -> None:
    quick = SPLIT.model_copy(update={"steps": 3, "warm_up_steps": 2, "n_objective": 8})
    decomposition = Decomposition(perfect.target, quick, perfect.model, {}, 0.0, 0.0)
    config = QUICK.model_copy(
        update={"decompose": True, "dictionary": DictionaryConfig(steps=2), "sizes": [6, 3]}
    )

    found = compare_dictionaries(decomposition, config)

    sizes = [row.size for row in found.rows if row.kind == "decomposition"]
    assert sizes == [3, 6]
    assert "decomposition" in found.slopes


def test_a_matrix_that_was_not_decomposed_is_refused(perfect: Decomposition) -> None:
    with pytest.raises(ExperimentError, match="those that were: linear1, linear2"):
        compare_dictionaries(perfect, QUICK.model_copy(update={"matrix": "linear3"}))
