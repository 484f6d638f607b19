"""Labelling runs, and the check that no label gets round."""

import logging

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from kg.db import open_engine, reading, writing
from kg.errors import ConfigError, NotFoundError
from kg.grounding import problems_of
from kg.labellers.offline import OfflineLabeller
from kg.labellers.task import LabelDraft, LabellingTask
from kg.labelling import label_run
from kg.labels import labels_of
from kg.runs import recording, run_of
from kg.tables import Label, Run, RunKind, RunStatus
from tests.kg.small_graph import SAID, NoConfig, store_clustering, store_statements

VPD = [
    "VPD cuts every weight matrix into subcomponents with a causal role",
    "Interpretability by VPD holds in neural networks of any architecture",
    "Spectral decoding of interventions shows mechanisms, and VPD decomposes parameters",
    "Analysis through parameter decomposition grounds mechanistic claims",
]
SPELT_OUT = {"VPD": {"adVersarial Parameter Decomposition"}}


def _spelling(label: str, glossary: dict[str, set[str]] | None = None) -> list[str]:
    """Return the problems of a label that concern an expansion, whatever else is wrong."""
    found = problems_of(label, VPD, glossary or {})
    return [problem for problem in found if not problem.startswith("no member says")]


@pytest.mark.parametrize(
    "label",
    [
        "Virtually Planned Decomposition interpretability",
        "Vector Product Decomposition for neural interpretability",
        "vector product decomposition",
        "vector-product decompositions",
        "Interpretability through Verified Parameter-Decomposition",
        "VPD (variational parameter decomposition)",
        "Variational pruning of deep networks (VPD)",
        "VPD stands for value-space parameter decay",
        "VPD, short for vertical parameter descent",
        "VPD stands for vast shared parameter decay",
        "VPD (vast shared parameter decay)",
        "variance and parameter decomposition",
        "value-preserving parameter decomposition",
        "adVersarial Parameter Decomposition",
        "adVersarial Parameter Decomposition (VPD)",
        "activation parameter decomposition (VPD)",
    ],
)
def test_an_invented_expansion_is_refused(label: str):
    assert any("VPD" in problem for problem in _spelling(label))


@pytest.mark.parametrize(
    "label",
    [
        "adversarial parameter decomposition",
        "Adversarial Parameter Decomposition",
        "adVersarial Parameter Decomposition",
        "adVersarial Parameter Decomposition (VPD)",
        "VPD (adversarial parameter decomposition)",
        "VPD stands for adversarial parameter decomposition",
        "Subcomponents by adversarial parameter decomposition",
    ],
)
def test_an_expansion_that_a_source_gives_passes(label: str):
    found = problems_of(label, [*VPD, "It stands."], SPELT_OUT)

    assert found == []


def test_one_expansion_does_not_excuse_another():
    assert _spelling("Vector Product Decomposition", SPELT_OUT) != []


def test_a_member_may_spell_out_an_acronym_itself():
    members = [*VPD, "Vast Planar Descent (VPD) is older."]

    assert problems_of("Vast Planar Descent", members, {}) == []
    assert problems_of("VPD (vast planar descent)", members, {}) == []


@pytest.mark.parametrize(
    "label",
    [
        "Mechanistic interpretability via parameter decomposition",
        "Causal parameter decomposition in neural networks",
        "Mechanistic interpretability through parameter analysis",
        "Convergent interpretability across neural architectures",
        "Spectral decoding of neural interventions",
        "Activation-based interpretability and mechanistic grounding",
        "Neural network mechanistic interpretability via attribution decomposition",
        "Parameter subcomponents (VPD)",
        "VPD parameter decomposition",
        "VPD, parameters, decomposition",
        "Very. Precise. Decompositions",
    ],
)
def test_words_that_spell_an_acronym_only_by_accident_pass_the_first_rule(label: str):
    assert _spelling(label) == []


def test_the_members_own_words_pass_even_if_they_spell_an_acronym():
    members = [*VPD, "A vector product decomposition is cheap"]

    assert problems_of("Vector product decomposition", members, {}) == []


