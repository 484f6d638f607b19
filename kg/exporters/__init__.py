"""The graph of one clustering, to take away: for Gephi, notebooks and other programs.

A format is a plug: one file here and one line in `EXPORTERS`. What is exported is the graph that
the run cut (`graph_of`), with what else is known of its statements: the communities that they
belong to in the active run of every method, what experiments say about them, and which of their
sources cite which.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import EISDIR
from pathlib import Path
from typing import Protocol, TextIO

import networkx as nx
import numpy as np
from sqlmodel import Session, col, select

from kg.citations import citations_among
from kg.citing_ties import reported
from kg.communities import members_by_community, steadiness_of
from kg.errors import ConfigError
from kg.exporters.graphml import GraphmlExporter
from kg.exporters.node_link import NodeLinkExporter
from kg.labels import labels_of
from kg.ledgers import stances_of
from kg.relations import all_relations
from kg.runs import active_runs, succeeded_run
from kg.statements import notes_of, sources_by_statement, statements_by_id
from kg.stored_graph import ENDS, EdgeTable, stored_graph
from kg.tables import Community, Membership, Run, RunKind, Source, Stance
from kg.tables import RunStatus as RunStatus


class Exporter(Protocol):
    """Writes a graph in one format."""

    name: str

    def write(self, graph: nx.Graph, stream: TextIO) -> None:
        """Write the whole document, in UTF-8 where the stream is a file."""
        ...


EXPORTERS: dict[str, Exporter] = {"graphml": GraphmlExporter(), "json": NodeLinkExporter()}
"""Every exporter by the name of its format."""


def export(session: Session, name: str, target: Path | TextIO, method: str | None = None) -> None:
    """Write the graph of a method's active run, or of the latest run of any method.

    A file appears when it is complete, or not at all.

    Args:
        session: Where to read.
        name: One of `EXPORTERS`.
        target: A path, or a stream of text.
        method: Such as `leiden_semantic`.

    Raises:
        ConfigError: The format is unknown, nothing was clustered by this method, or the file
            cannot be written.
    """
    if name not in EXPORTERS:
        raise ConfigError(f"there is no format {name!r}: choose one of {', '.join(EXPORTERS)}")
    graph = graph_of(session, _run_to_export(session, method))
    if not isinstance(target, Path):
        EXPORTERS[name].write(graph, target)
        return
    try:
        with replacing(target) as stream:
            EXPORTERS[name].write(graph, stream)
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror}") from error


def graph_of(session: Session, run_id: int) -> nx.Graph:
    """Return the graph that a clustering run cut, statements as nodes.

    A node has `kind`, `text`, `note`, `sources` (titles) and `source_ids`; `communities` (ids
    in this run, from the top down) with `community` and `community_label` of the deepest, its
    `community_stability` and `community_is_stable`, and the `certainty` that the node belongs
    there, as far as they were measured; `bridges` (ids of
    the communities of the other active runs that hold it, by run and level: two communities
    that share a node are bridged by it); `stances` of its evidence, and how many of each. An
    edge has `weight` and the layers that it sums, `semantic`, `concepts`, `relations` and
    `same_source`. The graph itself names its `run` and `method` and lists all these `communities`
    and the `asserted_relations` between its statements, which a node repeats in words as
    `asserted`: they are what somebody said, and no evidence.

    Sources are no nodes. The graph lists the `sources` of its statements, which of them cite
    which (`citations`), and as `reported_relations` the statements that a citing sentence ties,
    with that sentence (`kg.citing_ties`); a node repeats the ids of what it so `reports`.

    Raises:
        NotFoundError: There is no such run.
        ConfigError: The run is no clustering, or did not succeed.
    """
    run = succeeded_run(session, run_id, RunKind.CLUSTERING, ": it has no graph")
    others = [r for r in active_runs(session, RunKind.CLUSTERING) if r.id != run_id]
    communities: list[dict[str, object]] = []
    homes: list[dict[str, list[str]]] = []
    for each in (run, *others):
        listed, home = _communities(session, each)
        communities += listed
        homes.append(home)
    sure = dict(
        session.exec(
            select(Membership.statement_id, Membership.certainty).where(Membership.run_id == run_id)
        ).all()
    )
    stored = stored_graph(session, run_id)
    identifiers = list(stored.ids)
    asserted = _asserted(session, set(identifiers))
    reports = _reported(session, set(identifiers))
    graph = nx.Graph(
        run=run_id,
        method=run.method,
        communities=communities,
        asserted_relations=asserted,
        reported_relations=reports,
    )
    said: dict[str, list[str]] = {}
    for row in asserted:
        said.setdefault(row["head"], []).append(f"{row['kind']} {row['tail']} ({row['by']})")
    reported_by: dict[str, list[str]] = {}
    for row in reports:
        reported_by.setdefault(row["head"], []).append(row["tail"])
    rows = {str(row["id"]): row for row in communities}
    for identifier, attributes in _statements(session, identifiers):
        path = homes[0].get(identifier, [])
        graph.add_node(
            identifier,
            **attributes,
            communities=path,
            community=path[-1] if path else "",
            community_label=rows[path[-1]]["label"] if path else "",
            **(_steadiness(rows[path[-1]]) if path else {}),
            **({} if sure.get(identifier) is None else {"certainty": sure[identifier]}),
            asserted=said.get(identifier, []),
            reports=sorted(set(reported_by.get(identifier, []))),
            bridges=[found for home in homes[1:] for found in home.get(identifier, [])],
        )
    graph.add_edges_from(_edges(stored))
    graph.graph.update(_sources(session, identifiers))
    return graph


def _run_to_export(session: Session, method: str | None) -> int:
    runs = {run.method: run.id for run in active_runs(session, RunKind.CLUSTERING)}
    if not runs:
        raise ConfigError("nothing has been clustered yet: run `claimgraph cluster` first")
    if method is not None and method not in runs:
        raise ConfigError(
            f"nothing has been clustered by {method!r} yet: choose one of {', '.join(runs)}, "
            f"or run `claimgraph cluster --method {method}` first"
        )
    identifier = max(filter(None, runs.values())) if method is None else runs[method]
    assert identifier is not None
    return identifier


def _communities(
    session: Session, run: Run
) -> tuple[list[dict[str, object]], dict[str, list[str]]]:
    """Return the communities of a run by level, and those of each statement from the top down."""
    assert run.id is not None
    rows = session.exec(
        select(Community)
        .where(Community.run_id == run.id)
        .order_by(col(Community.level), col(Community.ordinal), col(Community.id))
    ).all()
    members = members_by_community(session, run.id)
    labels = labels_of(session, [row.id for row in rows])
    listed: list[dict[str, object]] = []
    home: dict[str, list[str]] = {}
    for row in rows:
        label = labels.get(row.id)
        listed.append(
            {
                "id": row.id,
                "run": run.id,
                "method": run.method,
                "level": row.level,
                "parent": row.parent_id,
                "label": label.label if label else "",
                "description": label.description if label else "",
                "members": len(members[row.id]),
                "stability": row.stability,
                "chance_stability": row.chance_stability,
                "is_stable": steadiness_of(row).is_stable,
                "is_well_connected": row.is_well_connected,
            }
        )
        for statement in members[row.id]:
            home.setdefault(statement, []).append(row.id)
    return listed, home


def _steadiness(row: Mapping[str, object]) -> dict[str, object]:
    """Return what was measured of how stable a community is, as attributes of its statements."""
    names = ("stability", "is_stable")
    return {f"community_{name}": row[name] for name in names if row[name] is not None}


def _statements(
    session: Session, identifiers: list[str]
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what is known of each statement, whatever the run."""
    statements = statements_by_id(session, identifiers)
    notes = notes_of(session, identifiers)
    titles = dict(session.exec(select(Source.id, Source.title)).all())
    sources = sources_by_statement(session)
    stances = stances_of(session, identifiers)
    for identifier in identifiers:
        counts = stances.get(identifier, {})
        yield (
            identifier,
            {
                "kind": statements[identifier].kind.value,
                "text": statements[identifier].text,
                "note": notes.get(identifier, ""),
                "sources": sorted(titles[source] for source in sources.get(identifier, [])),
                "source_ids": sources.get(identifier, []),
                "stances": [stance.value for stance in Stance if counts.get(stance.value)],
                **{stance.value: counts.get(stance.value, 0) for stance in Stance},
            },
        )


