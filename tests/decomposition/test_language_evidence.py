"""A language model goes the whole way: trained, decomposed, stored with its own metrics."""

from functools import partial
from pathlib import Path

import pytest
from sqlmodel import select

from decomposition import evidence
from decomposition.config import DecompositionConfig
from decomposition.evidence import decompose_and_store
from decomposition.language_metrics import LanguageMetricsConfig
from decomposition.targets import TARGETS
from decomposition.targets.storyworld import StoryworldConfig, StoryworldRecipe
from decomposition.targets.storyworld_grammar import TASKS, vocabulary
from decomposition.targets.transformer import FitConfig
from kg.db import open_engine, reading
from kg.evidence import Store
from kg.tables import Subcomponent

TINY = StoryworldConfig(
    length=16,
    n_rows=16,
    n_layers=1,
    n_heads=2,
    d_model=8,
    d_mlp=8,
    fit=FitConfig(steps=2, batch_size=4),
    n_test_stories=5,
    min_accuracy=0,
)
CONFIG = DecompositionConfig(
    n_subcomponents=8,
    initialisation="singular",
    importance="shared_transformer",
    importance_start=1,
    n_hidden=8,
    restarts=1,
    steps=2,
    batch_size=2,
    n_objective=2,
    warm_up_steps=0,
    layerwise=0,
    merge_zero_rows=False,
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    store_folder: Path = tmp_path_factory.mktemp("store")
    store = Store(open_engine(store_folder / "a.db"), store_folder / "a.artifacts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TARGETS, "storyworld", StoryworldRecipe("storyworld", TINY))
        few = partial(LanguageMetricsConfig, n=4, n_census=16)
        patch.setattr(evidence, "LanguageMetricsConfig", few)
        report = decompose_and_store(store, "storyworld", CONFIG)
    return store, report


def test_the_metrics_are_those_of_language_models_and_say_what_the_target_can_do(stored):
    _, report = stored

    for name in ("ce_recovered_importance", "kl_rounded", "pgd_320", "l0/blocks.0.attn.q"):
        assert name in report.metrics
    assert {f"target_{task}" for task in TASKS} <= set(report.metrics)
    assert report.subcomponents == 6 * 8


def test_subcomponents_name_the_words_that_they_answer_to(stored):
    store, _ = stored

    with reading(store.engine) as session:
        rows = session.exec(select(Subcomponent)).all()

    assert len(rows) == 6 * 8
    assert {word for row in rows for word in row.top_inputs} <= set(vocabulary())