def test_a_marked_letter_must_be_marked_in_a_source_too():
    members = [*VPD, "We like adversarial parameter decomposition"]

    assert problems_of("Adversarial parameter decomposition", members, {}) == []
    assert problems_of("adVersarial Parameter Decomposition", members, {}) != []


def test_an_acronym_of_two_letters_needs_capitals_or_a_tie_to_be_spelt():
    members = ["The LM learns", "Linear layers and moving maps of an LM"]

    assert problems_of("Linear maps", members, {}) == []
    assert problems_of("Linear Maps", members, {}) != []
    assert problems_of("linear maps (LM)", members, {}) != []
    assert problems_of("Language models", members, {"LM": {"language model"}}) == []


def test_the_plural_of_an_acronym_is_the_same_acronym():
    members = ["SAEs find features"]

    assert (
        problems_of("Sparse autoencoder features", members, {"SAEs": {"sparse autoencoders"}}) == []
    )
    assert problems_of("SAE features", members, {}) == []
    assert _about("SAE", problems_of("Stacked Activation Encoder", members, {}))


def _about(short: str, found: list[str]) -> bool:
    return any(short in problem for problem in found)


@pytest.mark.parametrize("word", ["decomposed", "decompositions", "subcomponent", "interpreting"])
def test_a_word_may_stand_in_another_form(word: str):
    assert problems_of(f"{word} parameters", VPD, {}) == []


@pytest.mark.parametrize("word", ["circuits", "phenomenology", "virtue", "models", "not"])
def test_a_word_that_no_member_says_is_refused(word: str):
    assert problems_of(f"parameters of {word}", VPD, {}) == [f"no member says “{word}”"]


COUNTED = [
    "A 67M-parameter model has 10,000 subcomponents in 24 matrices",
    "One step takes about 2,000 tokens, 40 ms, and 12 s for eight models",
    "Pruning removes 9 % of the weights of GPT-2, and three heads of layer 12",
]


@pytest.mark.parametrize(
    "label",
    [
        "67M-parameter model",
        "67 million parameter model",
        "10000 subcomponents",
        "9% of the weights",
        "3 heads",
        "three heads of layer 12",
        "heads of GPT-2",
        "twenty-four matrices",
        "Eight models",
        "8 models",
        "12 s",
        "about 2,000 tokens",
    ],
)
def test_a_number_that_a_member_gives_passes_however_it_is_written(label: str):
    assert problems_of(label, COUNTED, {}) == []


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("68M-parameter model", "68M"),
        ("67 subcomponents", "67"),
        ("1,000 subcomponents", "1,000"),
        ("9 weights", "9"),
        ("90 % of the weights", "90 %"),
        ("0.9 % of the weights", "0.9 %"),
        ("7 heads", "7"),
        ("four heads", "four"),
        ("heads of layer 3", "3"),
        ("heads of GPT-3", "GPT-3"),
        ("2 claims", "2"),
        ("2,100 tokens", "2,100"),
        ("40 s", "40 s"),
        ("twenty-three matrices", "twenty-three"),
    ],
)
def test_a_number_that_no_member_gives_is_refused(label: str, number: str):
    assert any(f"“{number}”" in problem for problem in problems_of(label, COUNTED, {}))


@pytest.mark.parametrize("label", ["", "  "])
def test_an_empty_label_is_refused(label: str):
    assert problems_of(label, VPD, {}) == ["it is empty"]


class Inventor:
    """A labeller that makes things up, and calls every community the same if it may."""

    name = "inventor"

    def __init__(self, label: str) -> None:
        self._label = label

    def label(self, community: LabellingTask) -> LabelDraft:
        return LabelDraft(label=self._label, description=f"{len(community.members)} statements.")


@pytest.fixture
def engine() -> Engine:
    return open_engine(None)


