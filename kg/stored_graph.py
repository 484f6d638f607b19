"""The graph of a run as arrays, and the one place where it is read and written.

Nothing here builds an object for each edge: the columns of bytes are read as arrays, and only the
ties that are asked for become rows.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, select

from kg.errors import NotFoundError
from kg.tables import LAYERS, Graph

ENDS = ("head", "tail")
WEIGHTS = ("weight", *LAYERS)
EDGE = np.dtype([*((name, "<i4") for name in ENDS), *((name, "<f4") for name in WEIGHTS)])
"""An edge as a record, in the order of the columns."""

Columns = Mapping[str, NDArray[Any]]
Numbers = NDArray[np.int64]


class EdgeTable(NamedTuple):
    """A graph as columns of its edges."""

    ids: Sequence[str]
    """Of the statements, ascending; `head` and `tail` are places in it."""

    edges: Columns
    """The fields of `EDGE`, by head, then tail; head < tail, and no pair comes twice."""

    layers: Mapping[str, float]
    """What each layer counts for."""

    def pairs(self) -> Numbers:
        """Return head times n plus tail of each edge."""
        return pairs_of(self.edges, len(self.ids))

    def records(self, rows: NDArray[np.integer]) -> NDArray[np.void]:
        """Return some edges as records."""
        found = np.empty(len(rows), dtype=EDGE)
        for name in EDGE.names or ():
            found[name] = self.edges[name][rows]
        return found

    def weights_at(self, rows: NDArray[np.integer]) -> list[tuple[float, ...]]:
        """Return the weight and the layers of some edges, in the order of `WEIGHTS`."""
        return list(zip(*(self.edges[name][rows].tolist() for name in WEIGHTS), strict=True))

    def places(self, identifiers: Iterable[str]) -> NDArray[np.intp]:
        """Return the places of those of these statements that are in the graph, in their order."""
        found = (place_of(self.ids, identifier) for identifier in identifiers)
        return np.array([place for place in found if place >= 0], dtype=np.intp)


def place_of(ids: Sequence[str], identifier: str) -> int:
    """Return the place of an id among others, which are ascending; -1 if it is not there."""
    place = bisect_left(ids, identifier)
    return place if place < len(ids) and ids[place] == identifier else -1


def pairs_of(edges: Columns | NDArray[np.void], n: int) -> Numbers:
    """Return head times n plus tail of each edge."""
    return np.asarray(edges["head"].astype(np.int64) * n + edges["tail"])


def stored_graph(session: Session, run_id: int) -> EdgeTable:
    """Return the graph that a run cut.

    Raises:
        NotFoundError: The run has no graph.
    """
    names = ("statement_ids", "layers", *(EDGE.names or ()))
    columns = [getattr(Graph, name) for name in names]
    row = session.execute(select(*columns).where(col(Graph.run_id) == run_id)).first()
    if row is None:
        raise NotFoundError(f"run {run_id} has no graph")
    n = len(row.weight)
    edges = {
        # A graph that was made before there were relations has no column of them.
        name: np.frombuffer(getattr(row, name) or bytes(n), dtype=EDGE[name])
        for name in EDGE.names or ()
    }
    return EdgeTable(row.statement_ids.split("\n") if row.statement_ids else [], edges, row.layers)


def store_graph(session: Session, run_id: int, table: EdgeTable) -> None:
    """Store the graph of a run, in place of the one that it may have."""
    values = {
        "statement_ids": "\n".join(table.ids),
        "layers": dict(table.layers),
        **{name: table.edges[name].astype(EDGE[name]).tobytes() for name in EDGE.names or ()},
    }
    statement = insert(Graph).values(run_id=run_id, **values)
    again = {name: statement.excluded[name] for name in values}
    session.execute(statement.on_conflict_do_update(index_elements=["run_id"], set_=again))
