"""How a clustering run changes when statements come and go: who is where afterwards.

Everything that is read of the run comes first, the middle is pure (`kg.graph_updates`,
`kg.placing`, `kg.community_tree`), and what comes out is a change for `kg.journal` to apply.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session, col, select

from kg.communities import community_id, path_of
from kg.community_tree import CommunityTree, Path
from kg.concept_index import index_of, met, store_index, stored_index
from kg.db import plain_rows
from kg.embedders import Vectors
from kg.embeddings import embedded_text, embedded_texts, vectors_of
from kg.graph_updates import NO_TIES, Amended, EdgeTable, LayerTies, Makers, News
from kg.hybrid_graph import GraphConfig
from kg.journal import Change, last_ordinals
from kg.lineage import first_link
from kg.news import Difference
from kg.placing import NOWHERE, Places, Rules, Ties, best_gains, certainties, moved_locally
from kg.statements import statements_by_id
from kg.tables import Community, Mention, Move, Run, Section

_IDS_PER_QUERY = 500


class Stand(NamedTuple):
    """A clustering run as it stands."""

    run: Run
    table: EdgeTable
    paths: Mapping[str, Path]
    """Of every community, by its id."""

    homes: Mapping[str, str]
    """The deepest community of each statement."""

    certainty: Mapping[str, float | None]
    last_used: Mapping[Path, int]
    rows_of: Callable[[Sequence[str]], Mapping[str, Community]]
    """Looks communities up, for the few whose place changes."""

    def top(self) -> Places:
        """Return the ordinal of each statement's top community, in the order of the graph."""
        top_of = {identifier: path[0] for identifier, path in self.paths.items()}
        homes = map(self.homes.__getitem__, self.table.ids)
        return np.fromiter(map(top_of.__getitem__, homes), np.intp, len(self.table.ids))


class Rearranged(NamedTuple):
    """What becomes of a run, and how much that is."""

    change: Change
    top: Places
    """The ordinal of each statement's top community, in the order of the graph."""

    moved: int
    """Statements that were in before and are with others now."""


def stand_of(session: Session, run: Run, table: EdgeTable) -> Stand:
    """Return a clustering run as it stands."""
    assert run.id is not None
    rows = plain_rows(
        session,
        "SELECT statement_id, community_id, certainty FROM membership WHERE run_id = ?",
        run.id,
    )
    communities = plain_rows(session, "SELECT id FROM community WHERE run_id = ?", run.id)
    paths = {identifier: path_of(identifier) for identifier in communities}
    return Stand(
        run=run,
        table=table,
        paths=paths,
        homes={statement: home for statement, home, _ in rows},
        certainty={statement: certainty for statement, _, certainty in rows},
        last_used=last_ordinals(session, run.id, paths.values()),
        rows_of=lambda names: {name: session.get_one(Community, name) for name in names},
    )


def ties_of(table: EdgeTable) -> Ties:
    """Return a graph for the algorithms: edges that weigh something."""
    edges = table.edges[table.edges["weight"] > 0]
    return Ties(
        len(table.ids),
        edges["head"].astype(np.intp),
        edges["tail"].astype(np.intp),
        edges["weight"].astype(np.float64),
    )


def material_for(
    session: Session,
    update_id: int,
    stand: Stand,
    news: Difference,
    replaced: Mapping[str, Vectors],
) -> News:
    """Return all that the graph of a run needs to take in what is new.

    Args:
        session: Where to read, and to keep the phrases of new statements.
        update_id: The run that meets them.
        stand: The clustering.
        news: What is different.
        replaced: Vectors that are not stored yet, by statement.
    """
    layers = stand.table.layers
    config = graph_config(stand.run)
    vectors = np.empty((0, 0), dtype=np.float32)
    if layers.get("semantic") or layers.get("source"):
        vectors = vectors_of(session, str(stand.run.config["model"]), news.ids)
        place = {identifier: at for at, identifier in enumerate(news.ids)} if replaced else {}
        for identifier, vector in replaced.items():
            vectors[place[identifier]] = vector
    enter = sorted({*news.added(), *news.retied})
    return News(
        ids=news.ids,
        retied=news.retied,
        touched=news.touched,
        new_sources=news.new_sources,
        vectors=vectors,
        concepts=_concept_ties(session, update_id, news, enter, config)
        if layers.get("concepts") and enter
        else NO_TIES,
        relations=news.relations,
        makers=_makers(session, news),
    )


