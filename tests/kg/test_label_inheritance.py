"""Names that go on from run to run, and those that have lost their reasons."""

from collections.abc import Mapping

import pytest
from sqlalchemy import Engine

from kg.db import reading
from kg.label_inheritance import holders_of
from kg.labellers.offline import OfflineLabeller
from kg.labellers.task import LabelDraft, LabellingTask
from kg.labelling import label_run
from kg.labels import labels_of
from kg.runs import run_of
from kg.tables import Label
from tests.kg.conftest import CLAIM, Said, fill
from tests.kg.small_graph import store_clustering, store_statements

METHOD = "leiden_semantic"


class _Says:
    """Names each community as it is told, by the path in its id."""

    def __init__(self, names: Mapping[str, str], name: str = "told") -> None:
        self._names = names
        self.name = name

    def label(self, community: LabellingTask) -> LabelDraft:
        path = community.community_id.partition("-c")[2]
        members = [member.id for member in community.members[:1]]
        return LabelDraft(label=self._names[f"c{path}"], description="", support=members)


class _SaysWithoutSupport(_Says):
    def label(self, community: LabellingTask) -> LabelDraft:
        return super().label(community).model_copy(update={"support": ()})


@pytest.fixture
def ids(engine: Engine) -> dict[str, str]:
    return store_statements(engine)


def _clustered(engine: Engine, ids: Mapping[str, str], tree: Mapping[str, str]) -> int:
    return store_clustering(
        engine, METHOD, {path: [ids[n] for n in names.split()] for path, names in tree.items()}
    )


def _labels(engine: Engine, run: int) -> dict[str, Label]:
    with reading(engine) as session:
        return {
            path: labels_of(session, [f"{METHOD}-run{run}-{path}"])[f"{METHOD}-run{run}-{path}"]
            for path in ("c0", "c1")
        }


OLD = {"c0": "dead dictionary latents", "c1": "probe tense"}
NAMES = {"c0": "Dead latents", "c1": "Linear probe"}


def _named_again(
    engine: Engine, ids: Mapping[str, str], new: Mapping[str, str]
) -> dict[str, Label]:
    """Name the old run as told, and the new one offline; returns the labels of the new one."""
    first = _clustered(engine, ids, OLD)
    label_run(engine, first, _SaysWithoutSupport(NAMES))
    second = _clustered(engine, ids, new)
    label_run(engine, second, OfflineLabeller())
    return _labels(engine, second)


def test_a_community_that_has_grown_keeps_its_name_and_who_gave_it(engine: Engine, ids):
    labels = _named_again(engine, ids, {"c0": "dead dictionary latents odd", "c1": "probe tense"})

    assert (labels["c0"].label, labels["c0"].model) == ("Dead latents", "told")
    assert labels["c0"].description  # written anew, for the members are not the same
    # Nothing has changed here, so the description, which was left empty, stays as well.
    assert (labels["c1"].label, labels["c1"].description) == ("Linear probe", "")


def test_a_name_goes_with_the_members_that_earned_it(engine: Engine, ids):
    names = {**NAMES, "c0": "Latents"}
    first = _clustered(engine, ids, {"c0": "dead dictionary latents odd even", "c1": "probe tense"})
    label_run(engine, first, _SaysWithoutSupport(names))
    # Three say that latents are dead, and one of them is left: the match is by odd and even.
    second = _clustered(engine, ids, {"c0": "dead odd even", "c1": "probe tense"})
    label_run(engine, second, OfflineLabeller())

    labels = _labels(engine, second)
    assert labels["c0"].label != "Latents"
    assert labels["c0"].model == "offline"
    assert (labels["c1"].label, labels["c1"].model) == ("Linear probe", "told")


def test_support_that_was_given_counts_and_not_who_else_says_it(engine: Engine, ids):
    first = _clustered(engine, ids, {"c0": "dead dictionary latents", "c1": "probe tense"})
    label_run(engine, first, _Says(NAMES))
    (support,) = _labels(engine, first)["c0"].support
    others = " ".join(name for name in ("dead", "dictionary", "latents") if ids[name] != support)
    second = _clustered(engine, ids, {"c0": others, "c1": "probe tense"})
    label_run(engine, second, OfflineLabeller())

    assert _labels(engine, second)["c0"].model == "offline"
    assert _labels(engine, second)["c1"].model == "told"


