"""A language model says what statements are to each other, of pairs that were found to be near.

The pairs are those that the newest merging run proposes (`kg.merging`): candidates come from the
index of neighbours, and never are all pairs asked for. The model sees a few at a time and answers
of each what the one is to the other, and which words of either text say so. The words are looked
up; an answer that rests on words that are not there is refused. What passes is stored under the
model's name as a relation: an assertion like that of a person, and never evidence.

The relations of a batch are stored before the next is asked. What was answered is kept
(`kg.language_model`), so a run that was interrupted, or whose budget was spent, goes on where it
stopped and costs nothing for what was asked already.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine
from sqlmodel import Session

from kg.canonical import proposals_of
from kg.db import reading, writing
from kg.embedders import OnProgress
from kg.errors import BudgetError, ConfigError, ReplyError
from kg.ids import normalised
from kg.language_model import LanguageModel
from kg.merging import METHOD
from kg.relations import RelationDraft, add_relations
from kg.runs import active_run
from kg.statements import statements_by_id
from kg.tables import RelationKind, RunKind

_AT_ONCE = 8
"""Pairs that the model sees together."""


class ModelVerdict(BaseModel):
    """What the two statements of a pair are to each other."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)

    pair: str
    relation: Literal["supports", "contradicts", "refines", "same_as", "none"]
    head: Literal["a", "b"] = "a"
    """Which one supports or refines the other."""

    words_a: str = ""
    """What in the first text the answer rests on, verbatim."""

    words_b: str = ""
    reason: str = Field(default="", max_length=500)


class ModelVerdicts(BaseModel):
    """What the model answers to some pairs."""

    model_config = ConfigDict(extra="ignore")

    verdicts: list[ModelVerdict]


class Pair(NamedTuple):
    """Two statements that were found to be near."""

    a: str
    b: str
    """Their ids."""

    text_a: str
    text_b: str


class RelatingReport(NamedTuple):
    """What became of the pairs."""

    pairs: int
    """That there were to ask about."""

    asked: int
    """About which there was an answer, now or earlier."""

    drafts: list[RelationDraft]
    """What was asserted, in the order of the pairs ..."""

    is_new: list[bool]
    """... and whether nobody had asserted it before."""

    refused: list[str]
    """Answers that were not taken, and why."""

    is_out_of_budget: bool


def relate_proposals(
    engine: Engine, model: LanguageModel, limit: int, on_progress: OnProgress | None = None
) -> RelatingReport:
    """Ask a language model about the pairs that the newest merging run proposes, surest first.

    A spent budget ends it; the report says so, and what was stored stays.

    Raises:
        ConfigError: There has been no merging run.
        LanguageModelError: The model cannot be reached.
        DatabaseError: Another process is writing.
    """
    with reading(engine) as session:
        pairs = _pairs(session, limit)
    report = RelatingReport(len(pairs), 0, [], [], [], is_out_of_budget=False)
    for batch in _batches(pairs):
        try:
            drafts, refused = _asked(model, batch)
        except BudgetError:
            return report._replace(is_out_of_budget=True)
        with writing(engine) as session:
            report.is_new.extend(add_relations(session, drafts))
        report.drafts.extend(drafts)
        report.refused.extend(refused)
        report = report._replace(asked=report.asked + len(batch))
        if on_progress is not None:
            on_progress(report.asked, len(pairs))
    return report


def _pairs(session: Session, limit: int) -> list[Pair]:
    run = active_run(session, RunKind.MERGING, METHOD)
    if run is None or run.id is None:
        raise ConfigError("no pairs have been looked for: run `claimgraph merge` first")
    proposals = proposals_of(session, run.id)[:limit]
    ends = chain.from_iterable((each.head_id, each.tail_id) for each in proposals)
    known = statements_by_id(session, sorted(set(ends)))
    return [
        Pair(each.head_id, each.tail_id, known[each.head_id].text, known[each.tail_id].text)
        for each in proposals
        if each.head_id in known and each.tail_id in known
    ]


def _asked(model: LanguageModel, batch: Sequence[Pair]) -> tuple[list[RelationDraft], list[str]]:
    """Return what the model asserts of some pairs, and what of it was refused."""
    shown = {f"p{number}": pair for number, pair in enumerate(batch, start=1)}
    material = {
        name: {"a": normalised(pair.text_a), "b": normalised(pair.text_b)}
        for name, pair in shown.items()
    }
    try:
        text = json.dumps(material, ensure_ascii=False, indent=1)
        verdicts = model.complete(prompt(), text, ModelVerdicts).output.verdicts
    except ReplyError as error:
        return [], [str(error)]
    drafts, refused = [], []
    named = Counter(verdict.pair for verdict in verdicts)
    for verdict in verdicts:
        problem = _problem(verdict, shown, named)
        if problem:
            refused.append(problem)
        elif verdict.relation != "none":
            drafts.append(_draft(verdict, shown[verdict.pair], model.name))
    return drafts, refused


def _problem(verdict: ModelVerdict, shown: Mapping[str, Pair], named: Counter[str]) -> str:
    """Return why an answer is not taken; empty if it is."""
    pair = shown.get(verdict.pair)
    if pair is None:
        return f"there is no pair {verdict.pair!r} among those that were asked about"
    if named[verdict.pair] > 1:
        return f"{pair.a} and {pair.b}: answered {named[verdict.pair]} times"
    if verdict.relation == "none":
        return ""
    words = (verdict.words_a, verdict.words_b)
    for said, text, end in zip(words, (pair.text_a, pair.text_b), (pair.a, pair.b), strict=True):
        wanted = normalised(said)
        if not wanted or wanted not in normalised(text):
            return f"{pair.a} {verdict.relation} {pair.b}: {end} does not say {said!r}"
    return ""


def _draft(verdict: ModelVerdict, pair: Pair, method: str) -> RelationDraft:
    head, tail = (pair.a, pair.b) if verdict.head == "a" else (pair.b, pair.a)
    words = f"“{normalised(verdict.words_a)}” and “{normalised(verdict.words_b)}”"
    reason = f"{normalised(verdict.reason)} ({words})" if verdict.reason.strip() else words
    kind = RelationKind(verdict.relation)
    return RelationDraft(head=head, kind=kind, tail=tail, reason=reason, method=method)


def _batches(pairs: Sequence[Pair]) -> Iterator[tuple[Pair, ...]]:
    for start in range(0, len(pairs), _AT_ONCE):
        yield tuple(pairs[start : start + _AT_ONCE])


@cache
def prompt() -> str:
    """Return the instructions, as they stand in the file."""
    return (files("kg") / "prompts" / "relate.md").read_text(encoding="utf-8").strip()