@pytest.fixture
def clustering(engine: Engine) -> int:
    ids = store_statements(engine)
    tree = {
        "c0-c0": [ids["ranks"], ids["tied"]],
        "c0-c1": [ids["toy"]],
        "c1": [ids["dead"], ids["dictionary"], ids["latents"]],
        "c2": [ids["odd"]],
    }
    edges = [
        (ids["dead"], ids["latents"], 0.5),
        (ids["dictionary"], ids["latents"], 0.4),
        (ids["toy"], ids["latents"], 0.9),
        (ids["ranks"], ids["tied"], 0.3),
        (ids["ranks"], ids["toy"], 0.8),
    ]
    return store_clustering(engine, "leiden_semantic", tree, edges)


def _labels(engine: Engine, run_id: int) -> dict[str, Label]:
    with reading(engine) as session:
        rows = session.exec(select(Label).where(Label.run_id == run_id))
        return {row.community_id.partition("-c")[2]: row for row in rows}


def test_every_community_of_a_run_is_named(engine: Engine, clustering: int):
    run_id = label_run(engine, clustering, OfflineLabeller())

    named = {community: row.label for community, row in _labels(engine, run_id).items()}
    assert named == {
        "0": "Tied ranks & TRD",
        "0-c0": "Tied ranks",
        "0-c1": "Toy model",
        "1": "Dead latents & wide dictionary",
        "2": "Raw logs",
    }


def test_the_run_says_what_it_did(engine: Engine, clustering: int):
    run_id = label_run(engine, clustering, OfflineLabeller())

    with reading(engine) as session:
        run = run_of(session, run_id)
    assert (run.kind, run.method, run.status) == (RunKind.LABELLING, "offline", RunStatus.SUCCEEDED)
    assert run.config == {"clustering_run": clustering}
    assert run.result["communities"] == 5
    assert run.result["refused"] == 0


def test_the_most_central_member_has_the_heaviest_edges_inside(engine: Engine, clustering: int):
    labels = _labels(engine, label_run(engine, clustering, OfflineLabeller()))

    assert labels["1"].description.startswith("Dead latents are a sign of a learning rate")
    assert labels["0"].description.startswith("TRD (Tied Rank Decomposition) splits a weight")


@pytest.mark.parametrize("end", [0, 2])
def test_an_edge_counts_for_both_of_its_ends(engine: Engine, end: int):
    ids = store_statements(engine)
    texts = {ids[name]: SAID[name][1] for name in ("dead", "probe", "even")}
    ordered = sorted(texts)
    hub = ordered.pop(end)
    edges = [(hub, other, 0.5) for other in ordered]

    run = store_clustering(engine, "m", {"c0": list(texts)}, edges)

    labels = _labels(engine, label_run(engine, run, OfflineLabeller()))
    assert labels["0"].description.startswith(texts[hub])


def test_an_expansion_passes_only_where_a_members_source_gives_it(engine: Engine):
    ids = store_statements(engine, notes={"odd": "TRD, read again", "even": "TRD, read again"})
    tree = {"c0": [ids["ranks"], ids["tied"]], "c1": [ids["odd"], ids["even"]]}
    clustering = store_clustering(engine, "m", tree)

    here = _labels(engine, label_run(engine, clustering, OfflineLabeller()))
    run = label_run(engine, clustering, Inventor("Tied Rank Decomposition (TRD)"))

    assert "TRD (Tied Rank Decomposition)" in here["0"].description
    assert {at: row.model for at, row in _labels(engine, run).items()} == {
        "0": "inventor",
        "1": "offline",
    }