def test_a_name_is_not_kept_for_a_community_that_has_become_another_around_it(engine: Engine, ids):
    # All three that earned it are there, among eight: 3/8 is under half of 3/3.
    labels = _named_again(
        engine, ids, {"c0": "dead dictionary latents ranks tied toy odd even", "c1": "probe tense"}
    )

    assert labels["c0"].model == "offline"


def test_what_is_left_of_a_name_is_reckoned_from_when_it_was_given(engine: Engine):
    said = [
        Said("Latents", CLAIM, f"Dead latents are common in dictionary number {word}")
        for word in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    ]
    ids = fill(engine, said)
    models = []
    for n in (9, 7, 5):
        run = store_clustering(engine, METHOD, {"c0": ids[:n]})
        label_run(
            engine,
            run,
            OfflineLabeller() if models else _SaysWithoutSupport({"c0": "Dead latents"}),
        )
        with reading(engine) as session:
            (label,) = labels_of(session, [f"{METHOD}-run{run}-c0"]).values()
        models.append(label.model)

    # 7 of 9 are left, then 5 of 9; 5 of 7 would have been enough.
    assert models == ["told", "told", "offline"]


def test_a_name_that_a_sibling_has_by_now_is_not_kept(engine: Engine, ids):
    parts = ["dead dictionary", "latents ranks", "odd even", "probe tense"]
    first = _clustered(
        engine, ids, dict(zip(["c0-c0", "c1-c0", "c0-c1", "c1-c1"], parts, strict=True))
    )
    names = {"c0": "Dictionary", "c0-c0": "Dead latents", "c0-c1": "Raw logs"}
    others = {"c1": "Linear probe", "c1-c0": "Dead latents", "c1-c1": "Tense"}
    label_run(engine, first, _SaysWithoutSupport({**names, **others}))
    second = _clustered(engine, ids, dict(zip(["c0", "c1", "c2", "c3"], parts, strict=True)))
    label_run(engine, second, OfflineLabeller())

    labels = _labels(engine, second)
    assert labels["c0"].label == "Dead latents"
    assert labels["c1"].label != "Dead latents"


def test_a_new_sibling_does_not_take_a_name_that_goes_on(engine: Engine, ids):
    first = _clustered(engine, ids, {"c0": "odd even", "c1": "dictionary latents"})
    label_run(engine, first, _SaysWithoutSupport({"c0": "Logs", "c1": "Dead latents"}))
    second = _clustered(
        engine, ids, {"c0": "dead tied ranks", "c1": "dictionary latents", "c2": "odd even"}
    )
    told = {"c0": "Dead latents", "c1": "Wide dictionary", "c2": "Raw logs"}
    label_run(engine, second, _SaysWithoutSupport(told))

    labels = _labels(engine, second)
    assert labels["c0"].label != "Dead latents"
    assert labels["c1"].label == "Dead latents"


def test_who_asks_for_another_labelling_gets_new_names(engine: Engine, ids):
    first = _clustered(engine, ids, OLD)
    label_run(engine, first, _SaysWithoutSupport(NAMES))
    second = _clustered(engine, ids, OLD)
    kept = label_run(engine, second, OfflineLabeller())
    before = _labels(engine, second)
    anew = label_run(engine, second, OfflineLabeller())

    assert {label.model for label in before.values()} == {"told"}
    assert {label.model for label in _labels(engine, second).values()} == {"offline"}
    with reading(engine) as session:
        assert run_of(session, kept).result["kept"] == 2
        assert run_of(session, kept).result["refused"] == 0
        assert run_of(session, anew).result["kept"] == 0


def test_names_of_the_offline_labeller_make_way_for_a_models(engine: Engine, ids):
    first = _clustered(engine, ids, OLD)
    label_run(engine, first, OfflineLabeller())
    second = _clustered(engine, ids, OLD)
    label_run(engine, second, _SaysWithoutSupport(NAMES))

    assert {path: label.label for path, label in _labels(engine, second).items()} == NAMES


def test_holders_say_half_of_a_name_or_more():
    words = {
        "both": "Dead latents come back",
        "one": "A latent is a direction",
        "none": "Heads copy names",
    }

    assert holders_of("Dead latents", words) == {"both", "one"}
    assert holders_of("Dead latents resampled", words) == {"both"}