def graph_config(run: Run) -> GraphConfig:
    """Return how a run's graph was built."""
    return GraphConfig.model_validate(run.config.get("graph", {}))


def resolution_of(run: Run) -> float:
    """Return the resolution that a run's graph was cut at."""
    return float(run.config.get("leiden", {}).get("resolution", 1.0))


def rearranged(stand: Stand, graph: Amended, news: Difference, *, may_move: bool) -> Rearranged:
    """Return who is where once the graph is another, and all that has to be written for that.

    Args:
        stand: The run as it stands.
        graph: Its graph afterwards.
        news: What is different.
        may_move: Whether those that stand may move to another community of the top level.
    """
    resolution = resolution_of(stand.run)
    ids, ties = graph.table.ids, ties_of(graph.table)
    homes = [stand.homes.get(identifier) for identifier in ids]
    paths = stand.paths
    tree = CommunityTree(
        paths.values(), [paths[home] if home else None for home in homes], stand.last_used
    )
    top = tree.top()
    if may_move:
        top = _moved(stand, graph, ties, top)
    went = tree.move(ties, top, resolution)
    left = {stand.homes[i] for i in set(stand.table.ids).difference(ids)}
    left |= {home for vertex in went if (home := homes[vertex])}
    touched = {paths[home] for home in left}
    touched |= {paths[stand.homes[i]] for i in _ends_of(graph.removed, stand.table.ids)}
    loose = tree.reconnect(ties, touched, resolution)
    left |= {home for vertex in loose if (home := homes[vertex])}
    moved = {*went, *loose, *tree.tidy(ties, [paths[home] for home in left], resolution)}
    change = _change(stand, tree, graph, news, sorted(moved))
    return Rearranged(change, tree.top(), sum(homes[vertex] is not None for vertex in moved))


def _ends_of(edges: NDArray[np.void], ids: Sequence[str]) -> set[str]:
    return {ids[end] for name in ("head", "tail") for end in edges[name].tolist()}


def _moved(stand: Stand, graph: Amended, ties: Ties, top: Places) -> Places:
    """Return the top community of each statement after those whose ties changed have moved."""
    before, ids = stand.table.ids, graph.table.ids
    place = {identifier: at for at, identifier in enumerate(ids)}
    place_before = {identifier: at for at, identifier in enumerate(before)}
    ends = _ends_of(graph.removed, before) | _ends_of(graph.added, ids)
    free = {place[end] for end in ends if end in place} | {*np.flatnonzero(top == NOWHERE).tolist()}
    old = sorted(place_before[i] for i in ends if i in place and i in place_before)
    resolution = resolution_of(stand.run)
    gains = best_gains(ties_of(stand.table), stand.top(), np.array(old, np.intp), resolution)
    rules = Rules(
        resolution=resolution,
        gains_before={place[before[vertex]]: gain for vertex, gain in gains.items()},
        first_new=stand.last_used.get((), -1) + 1,
    )
    return moved_locally(ties, top, np.array(sorted(free), dtype=np.intp), rules)


def _change(
    stand: Stand, tree: CommunityTree, graph: Amended, news: Difference, moved: Sequence[int]
) -> Change:
    run = stand.run
    assert run.id is not None
    names_before = {path: name for name, path in stand.paths.items()}
    new_of = {
        community_id(run.method, run.id, path): path
        for path in sorted(tree.communities() - names_before.keys())
    }
    names = names_before | {path: name for name, path in new_of.items()}
    homes = [names[home] for home in tree.homes if home is not None]
    named_after = {
        names[now]: names_before[was]
        for was, now in tree.renamed.items()
        if names.get(now) in new_of and was in names_before
    }
    followed = stand.rows_of(sorted(set(named_after.values())))
    return Change(
        graph=graph,
        added=news.added(),
        removed=news.removed(),
        touched=news.changes,
        moves=_moves(stand, graph, homes, moved),
        communities_added=[
            _community(run, name, path, followed.get(named_after.get(name, "")))
            for name, path in new_of.items()
        ],
        communities_removed=sorted(
            names_before[path] for path in names_before.keys() - tree.communities()
        ),
        named_after=named_after,
    )


