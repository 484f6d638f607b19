"""What updates did to a clustering run: applied in place, journalled, and taken back.

A run is never edited but here, because to copy its memberships for every paper that comes would
cost more than the update and fill the database. In return an update leaves what it takes to
undo it to the byte: the edges that went and came, the rows of communities that went with all that
names them, and of each statement that joined, moved or left where it was before and is now. So
the state before any update can still be read.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Table, delete, insert
from sqlmodel import Session, SQLModel, col, func, select

from kg.communities import branch_of, path_of
from kg.db import blocks_of
from kg.graph_updates import Amended, restored
from kg.stored_graph import EDGE, store_graph, stored_graph
from kg.tables import Amendment, Community, Label, Membership, Move, Run, RunKind, Statement


class Moved(NamedTuple):
    """What became of one statement's membership; the fields of `Move`, but for the update."""

    statement_id: str
    before: str | None
    after: str | None
    certainty_before: float | None
    certainty_after: float | None


class Change(NamedTuple):
    """What an update does to a clustering run."""

    graph: Amended
    added: Sequence[str]
    """Statements that join, ascending."""

    removed: Sequence[str]
    touched: Mapping[str, list[str]]
    """Fingerprints of statements that stay but are said elsewhere or with another note."""

    moves: Sequence[Moved]
    communities_added: Sequence[Community]
    communities_removed: Sequence[str]
    named_after: Mapping[str, str]
    """Communities that have another id now: the new one, and the one that had their names."""


class Standing(NamedTuple):
    """How a clustering run stands to the statements that there are."""

    missing: int
    """Statements that are not in it yet."""

    updated_at: str | None
    """When it was last updated; none if it stands as it was made."""

    drifted: str
    """Why a full run is due; empty if none is."""


def apply(session: Session, update_id: int, clustering: Run, change: Change) -> None:
    """Change a clustering run in place, but for its graph, and write down how to undo that."""
    assert clustering.id is not None
    gone = _rows_of(session, change.communities_removed)
    _insert_communities(session, change.communities_added)
    _rename(session, change.named_after)
    _apply_moves(session, clustering.id, change.moves)
    _delete_communities(session, change.communities_removed)
    measured = _forget(session, change)
    session.add(
        Amendment(
            run_id=update_id,
            clustering_run_id=clustering.id,
            is_standing=True,
            added="\n".join(change.added),
            removed="\n".join(change.removed),
            touched=dict(change.touched),
            edges_removed=change.graph.removed.tobytes(),
            edges_added=change.graph.added.tobytes(),
            communities_removed=gone,
            communities_added=[community.id for community in change.communities_added],
            measured=measured,
        )
    )
    session.flush()
    _insert_moves(session, update_id, change.moves)


def undo(session: Session, update_id: int, clustering: Run, amendments: Sequence[Amendment]) -> int:
    """Take amendments back, the latest first; returns how many statements that moved.

    The run that does it is written down as one that changed memberships, and cannot itself be
    undone: what it took back is what stood before.
    """
    assert clustering.id is not None
    table = stored_graph(session, clustering.id)
    net: dict[str, Moved] = {}
    back: dict[str, list[dict[str, Any]]] = {}
    measured: dict[str, list[Any]] = {}
    away: set[str] = set()
    for amendment in amendments:
        change = Amended(table, _edges(amendment.edges_removed), _edges(amendment.edges_added))
        table = restored(table, lines(amendment.added), lines(amendment.removed), change)
        for move in map(_reversed, moves_of(session, amendment.run_id)):
            net[move.statement_id] = _between(net.get(move.statement_id, move), move)
        for name, rows in amendment.communities_removed.items():
            back.setdefault(name, []).extend(rows)
        away.update(amendment.communities_added)
        measured |= amendment.measured
        amendment.is_standing = False
        session.add(amendment)
    moves = [move for move in net.values() if move.before != move.after]
    _insert_rows(session, _without(back, away))
    store_graph(session, clustering.id, table)
    _apply_moves(session, clustering.id, moves)
    _delete_communities(session, sorted(away))
    _remember(session, {name: row for name, row in measured.items() if name not in away})
    _unlabel(session, [amendment.run_id for amendment in amendments])
    session.add(
        Amendment(
            run_id=update_id,
            clustering_run_id=clustering.id,
            is_standing=False,
            added="",
            removed="",
            edges_removed=b"",
            edges_added=b"",
        )
    )
    session.flush()
    _insert_moves(session, update_id, moves)
    return sum(move.before is not None and move.after is not None for move in moves)


