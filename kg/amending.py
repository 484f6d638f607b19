"""How a clustering run changes when statements come and go: who is where afterwards.

Everything that is read of the run comes first, the middle is pure (`kg.graph_updates`,
`kg.placing`, `kg.community_tree`), and what comes out is a change for `kg.journal` to apply.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from sqlmodel import Session, col, select

from kg.beside import Arrays, beside
from kg.communities import community_id, path_of
from kg.community_tree import CommunityTree
from kg.concept_index import ConceptIndex, index_of, met, store_index, stored_index
from kg.db import blocks_of, plain_rows
from kg.embedders import Vectors
from kg.embeddings import Blocks, embedded_text, embedded_texts, vector_parts, vectors_of
from kg.graph_updates import NO_TIES, Amended, LayerTies, Makers, News, places_after
from kg.hybrid_graph import GraphConfig
from kg.journal import Change, Moved, last_ordinals
from kg.lineage import first_link
from kg.newcomers import NO_ONE, Everybody
from kg.news import Difference
from kg.placing import NOWHERE, Places, Rules, Ties, best_gains, certainties, moved_locally
from kg.standing import Path, Standing
from kg.stored_graph import ENDS, EdgeTable, place_of
from kg.tables import Community, Membership, Run

BESIDE_FROM = 20_000
"""Statements of a run that is amended by more than one process."""


class Stand(NamedTuple):
    """A clustering run as it stands."""

    run: Run
    table: EdgeTable
    ties: Ties
    """The graph for the algorithms."""

    standing: Standing
    """Its deepest communities, and which of them holds each statement."""

    last_used: Mapping[Path, int]
    """As in `CommunityTree`."""

    rows_of: Callable[[Sequence[str]], Mapping[str, Community]]
    """Looks communities up, for the few whose place changes."""

    certainties_of: Callable[[Sequence[str]], Mapping[str, float | None]]
    """Looks up how surely statements belong where they are, for the few that move."""

    def name(self, path: Path) -> str:
        """Return the id of a community."""
        assert self.run.id is not None
        return community_id(self.run.method, self.run.id, path)


class Where(NamedTuple):
    """A graph, and where everybody is in it."""

    ties: Ties
    top: Places
    """The ordinal of each statement's top community, in the order of the graph."""

    parts: Places
    """A number of each statement's deepest community."""


class Placed(NamedTuple):
    """Who is where afterwards, and how much that is."""

    tree: CommunityTree
    where: Where
    sure: Mapping[str, float]
    """How surely each of those who moved belongs where it is now."""

    moved: int
    """Statements that were in before and are with others now."""


def stand_of(session: Session, run: Run, table: EdgeTable) -> Stand:
    """Return a clustering run as it stands."""
    assert run.id is not None
    homes = plain_rows(
        session,
        "SELECT community_id FROM membership WHERE run_id = ? ORDER BY statement_id",
        run.id,
    )
    assert len(homes) == len(table.ids), "a run holds the statements of its graph"
    paths = {home: path_of(home) for home in set(homes)}
    ordered = sorted(paths, key=paths.__getitem__)
    number = {home: at for at, home in enumerate(ordered)}
    home = np.fromiter(map(number.__getitem__, homes), dtype=np.intp, count=len(homes))
    return Stand(
        run=run,
        table=table,
        ties=ties_of(table),
        standing=Standing([paths[each] for each in ordered], home),
        last_used=last_ordinals(session, run.id),
        rows_of=lambda names: {name: session.get_one(Community, name) for name in names},
        certainties_of=lambda ids: _certainties_of(session, run, ids),
    )


def _certainties_of(
    session: Session, run: Run, identifiers: Sequence[str]
) -> Mapping[str, float | None]:
    found: dict[str, float | None] = {}
    for block in blocks_of(identifiers):
        query = select(Membership.statement_id, Membership.certainty)
        wanted = Membership.run_id == run.id, col(Membership.statement_id).in_(block)
        found.update(session.exec(query.where(*wanted)).all())
    return found


