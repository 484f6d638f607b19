"""The names of communities that hold: those of the latest labelling that succeeded."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from kg.db import blocks_of
from kg.tables import Community, Label, Run, RunStatus


def labels_of(session: Session, community_ids: Sequence[str]) -> dict[str, Label]:
    """Return the latest label of each community that has one, by its id."""
    found: dict[str, Label] = {}
    for block in blocks_of(community_ids):
        found |= _latest(session, col(Label.community_id).in_(block))
    return found


def label_history(session: Session, community_ids: Sequence[str]) -> dict[str, list[Label]]:
    """Return all labels that each of these communities has had, the latest last, by its id."""
    found: dict[str, list[Label]] = {}
    for block in blocks_of(community_ids):
        for row in _succeeded(session, col(Label.community_id).in_(block)):
            found.setdefault(row.community_id, []).append(row)
    return found


def labels_of_run(session: Session, run_id: int) -> dict[str, Label]:
    """Return the latest label of each community of a clustering run that has one, by its id."""
    communities = select(Community.id).where(Community.run_id == run_id)
    return _latest(session, col(Label.community_id).in_(communities))


def _latest(session: Session, condition: ColumnElement[bool]) -> dict[str, Label]:
    return {row.community_id: row for row in _succeeded(session, condition)}


def _succeeded(session: Session, condition: ColumnElement[bool]) -> Iterable[Label]:
    return session.exec(
        select(Label)
        .join(Run, col(Run.id) == Label.run_id)
        .where(condition, Run.status == RunStatus.SUCCEEDED)
        .order_by(col(Label.run_id))
    )