def amendments_of(session: Session, clustering_run_id: int) -> list[Amendment]:
    """Return the updates that a clustering run stands with, the latest first."""
    return list(
        session.exec(
            select(Amendment)
            .where(Amendment.clustering_run_id == clustering_run_id, Amendment.is_standing)
            .order_by(col(Amendment.run_id).desc())
        )
    )


def latest_update(session: Session, run_id: int) -> Run | None:
    """Return the latest update of a clustering run."""
    return session.exec(
        select(Run)
        .join(Amendment, col(Amendment.run_id) == Run.id)
        .where(Amendment.clustering_run_id == run_id)
        .order_by(col(Run.id).desc())
    ).first()


def standing_of(session: Session, run: Run) -> Standing:
    """Return how a clustering run stands to the statements that there are."""
    assert run.id is not None
    held = select(func.count()).select_from(Membership).where(Membership.run_id == run.id)
    there = session.exec(select(func.count()).select_from(Statement)).one()
    latest = latest_update(session, run.id)
    return Standing(
        missing=max(0, there - session.exec(held).one()),
        updated_at=latest.finished_at if latest else None,
        drifted=latest.result.get("drifted", "") if latest else "",
    )


def moves_of(session: Session, update_id: int) -> list[Moved]:
    """Return what became of each statement that an update moved, by statement."""
    columns = [getattr(Move, name) for name in Moved._fields]
    rows = select(*columns).where(Move.run_id == update_id).order_by(col(Move.statement_id))
    return [Moved(*row) for row in session.execute(rows)]


def last_ordinals(session: Session, clustering_run_id: int) -> dict[tuple[int, ...], int]:
    """Return, by the path of a parent, the highest ordinal among its parts that came or went.

    Parts that a run has had since it was made, and has still, are not looked at.
    """
    rows = session.exec(
        select(Amendment.communities_added, Amendment.communities_removed).where(
            Amendment.clustering_run_id == clustering_run_id
        )
    )
    names: set[str] = set()
    for added, removed in rows:
        names.update(added, (row["id"] for row in removed.get("community", ())))
    last: dict[tuple[int, ...], int] = {}
    for path in map(path_of, names):
        last[path[:-1]] = max(last.get(path[:-1], -1), path[-1])
    return last


def lines(text: str) -> list[str]:
    """Return the ids of a column that has one a line."""
    return text.split("\n") if text else []


def _edges(column: bytes) -> "np.ndarray[Any, np.dtype[np.void]]":
    return np.frombuffer(column, dtype=EDGE)


def _apply_moves(session: Session, run_id: int, moves: Sequence[Moved]) -> None:
    own = col(Membership.run_id) == run_id
    left = [move.statement_id for move in moves if move.after is None]
    for block in blocks_of(left):
        session.execute(delete(Membership).where(own, col(Membership.statement_id).in_(block)))
    rows = [
        {
            "run_id": run_id,
            "statement_id": move.statement_id,
            "community_id": move.after,
            "certainty": move.certainty_after,
        }
        for move in moves
        if move.after is not None
    ]
    stayed = [move.statement_id for move in moves if None not in {move.before, move.after}]
    for block in blocks_of(stayed):
        session.execute(delete(Membership).where(own, col(Membership.statement_id).in_(block)))
    if rows:
        session.execute(insert(Membership), rows)


def _insert_moves(session: Session, update_id: int, moves: Iterable[Moved]) -> None:
    rows = [{**move._asdict(), "run_id": update_id} for move in moves]
    if rows:
        session.execute(insert(Move), rows)


def _reversed(move: Moved) -> Moved:
    return Moved(
        statement_id=move.statement_id,
        before=move.after,
        after=move.before,
        certainty_before=move.certainty_after,
        certainty_after=move.certainty_before,
    )


def _between(first: Moved, last: Moved) -> Moved:
    """Return the move from where the first began to where the last ended."""
    return last._replace(before=first.before, certainty_before=first.certainty_before)