def ties_of(table: EdgeTable) -> Ties:
    """Return a graph for the algorithms: edges that weigh something."""
    edges = table.edges
    rows = slice(None) if edges["weight"].all() else np.flatnonzero(edges["weight"] > 0)
    return Ties(
        len(table.ids),
        edges["head"][rows].astype(np.intp),
        edges["tail"][rows].astype(np.intp),
        edges["weight"][rows].astype(np.float64),
    )


def material_for(
    session: Session,
    run: Run,
    layers: Mapping[str, float],
    news: Difference,
    replaced: Mapping[str, Vectors],
) -> News:
    """Return what the graph of a run needs to take in what is new, but for who shares concepts.

    Args:
        session: Where to read.
        run: The clustering.
        layers: What each layer of its graph counts for.
        news: What is different.
        replaced: Vectors that are not stored yet, by statement.
    """
    vectors = NO_ONE
    if layers.get("semantic") or layers.get("source"):
        vectors = _everybody(session, str(run.config["model"]), news.ids, replaced)
    return News(
        ids=news.ids,
        added=news.added(),
        removed=news.removed(),
        retied=news.retied,
        touched=news.touched,
        new_sources=news.new_sources,
        vectors=vectors,
        relations=news.relations,
        makers=_makers(session, news),
    )


def graph_config(run: Run) -> GraphConfig:
    """Return how a run's graph was built."""
    return GraphConfig.model_validate(run.config.get("graph", {}))


def resolution_of(run: Run) -> float:
    """Return the resolution that a run's graph was cut at."""
    return float(run.config.get("leiden", {}).get("resolution", 1.0))


class _Carried(NamedTuple):
    """A graph afterwards, and who stood where in the one before."""

    ties: Ties
    place: Places
    """The new place of each statement that there was; -1 for those that are gone."""

    standing: Standing


def _carried(stand: Stand, graph: Amended, news: Difference) -> _Carried:
    ties = ties_of(graph.table)
    place = places_after(stand.table.ids, news.added(), news.removed())
    return _Carried(ties, place, stand.standing.moved_to(place, ties.n))


def arrived(stand: Stand, graph: Amended, news: Difference) -> Where:
    """Return who is where when the graph is another and nobody has moved, all who are new alone.

    Args:
        stand: The run as it stands.
        graph: Its graph afterwards.
        news: What is different.
    """
    ties, _, standing = _carried(stand, graph, news)
    return Where(ties, _apart(standing.top()), _apart(standing.home))


def _apart(number: Places) -> Places:
    """Return the numbers of communities with one for each vertex that is in none."""
    is_new = number == NOWHERE
    number = number.copy()
    number[is_new] = number.max(initial=NOWHERE) + 1 + np.arange(is_new.sum())
    return number


def placed(stand: Stand, graph: Amended, news: Difference, *, may_move: bool) -> Placed:
    """Return who is where once the graph is another.

    Args:
        stand: The run as it stands; nothing more is looked up.
        graph: Its graph afterwards.
        news: What is different.
        may_move: Whether those that stand may move to another community of the top level.
    """
    resolution = resolution_of(stand.run)
    carried = _carried(stand, graph, news)
    ties, _, standing = carried
    tree = CommunityTree(standing, stand.last_used)
    top = tree.top()
    if may_move:
        top = _moved(stand, graph, carried)
    went = tree.move(ties, top, resolution)
    gone = [stand.standing.path_of(at) for at in stand.table.places(news.removed()).tolist()]
    ends = {end for name in ENDS for end in graph.removed[name].tolist()}
    left = {home for home in [*gone, *map(standing.path_of, went)] if home}
    touched = {home for end in ends if (home := stand.standing.path_of(end))} | left
    loose = tree.reconnect(ties, touched, resolution)
    left |= {home for vertex in loose if (home := standing.path_of(vertex))}
    moved = sorted({*went, *loose, *tree.tidy(ties, left, resolution)})
    stood = np.count_nonzero(standing.home[moved] != NOWHERE) if moved else 0
    return Placed(
        tree=tree,
        where=Where(ties, tree.top(), tree.numbered()),
        sure=_sure(tree, ties, graph, moved),
        moved=int(stood),
    )


