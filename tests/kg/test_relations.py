"""Relations: validated, idempotent, removable, and between statements that exist."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import Engine

from kg.db import open_engine, reading, writing
from kg.errors import ConfigError, NotFoundError
from kg.relations import (
    SYMMETRIC,
    RelationDraft,
    add_relations,
    all_relations,
    read_relations,
    relations_of,
    remove_relations,
    ties_by_relation,
)
from kg.tables import RelationKind
from tests.kg.small_graph import store_statements


@pytest.fixture
def engine() -> Engine:
    return open_engine(None)


@pytest.fixture
def ids(engine: Engine) -> dict[str, str]:
    return store_statements(engine)


def _add(engine: Engine, *drafts: RelationDraft) -> list[bool]:
    with writing(engine) as session:
        return add_relations(session, drafts)


def _stored(engine: Engine) -> set[tuple[str, str, str, str, str]]:
    with reading(engine) as session:
        return {
            (row.head_id, row.kind.value, row.tail_id, row.method, row.reason)
            for row in all_relations(session)
        }


def test_a_relation_is_stored_once_with_who_asserted_it_first_and_why(
    engine: Engine, ids: dict[str, str]
):
    toy, ranks = ids["toy"], ids["ranks"]
    first = RelationDraft(head=toy, kind="supports", tail=ranks, reason="It is the test of it")
    again = RelationDraft(head=toy, kind="supports", tail=ranks, reason="Because", method="m1")

    assert _add(engine, first) == [True]
    assert _add(engine, again, again) == [False, False]

    assert _stored(engine) == {(toy, "supports", ranks, "person", "It is the test of it")}
    with reading(engine) as session:
        assert [row.kind for row in relations_of(session, ranks)] == [RelationKind.SUPPORTS]
        assert ties_by_relation(session) == [(toy, ranks, RelationKind.SUPPORTS)]


@pytest.mark.parametrize("kind", RelationKind)
def test_only_what_holds_both_ways_is_the_same_the_other_way_round(
    kind: RelationKind, engine: Engine, ids: dict[str, str]
):
    there = RelationDraft(head=ids["tense"], kind=kind, tail=ids["probe"])
    back = RelationDraft(head=ids["probe"], kind=kind, tail=ids["tense"])

    is_new = _add(engine, there, back)

    assert is_new == [True, kind not in SYMMETRIC]
    with writing(engine) as session:
        assert remove_relations(session, [back]) == [True]
    assert len(_stored(engine)) == (0 if kind in SYMMETRIC else 1)


def test_what_is_removed_is_gone_and_removing_it_again_is_no_error(
    engine: Engine, ids: dict[str, str]
):
    draft = RelationDraft(head=ids["toy"], kind="refines", tail=ids["ranks"])
    other = RelationDraft(head=ids["toy"], kind="cites", tail=ids["ranks"])
    _add(engine, draft, other)

    with writing(engine) as session:
        assert remove_relations(session, [draft, draft]) == [True, False]

    assert {row[1] for row in _stored(engine)} == {"cites"}
    assert _add(engine, draft) == [True]


def test_one_statement_that_does_not_exist_stops_them_all(engine: Engine, ids: dict[str, str]):
    good = RelationDraft(head=ids["toy"], kind="cites", tail=ids["ranks"])
    bad = RelationDraft(head=ids["toy"], kind="cites", tail="stm_missing")

    with (
        pytest.raises(NotFoundError, match=r"list, line 7.*stm_missing.*claimgraph search"),
        writing(engine) as session,
    ):
        add_relations(session, [good, bad], ["list, line 6", "list, line 7"])

    assert _stored(engine) == set()


def test_a_statement_cannot_be_related_to_itself(engine: Engine, ids: dict[str, str]):
    with pytest.raises(ConfigError, match="name two statements"):
        _add(engine, RelationDraft(head=ids["toy"], kind="same_as", tail=ids["toy"]))


@pytest.mark.parametrize(
    "wrong", [{"kind": "likes"}, {"head": ""}, {"method": ""}, {"weight": 1}, {"tail": None}]
)
def test_what_is_no_relation_is_refused(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        RelationDraft.model_validate({"head": "a", "kind": "cites", "tail": "b"} | wrong)


def test_a_file_is_read_line_by_line_and_blank_lines_are_skipped(tmp_path: Path):
    path = tmp_path / "relations.jsonl"
    line = {
        "head": "a",
        "kind": "contradicts",
        "tail": "b",
        "reason": "One says\u2028no",
    }
    path.write_text(f"\n{json.dumps(line, ensure_ascii=False)}\n\n", encoding="utf-8")

    drafts, places = read_relations(path)

    assert [draft.model_dump(exclude={"method"}) for draft in drafts] == [line]
    assert places == [f"{path}, line 2"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "line 2: not a JSON object"),
        ("[1]", "line 2: not a relation"),
        ('{"head": "a", "kind": "likes", "tail": "b"}', "line 2: .*kind: .*'supports'"),
        ('{"head": "a", "kind": "cites"}', "line 2: .*tail: Field required"),
        ("[" * 10**5, "line 2: not a JSON object"),
    ],
)
def test_a_line_that_is_no_relation_is_named(tmp_path: Path, text: str, says: str):
    path = tmp_path / "relations.jsonl"
    path.write_text(f'{{"head": "a", "kind": "cites", "tail": "b"}}\n{text}\n', encoding="utf-8")

    with pytest.raises(ConfigError, match=says):
        read_relations(path)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_relations(tmp_path / "missing.jsonl")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_relations(tmp_path / "bytes")


@given(st.text(alphabet="ab", min_size=1), st.sampled_from(RelationKind), st.text("ab", min_size=1))
def test_the_id_follows_from_what_is_said_alone(head: str, kind: RelationKind, tail: str):
    draft = RelationDraft(head=head, kind=kind, tail=tail)
    other = RelationDraft(head=tail, kind=kind, tail=head, reason="another", method="m")

    assert sorted(draft.ends()) == sorted((head, tail))
    assert (draft.id() == other.id()) is (kind in SYMMETRIC or head == tail)
