"""The commands that say which statements are the same: one function each, its report as a view."""

from collections.abc import Callable, Sequence

from sqlalchemy import Engine
from sqlmodel import Session

from api.jobs import OnProgress
from api.views.decisions import DecidedView, MergingView, decided_view
from kg.canonical import Ruling, merge, split, undo
from kg.db import reading, writing


def merge_by_rule(engine: Engine, embedder: str, on_progress: OnProgress) -> MergingView:
    """Look for statements that say the same; merge those of which the rule is sure."""
    from kg.embedders import open_embedder
    from kg.merging import merge_repeats

    return MergingView(**merge_repeats(engine, open_embedder(embedder), on_progress)._asdict())


def merge_by_hand(engine: Engine, statement_ids: Sequence[str], ruling: Ruling) -> DecidedView:
    """Decide that statements say the same."""
    return _decide(engine, lambda session: merge(session, statement_ids, ruling))


def split_by_hand(engine: Engine, statement_ids: Sequence[str], ruling: Ruling) -> DecidedView:
    """Decide that statements do not say what the rest of their group says."""
    return _decide(engine, lambda session: split(session, statement_ids, ruling))


def undo_decision(engine: Engine, decision_id: int | None, ruling: Ruling) -> DecidedView:
    """Undo a decision, by default the latest that counts."""
    return _decide(engine, lambda session: undo(session, decision_id, ruling))


def _decide(engine: Engine, decide: Callable[[Session], int]) -> DecidedView:
    with writing(engine) as session:
        decision = decide(session)
    with reading(engine) as session:
        return decided_view(session, decision)