def _moved(stand: Stand, graph: Amended, carried: _Carried) -> Places:
    """Return the top community of each statement after those whose ties changed have moved."""
    ties, place, standing = carried
    top = standing.top()
    before = [graph.removed[name] for name in ENDS]
    after = [graph.added[name] for name in ENDS]
    new = np.flatnonzero(top == NOWHERE)
    ends = place[np.unique(np.concatenate(before)).astype(np.intp)]
    free = np.unique(np.concatenate([*after, ends[ends >= 0], new])).astype(np.intp)
    came_from = np.full(ties.n, NOWHERE, dtype=np.intp)
    came_from[place[place >= 0]] = np.flatnonzero(place >= 0)
    old = came_from[free][came_from[free] != NOWHERE]
    resolution = resolution_of(stand.run)
    around = stand.ties.around(old)
    gains = best_gains(stand.ties, stand.standing.top(), around, resolution)
    rules = Rules(
        resolution=resolution,
        gains_before={int(place[vertex]): gain for vertex, gain in gains.items()},
        first_new=max(stand.last_used.get((), -1), int(stand.standing.top().max(initial=-1))) + 1,
    )
    return moved_locally(ties, top, free, rules)


def _sure(
    tree: CommunityTree, ties: Ties, graph: Amended, moved: Sequence[int]
) -> Mapping[str, float]:
    """Return how surely each of those who moved belongs where it is now."""
    sure = certainties(ties, tree.numbered(), np.array(moved, dtype=np.intp))
    return {graph.table.ids[at]: each for at, each in zip(moved, sure.tolist(), strict=True)}


def change_of(stand: Stand, graph: Amended, news: Difference, found: Placed) -> Change:
    """Return all that has to be written of a run for its statements to be where they are placed."""
    tree = found.tree
    named_after = {
        stand.name(now): stand.name(was)
        for was, now in tree.renamed.items()
        if now in tree.added and was not in tree.added
    }
    followed = stand.rows_of(sorted(set(named_after.values())))
    return Change(
        graph=graph,
        added=news.added(),
        removed=news.removed(),
        touched=news.changes,
        moves=_moves(stand, tree, graph, news, found.sure),
        communities_added=[
            _community(stand, path, followed.get(named_after.get(stand.name(path), "")))
            for path in sorted(tree.added)
        ],
        communities_removed=sorted(map(stand.name, tree.removed)),
        named_after=named_after,
    )


def _community(stand: Stand, path: Path, before: Community | None) -> Community:
    """Return a new community, or the one before with another place."""
    name = stand.name(path)
    old = before.model_dump() if before else {"link": first_link(name)}
    above = stand.name(path[:-1]) if path[:-1] else None
    place = {"id": name, "run_id": stand.run.id, "parent_id": above}
    return Community(**{**old, **place, "level": len(path) - 1, "ordinal": path[-1]})


def _moves(
    stand: Stand,
    tree: CommunityTree,
    graph: Amended,
    news: Difference,
    sure: Mapping[str, float],
) -> list[Moved]:
    """Return what becomes of every statement whose membership is another."""
    after: dict[str, str | None] = dict.fromkeys(news.removed())
    for vertex in tree.moved():
        home = tree.home(vertex)
        assert home is not None
        after[graph.table.ids[vertex]] = stand.name(home)
    before: dict[str, str] = {}
    for identifier in after:
        at = place_of(stand.table.ids, identifier)
        stood = stand.standing.path_of(at) if at >= 0 else None
        if stood is not None:
            before[identifier] = stand.name(stood)
    certain = stand.certainties_of(sorted(before))
    return [
        Moved(
            statement_id=identifier,
            before=before.get(identifier),
            after=home,
            certainty_before=certain.get(identifier),
            certainty_after=sure.get(identifier, certain.get(identifier)) if home else None,
        )
        for identifier, home in sorted(after.items())
    ]