def _asserted(session: Session, identifiers: set[str]) -> list[dict[str, str]]:
    """Return the relations between these statements, with who asserted each, and why."""
    return [
        {
            "kind": relation.kind.value,
            "head": relation.head_id,
            "tail": relation.tail_id,
            "by": relation.method,
            "reason": relation.reason,
        }
        for relation in all_relations(session)
        if relation.head_id in identifiers and relation.tail_id in identifiers
    ]


def _reported(session: Session, identifiers: set[str]) -> list[dict[str, str]]:
    """Return the statements of sources and of those that they cite that a sentence ties."""
    return [
        {"head": each.head_id, "tail": each.tail_id, "quote": each.quote}
        for each in reported(session)
        if each.head_id in identifiers and each.tail_id in identifiers
    ]


def _sources(session: Session, identifiers: list[str]) -> dict[str, list[dict[str, str]]]:
    """Return the sources of these statements, and which of them cite which."""
    made = sources_by_statement(session, identifiers)
    sources = {source for each in made.values() for source in each}
    rows = session.exec(select(Source.id, Source.title).order_by(Source.id)).all()
    return {
        "sources": [{"id": each, "title": title} for each, title in rows if each in sources],
        "citations": [each._asdict() for each in citations_among(session, sources)],
    }


def _edges(table: EdgeTable) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Yield the edges with their layers; node-link data reserves the name `source`."""
    names = ("weight", "semantic", "concepts", "relations", "same_source")
    every = np.arange(len(table.edges["weight"]))
    heads, tails = (table.edges[name].tolist() for name in ENDS)
    for one, other, row in zip(heads, tails, table.weights_at(every), strict=True):
        rounded = (round(value, 6) for value in row)
        yield table.ids[one], table.ids[other], dict(zip(names, rounded, strict=True))


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a file beside the path, which takes its place when the block ends well.

    Raises:
        OSError: It cannot be written, or is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(EISDIR, "it is a folder: name a file", str(path))
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