def test_progress_ends_at_the_number_of_communities(engine: Engine, clustering: int):
    ticks: list[tuple[int, int]] = []

    label_run(engine, clustering, OfflineLabeller(), lambda done, all_: ticks.append((done, all_)))

    assert ticks == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_a_label_that_invents_is_replaced_and_signed_by_who_replaced_it(
    engine: Engine, clustering: int, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        run_id = label_run(engine, clustering, Inventor("Twisted Ring Dynamics"))

    labels = _labels(engine, run_id)
    assert labels["0"].label == "Tied ranks & TRD"
    assert {row.model for row in labels.values()} == {"offline"}
    assert "“Twisted Ring Dynamics” spells TRD" in caplog.text
    with reading(engine) as session:
        assert run_of(session, run_id).result["refused"] == 5


def test_a_label_carries_what_it_rests_on_and_what_was_refused_before_it(
    engine: Engine, clustering: int
):
    run_id = label_run(engine, clustering, Inventor("Twisted Ring Dynamics"))

    label = _labels(engine, run_id)["0"]
    assert len(label.refusals) == 2
    assert all("spells TRD, which no source" in reason for reason in label.refusals)


def test_siblings_and_parents_do_not_share_a_name(engine: Engine, clustering: int):
    run_id = label_run(engine, clustering, Inventor("Tied ranks"))

    labels = _labels(engine, run_id)
    assert (labels["0"].label, labels["0"].model) == ("Tied ranks", "inventor")
    assert labels["0-c0"].model == "offline"
    assert labels["0-c0"].label != "Tied ranks"


def test_the_latest_labelling_that_succeeded_holds(engine: Engine, clustering: int):
    community = f"leiden_semantic-run{clustering}-c0"
    label_run(engine, clustering, OfflineLabeller())
    label_run(engine, clustering, Inventor("Tied ranks"))
    with pytest.raises(RuntimeError), recording(engine, RunKind.LABELLING, "x", NoConfig()):
        raise RuntimeError

    with reading(engine) as session:
        label = labels_of(session, [community]).get(community)
        labels = labels_of(session, [community, "no such community"])

    assert label is not None
    assert label.label == "Tied ranks"
    assert list(labels) == [community]


def test_a_label_of_a_run_that_has_not_succeeded_does_not_hold(engine: Engine, clustering: int):
    community = f"leiden_semantic-run{clustering}-c0"
    label_run(engine, clustering, OfflineLabeller())
    with (
        recording(engine, RunKind.LABELLING, "slow", NoConfig()) as running,
        writing(engine) as session,
    ):
        session.add(
            Label(community_id=community, run_id=running, label="No", description="", model="slow")
        )
        session.flush()

        label = labels_of(session, [community]).get(community)

    assert label is not None
    assert label.model == "offline"


def test_a_labeller_that_fails_leaves_no_label(engine: Engine, clustering: int):
    class Broken:
        name = "broken"
        asked = 0

        def label(self, community: LabellingTask) -> LabelDraft:
            self.asked += 1
            if self.asked == 3:
                raise RuntimeError("the model went away")
            return OfflineLabeller().label(community)

    with pytest.raises(RuntimeError, match="went away"):
        label_run(engine, clustering, Broken())

    with reading(engine) as session:
        assert session.exec(select(Label)).all() == []
        failed = session.exec(select(Run).where(Run.method == "broken")).one()
        assert failed.status is RunStatus.FAILED


def test_a_clustering_without_communities_has_no_labels(engine: Engine):
    run_id = label_run(engine, store_clustering(engine, "m", {}), OfflineLabeller())

    assert _labels(engine, run_id) == {}


def test_only_a_clustering_can_be_labelled(engine: Engine, clustering: int):
    labelling = label_run(engine, clustering, OfflineLabeller())

    with pytest.raises(ConfigError, match="a run of labelling"):
        label_run(engine, labelling, OfflineLabeller())
    with pytest.raises(NotFoundError, match="no run 99"):
        label_run(engine, 99, OfflineLabeller())


def test_a_clustering_that_failed_cannot_be_labelled(engine: Engine):
    with (
        pytest.raises(RuntimeError),
        recording(engine, RunKind.CLUSTERING, "m", NoConfig()) as failed,
    ):
        raise RuntimeError("out of memory")

    with pytest.raises(ConfigError, match="did not succeed: RuntimeError: out of memory"):
        label_run(engine, failed, OfflineLabeller())


def test_the_same_clustering_gets_the_same_labels(engine: Engine, clustering: int):
    runs = [label_run(engine, clustering, OfflineLabeller()) for _ in range(2)]

    first, second = (
        [(row.label, row.description) for row in _labels(engine, run).values()] for run in runs
    )
    assert first == second