def _everybody(
    session: Session, model: str, ids: Sequence[str], replaced: Mapping[str, Vectors]
) -> Everybody:
    """Return the vectors of these statements, with some in place of those that are stored."""
    other = {place_of(ids, identifier): vector for identifier, vector in replaced.items()}

    def put_in(places: Places, block: Vectors) -> Vectors:
        if not other:
            return block
        rows = [at for at, place in enumerate(places.tolist()) if place in other]
        block = block.copy()
        block[rows] = [other[int(places[at])] for at in rows]
        return block

    parts = vector_parts(session, model, ids)

    def blocks(numbers: Iterable[int]) -> Blocks:
        for places, block in parts.blocks(numbers):
            yield places, put_in(places, block)

    def take(places: Places) -> Vectors:
        wanted = [ids[at] for at in places.tolist()]
        return put_in(places, vectors_of(session, model, wanted))

    return Everybody(len(ids), parts.n, blocks, take)


@contextmanager
def concept_ties(
    session: Session, update_id: int, run: Run, layers: Mapping[str, float], news: Difference
) -> Iterator[Callable[[], LayerTies]]:
    """Yield what returns the ties of new statements by concepts, and keeps their phrases.

    They are found by a process of its own within the block, if there are many.

    Args:
        session: Where to read, and to keep the phrases of new statements.
        update_id: The run that meets them.
        run: The clustering.
        layers: What each layer of its graph counts for.
        news: What is different.
    """
    enter = sorted({*news.added(), *news.retied})
    if not (layers.get("concepts") and enter):
        yield lambda: NO_TIES
        return
    config = graph_config(run)
    ids, new = news.ids, set(enter)
    standing = [i for i in ids if i not in new]
    query = "SELECT id, text FROM statement WHERE id IN (SELECT value FROM json_each(?))"
    said = dict(plain_rows(session, query, json.dumps(list(enter))))
    texts = {i: embedded_text(said[i], news.notes[i]) for i in enter}
    index = stored_index(session)
    is_kept = set(index.ids).issuperset(standing)
    if not is_kept:  # nobody has kept the phrases of this database yet
        index = index_of({**embedded_texts(session), **texts})
        store_index(session, update_id, index)
    is_new = is_kept and not (set(index.ids).issuperset(enter) and not news.retied)
    entered = np.zeros(len(ids), dtype=bool)
    entered[[place_of(ids, i) for i in enter]] = True
    places = np.concatenate([np.flatnonzero(~entered), np.flatnonzero(entered)])

    def found() -> Arrays:
        fresh, ties = met(index.lined_up(standing), texts, config)
        return *fresh[1:], places[ties.one], places[ties.other], ties.similarity

    with beside(found, worthwhile=len(ids) >= BESIDE_FROM) as result:

        def ties() -> LayerTies:
            columns = result()
            if is_new:
                store_index(session, update_id, ConceptIndex([*texts], *columns[:3]))
            return LayerTies(*columns[3:])

        yield ties


def _makers(session: Session, news: Difference) -> Makers:
    def sources_of(identifiers: Sequence[str]) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        query = (
            "SELECT mention.statement_id, section.source_id FROM mention JOIN section "
            "ON section.id = mention.section_id "
            "WHERE mention.statement_id IN (SELECT value FROM json_each(?))"
        )
        for statement, source in plain_rows(session, query, json.dumps(list(identifiers))):
            if source not in news.gone_sources:
                found.setdefault(statement, set()).add(source)
        return {statement: frozenset(sources) for statement, sources in found.items()}

    def statements_of(source: str) -> Sequence[str]:
        query = (
            "SELECT DISTINCT mention.statement_id FROM mention JOIN section "
            "ON section.id = mention.section_id WHERE section.source_id = ? "
            "ORDER BY mention.statement_id"
        )
        rows = plain_rows(session, query, source)
        return [statement for statement in rows if place_of(news.ids, statement) >= 0]

    return Makers(sources_of, statements_of)