def _community(run: Run, name: str, path: Path, before: Community | None) -> Community:
    """Return a new community, or the one before with another place."""
    old = before.model_dump() if before else {"link": first_link(name)}
    above = community_id(run.method, int(run.id or 0), path[:-1])
    place = {"id": name, "run_id": run.id, "parent_id": above if path[:-1] else None}
    return Community(**{**old, **place, "level": len(path) - 1, "ordinal": path[-1]})


def _moves(stand: Stand, graph: Amended, homes: Sequence[str], moved: Sequence[int]) -> list[Move]:
    """Return what becomes of every statement whose membership is another."""
    ids = graph.table.ids
    number = {home: at for at, home in enumerate(sorted(set(homes)))}
    community = np.array([number[home] for home in homes], dtype=np.intp)
    sure = certainties(ties_of(graph.table), community, np.array(moved, dtype=np.intp))
    certain = dict(zip((ids[vertex] for vertex in moved), sure.tolist(), strict=True))
    after = dict(zip(ids, homes, strict=True))
    changed = {i for i, home in after.items() if stand.homes.get(i) != home}
    changed |= stand.homes.keys() - after.keys()
    return [
        Move(
            run_id=0,  # the journal knows the update
            statement_id=identifier,
            before=stand.homes.get(identifier),
            after=after.get(identifier),
            certainty_before=stand.certainty.get(identifier),
            certainty_after=certain.get(identifier, stand.certainty.get(identifier))
            if identifier in after
            else None,
        )
        for identifier in sorted(changed)
    ]


def _concept_ties(
    session: Session, update_id: int, news: Difference, enter: Sequence[str], config: GraphConfig
) -> LayerTies:
    """Return the ties of new statements by concepts, and keep their phrases."""
    ids, new = news.ids, set(enter)
    standing = [i for i in ids if i not in new]
    statements = statements_by_id(session, enter)
    texts = {i: embedded_text(statements[i].text, news.notes[i]) for i in enter}
    index = stored_index(session)
    is_kept = set(index.ids).issuperset(standing)
    if not is_kept:  # nobody has kept the phrases of this database yet
        index = index_of({**embedded_texts(session), **texts})
        store_index(session, update_id, index)
    fresh, ties = met(index.lined_up(standing), texts, config)
    if is_kept and not (set(index.ids).issuperset(enter) and not news.retied):
        store_index(session, update_id, fresh)
    place = {identifier: at for at, identifier in enumerate(ids)}
    places = np.array([place[i] for i in [*standing, *enter]], dtype=np.int64)
    return LayerTies(places[ties.one], places[ties.other], ties.similarity)


def _makers(session: Session, news: Difference) -> Makers:
    present = frozenset(news.ids)

    def sources_of(identifiers: Sequence[str]) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for start in range(0, len(identifiers), _IDS_PER_QUERY):
            rows = session.exec(
                select(Mention.statement_id, Section.source_id)
                .join(Section, col(Section.id) == Mention.section_id)
                .where(col(Mention.statement_id).in_(identifiers[start : start + _IDS_PER_QUERY]))
            )
            for statement, source in rows:
                if source not in news.gone_sources:
                    found.setdefault(statement, set()).add(source)
        return {statement: frozenset(sources) for statement, sources in found.items()}

    def statements_of(source: str) -> Sequence[str]:
        rows = session.exec(
            select(Mention.statement_id)
            .join(Section, col(Section.id) == Mention.section_id)
            .where(Section.source_id == source)
            .distinct()
            .order_by(col(Mention.statement_id))
        )
        return [statement for statement in rows if statement in present]

    return Makers(sources_of, statements_of)
