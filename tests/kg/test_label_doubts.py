"""Labels after an update: those that hold stay, and those that lost their reasons make way."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine
from sqlmodel import select

from kg import label_doubts
from kg.communities import members_by_community
from kg.db import open_engine, reading, writing
from kg.grounding import problems_of
from kg.journal import amendments_of, undo
from kg.labellers.offline import OfflineLabeller
from kg.labellers.task import LabelDraft, LabellingTask
from kg.labelling import label_changed, label_run
from kg.labels import labels_of_run
from kg.news import Gone
from kg.runs import recording, run_of
from kg.tables import Label, RunKind, Statement
from kg.updating import thin
from tests.kg.small_graph import SAID, store_clustering, store_statements

METHOD = "leiden_semantic"
TREE = {"c0": "dead dictionary latents odd even", "c1": "ranks tied toy", "c2": "probe tense"}


class _NoConfig(BaseModel):
    pass


class _Told(NamedTuple):
    """Gives every community this label, resting on the members whose names these are."""

    label_: LabelDraft
    name: str = "told"

    def label(self, community: LabellingTask) -> LabelDraft:
        if community.community_id.endswith("-c0"):
            return self.label_
        return OfflineLabeller().label(community)


class _Run(NamedTuple):
    """A clustering of the small graph, in which all members of a community are tied."""

    engine: Engine
    id: int
    ids: Mapping[str, str]

    def without(self, names: str) -> int:
        """Take statements out, and see to the labels; returns the update."""
        gone = Gone(frozenset(), frozenset(self.ids[name] for name in names.split()))
        with (
            recording(self.engine, RunKind.UPDATE, METHOD, _NoConfig()) as number,
            writing(self.engine) as session,
        ):
            thin(session, number, run_of(session, self.id), gone)
        label_changed(self.engine, self.id, number)
        return number

    def labels(self) -> dict[str, Label]:
        with reading(self.engine) as session:
            found = labels_of_run(session, self.id)
        return {name.partition(f"run{self.id}-")[2]: label for name, label in found.items()}

    def told(self, label: str, description: str, support: str) -> None:
        members = tuple(self.ids[name] for name in support.split())
        draft = LabelDraft(label=label, description=description, support=members)
        label_run(self.engine, self.id, _Told(draft))


@pytest.fixture
def run() -> _Run:
    engine = open_engine(None)
    ids = store_statements(engine)
    tree = {path: [ids[name] for name in names.split()] for path, names in TREE.items()}
    ties = [
        (one, other, 1.0)
        for members in tree.values()
        for one in members
        for other in members
        if one < other
    ]
    return _Run(engine, store_clustering(engine, METHOD, tree, ties), ids)


def _problems(run: _Run) -> dict[str, Sequence[str]]:
    """Return what is wrong with each label, by the members of today."""
    with reading(run.engine) as session:
        members = members_by_community(session, run.id)
        texts = dict(session.exec(select(Statement.id, Statement.text)).all())
        found = labels_of_run(session, run.id)
    return {
        name: [
            problem
            for text in (label.label, label.description)
            for problem in problems_of(
                text,
                [texts[each] for each in sorted(members[name])],
                {"TRD": {"Tied Rank Decomposition"}},
            )
        ]
        + [each for each in label.support if each not in members[name]]
        for name, label in found.items()
    }


def test_a_name_goes_with_those_that_earned_it(run: _Run):
    label_run(run.engine, run.id, OfflineLabeller())
    assert run.labels()["c0"].label == "Dead latents & wide dictionary"

    run.without("dead dictionary latents")

    assert not any(_problems(run).values())
    assert "latents" not in run.labels()["c0"].label


def test_a_name_whose_reasons_are_there_stays_and_who_left_is_no_longer_its_support(run: _Run):
    run.told("Dead latents", "", "dead dictionary latents")

    run.without("latents")

    label = run.labels()["c0"]
    assert (label.label, label.model) == ("Dead latents", "told")
    assert set(label.support) == {run.ids["dead"], run.ids["dictionary"]}


def test_a_description_that_quotes_one_who_left_is_written_anew(run: _Run):
    label_run(run.engine, run.id, OfflineLabeller())
    assert SAID["probe"][1] in run.labels()["c2"].description

    run.without("probe")

    label = run.labels()["c2"]
    assert SAID["probe"][1] not in label.description
    assert not any(_problems(run).values())


def test_nobody_else_is_looked_at(run: _Run, monkeypatch: pytest.MonkeyPatch):
    label_run(run.engine, run.id, OfflineLabeller())
    before = run.labels()
    asked: list[str] = []
    history = label_doubts.label_history
    monkeypatch.setattr(
        label_doubts,
        "label_history",
        lambda session, names: asked.extend(names) or history(session, names),
    )

    run.without("dead")

    assert asked == [f"{METHOD}-run{run.id}-c0"]
    assert {path: run.labels()[path] for path in ("c1", "c2")} == {
        path: before[path] for path in ("c1", "c2")
    }


def test_what_is_left_is_reckoned_from_when_the_name_was_given(run: _Run):
    run.told("Dead latents", "", "dead dictionary latents odd even")
    models = []
    for name in ("even", "odd"):
        run.without(name)
        models.append(run.labels()["c0"].model)

    # 4 of 5 are left, then 3 of 5; 3 of 4 would have been enough.
    assert models == ["told", "offline"]


def test_an_update_that_is_taken_back_gives_back_the_labels(run: _Run):
    label_run(run.engine, run.id, OfflineLabeller())
    before = run.labels()
    number = run.without("dead dictionary latents probe")
    assert run.labels() != before

    with (
        recording(run.engine, RunKind.UPDATE, METHOD, _NoConfig()) as back,
        writing(run.engine) as session,
    ):
        undo(session, back, run_of(session, run.id), amendments_of(session, run.id))

    assert number < back
    assert label_changed(run.engine, run.id, back) is None
    assert run.labels() == before


def test_a_run_without_names_stays_without(run: _Run):
    run.without("dead")

    assert run.labels() == {}
