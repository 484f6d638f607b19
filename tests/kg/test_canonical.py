"""Statements that say the same: merged, split, undone, back to the exact former state."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from kg.canonical import (
    Canonicals,
    Ruling,
    canonicals,
    decide_by_run,
    decisions,
    merge,
    replayed,
    split,
    undo,
)
from kg.db import open_engine, reading, writing
from kg.errors import ConfigError, NotFoundError
from kg.runs import recording
from kg.tables import Decision, DecisionKind, RunKind, Statement
from tests.kg.conftest import NoConfig, fill

BY_HAND = Ruling("person", "they say the same")


@pytest.fixture
def filled() -> tuple[Engine, list[str]]:
    engine = open_engine(None)
    return engine, sorted(fill(engine))


def _groups(session: Session) -> list[tuple[str, ...]]:
    return [group.members for group in canonicals(session).groups]


def _run(engine: Engine, groups: list[list[str]]) -> int:
    with recording(engine, RunKind.MERGING, "rule", NoConfig()) as run, writing(engine) as session:
        decide_by_run(session, run, groups)
    return run


def test_a_merge_joins_whole_groups_and_undoing_it_parts_them_again(
    filled: tuple[Engine, list[str]],
):
    engine, (a, b, c, d, *_) = filled
    with writing(engine) as session:
        merge(session, [b, a], BY_HAND)
        merge(session, [c, d], BY_HAND)
        before = canonicals(session)
        third = merge(session, [a, d], BY_HAND)

        assert _groups(session) == [(a, b, c, d)]
        assert canonicals(session).groups[0].decisions == (1, 2, third)
        assert undo(session, None, BY_HAND) == third
        assert canonicals(session) == before


def test_undoing_an_undoing_brings_back_what_was_undone(filled: tuple[Engine, list[str]]):
    engine, (a, b, *_) = filled
    with writing(engine) as session:
        first = merge(session, [a, b], BY_HAND)
        merged = canonicals(session)
        undo(session, first, BY_HAND)
        undo(session, decisions(session)[-1].id, BY_HAND)

        assert canonicals(session) == merged
        assert len(decisions(session)) == 3


def test_a_split_keeps_those_that_are_named_together_and_parts_them_from_the_rest(
    filled: tuple[Engine, list[str]],
):
    engine, (a, b, c, d, *_) = filled
    with writing(engine) as session:
        merge(session, [a, b, c, d], BY_HAND)
        before = canonicals(session)
        split(session, [c, a], BY_HAND)

        assert _groups(session) == [(a, c), (b, d)]
        assert canonicals(session).apart == {
            (min(one, two), max(one, two)) for one in (a, c) for two in (b, d)
        }
        undo(session, None, BY_HAND)
        assert canonicals(session) == before
        split(session, [d, c, b, a], BY_HAND)
        assert _groups(session) == []


def test_what_was_decided_by_hand_outlives_a_new_run(filled: tuple[Engine, list[str]]):
    engine, (a, b, c, d, e, f, *_) = filled
    _run(engine, [[a, b, c]])
    with writing(engine) as session:
        split(session, [a], BY_HAND)
        merge(session, [d, e], BY_HAND)

    second = _run(engine, [[a, b, c, f], [e, d]])

    with reading(engine) as session:
        assert _groups(session) == sorted([tuple(sorted([b, c, f])), (d, e)])
        assert canonicals(session).run_id == second


def test_undoing_a_run_brings_back_the_groups_of_the_run_before(
    filled: tuple[Engine, list[str]],
):
    engine, (a, b, c, *_) = filled
    _run(engine, [[a, b]])
    with reading(engine) as session:
        before = canonicals(session)
    _run(engine, [[b, c]])
    with writing(engine) as session:
        undo(session, None, BY_HAND)

        assert canonicals(session) == before


def test_a_statement_that_has_left_is_left_out(filled: tuple[Engine, list[str]]):
    _, (a, b, c, *_) = filled
    log = [Decision(id=1, kind=DecisionKind.MERGE, groups=[[a, b, c]], method="person")]

    assert [g.members for g in replayed(log, frozenset({a, c})).groups] == [(a, c)]
    assert replayed(log, frozenset({a})).groups == []


@pytest.mark.parametrize(
    ("named", "error", "said"),
    [
        ([0], ConfigError, "two statements or more"),
        ([0, 0], ConfigError, "two statements or more"),
        ([0, 1], ConfigError, "merged already"),
    ],
)
def test_a_merge_of_nothing_is_refused(
    filled: tuple[Engine, list[str]], named: list[int], error: type[Exception], said: str
):
    engine, ids = filled
    with writing(engine) as session:
        merge(session, ids[:3], BY_HAND)

        with pytest.raises(error, match=said):
            merge(session, [ids[each] for each in named], BY_HAND)


def test_what_cannot_be_decided_is_refused_and_leaves_no_trace(
    filled: tuple[Engine, list[str]],
):
    engine, (a, b, c, d, e, *_) = filled
    with writing(engine) as session:
        with pytest.raises(ConfigError, match="no decision to undo"):
            undo(session, None, BY_HAND)
        merge(session, [a, b], BY_HAND)
        merge(session, [c, d], BY_HAND)
        with pytest.raises(NotFoundError, match="no statement stm_absent"):
            merge(session, [a, "stm_absent"], BY_HAND)
        with pytest.raises(ConfigError, match="merged with no other"):
            split(session, [e], BY_HAND)
        with pytest.raises(ConfigError, match="several groups"):
            split(session, [a, c], BY_HAND)
        with pytest.raises(NotFoundError, match="no decision 9"):
            undo(session, 9, BY_HAND)
        undo(session, 2, BY_HAND)
        with pytest.raises(ConfigError, match="undone already"):
            undo(session, 2, BY_HAND)

        assert [decision.kind for decision in decisions(session)] == ["merge", "merge", "undo"]
        assert session.get(Statement, a) is not None


NAMES = ["s1", "s2", "s3", "s4", "s5"]
SETS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
DECISIONS = st.lists(
    st.tuples(st.sampled_from(list(DecisionKind)), SETS, SETS, st.integers(1, 8)), max_size=8
)


def _log(drawn: list[tuple[DecisionKind, list[str], list[str], int]]) -> list[Decision]:
    log = []
    for number, (kind, one, two, target) in enumerate(drawn, start=1):
        undoes = target if kind is DecisionKind.UNDO and target < number else None
        if kind is DecisionKind.UNDO and undoes is None:
            kind = DecisionKind.MERGE
        rest = [each for each in two if each not in one]
        groups = [[*one, *two]] if kind is DecisionKind.MERGE else [one, rest]
        log.append(Decision(id=number, kind=kind, groups=groups, undoes=undoes, method="person"))
    return log


@given(DECISIONS)
def test_any_log_with_its_last_decision_undone_is_the_log_without_it(
    drawn: list[tuple[DecisionKind, list[str], list[str], int]],
):
    log = _log(drawn)
    known = frozenset(NAMES)
    last = Decision(id=9, kind=DecisionKind.MERGE, groups=[NAMES], method="person")
    undoing = Decision(id=10, kind=DecisionKind.UNDO, undoes=9, method="person")

    assert replayed([*log, last, undoing], known) == replayed(log, known)


@given(DECISIONS, st.randoms(use_true_random=False))
def test_groups_partition_and_do_not_depend_on_the_order_within_a_decision(
    drawn: list[tuple[DecisionKind, list[str], list[str], int]], rng: random.Random
):
    log = _log(drawn)
    found: Canonicals = replayed(log, frozenset(NAMES))
    for decision in log:
        decision.groups = [rng.sample(group, len(group)) for group in decision.groups]

    assert replayed(log, frozenset(NAMES)) == found
    members = [each for group in found.groups for each in group.members]
    assert len(members) == len(set(members))
    assert all(len(group.members) > 1 for group in found.groups)