def _insert_communities(session: Session, communities: Sequence[Community]) -> None:
    rows = [row.model_dump() for row in communities]
    if rows:
        session.execute(insert(Community), sorted(rows, key=lambda row: row["level"]))


def _forget(session: Session, change: Change) -> dict[str, list[Any]]:
    """Take away what was measured of communities whose members are others now, and return it."""
    homes = {home for move in change.moves for home in (move.before, move.after) if home}
    added = {community.id for community in change.communities_added}
    changed = sorted({part for home in homes for part in branch_of(home)})
    known: dict[str, list[Any]] = {}
    for block in blocks_of(changed):
        rows = select(Community.id, Community.stability, Community.is_well_connected)
        for name, *values in session.exec(rows.where(col(Community.id).in_(block))):
            if values != [None, None]:
                known[name] = values
    _remember(session, dict.fromkeys(known, (None, None)))
    return {name: values for name, values in known.items() if name not in added}


def _remember(session: Session, measured: Mapping[str, Sequence[Any]]) -> None:
    """Say what is known of communities: their stability, and whether they are well connected."""
    names = ("identifier", "stability", "is_well_connected")
    rows = [dict(zip(names, (name, *values), strict=True)) for name, values in measured.items()]
    if rows:
        session.connection().exec_driver_sql(
            "UPDATE community SET stability = :stability, is_well_connected = :is_well_connected "
            "WHERE id = :identifier",
            rows,
        )
        session.expire_all()


def _unlabel(session: Session, updates: Sequence[int]) -> None:
    """Delete the labels that updates gave cause for."""
    rows = select(Run.id, Run.config).where(
        Run.kind == RunKind.LABELLING, col(Run.id) > min(updates)
    )
    labellings = [run for run, config in session.exec(rows) if config.get("update") in updates]
    session.execute(delete(Label).where(col(Label.run_id).in_(labellings)))


def _referring() -> list[tuple[Table, str]]:
    """Return the tables whose rows name a community, other than by membership or as its parent."""
    return [
        (table, key.parent.name)
        for table in SQLModel.metadata.sorted_tables
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
        if key.column.table.name == "community" and table.name not in {"community", "membership"}
    ]


def _rows_of(session: Session, identifiers: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of communities and of all that names them, by table."""
    found: dict[str, list[dict[str, Any]]] = {}
    places = [(SQLModel.metadata.tables["community"], "id"), *_referring()]
    for table, column in places if identifiers else ():
        for block in blocks_of(identifiers):
            rows = session.execute(table.select().where(table.c[column].in_(block))).mappings()
            found.setdefault(table.name, []).extend(dict(row) for row in rows)
    return found


def _without(
    rows: Mapping[str, list[dict[str, Any]]], communities: set[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return rows by table, but those that are of these communities or name them."""
    column = {"community": "id", **{table.name: name for table, name in _referring()}}
    return {
        table: [row for row in found if row[column[table]] not in communities]
        for table, found in rows.items()
    }


def _insert_rows(session: Session, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    communities = sorted(rows.get("community", ()), key=lambda row: int(row["level"]))
    if communities:
        session.execute(insert(Community), communities)
    for name, found in sorted(rows.items()):
        if name != "community" and found:
            session.execute(insert(SQLModel.metadata.tables[name]), found)


def _rename(session: Session, named_after: Mapping[str, str]) -> None:
    """Copy what names communities to those that took their place."""
    for table, column in _referring() if named_after else ():
        for new, old in sorted(named_after.items()):
            rows = session.execute(table.select().where(table.c[column] == old)).mappings().all()
            if rows:
                session.execute(insert(table), [{**row, column: new} for row in rows])


def _delete_communities(session: Session, identifiers: Sequence[str]) -> None:
    """Delete communities that nobody is a member of, with all that names them."""
    deepest_first = sorted(identifiers, key=lambda identifier: -len(path_of(identifier)))
    for table, column in _referring():
        for block in blocks_of(deepest_first):
            session.execute(delete(table).where(table.c[column].in_(block)))
    for identifier in deepest_first:
        session.execute(delete(Community).where(col(Community.id) == identifier))
