"""Naming all communities of a clustering run, and reading the names that hold.

Every label, whoever wrote it, passes `kg.labellers.checked` before it is stored; a community that
goes on from the run before keeps its name if it may (`kg.label_inheritance`). Communities are
named from the top down, so that a community's parent and the siblings before it have their names
when its turn comes. All labels of a run are stored in one transaction.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Engine, insert
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from kg.communities import children_of, members_by_community, members_of, path_of
from kg.db import reading, writing
from kg.label_doubts import doubts_of
from kg.label_inheritance import inheritance_from, inheritance_of
from kg.labellers.checked import Named
from kg.labellers.offline import OfflineLabeller
from kg.labellers.task import Frequencies, Labeller, LabellingTask, Member
from kg.labels import labels_of
from kg.phrases import phrases_of
from kg.runs import recording, succeed, succeeded_run
from kg.sources import glossary
from kg.statements import notes_of, sources_by_statement, statements_by_id
from kg.stored_graph import ENDS, EdgeTable, stored_graph
from kg.tables import Amendment, Community, Label, Run, RunKind, RunStatus

log = logging.getLogger(__name__)

OnProgress = Callable[[int, int], None]

_SAMPLE = 1000
"""Statements among which it is counted what is frequent, where only a few communities are named."""


class LabellingConfig(BaseModel):
    """What a labelling run names."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    clustering_run: int
    """The run whose communities are named."""


class RelabellingConfig(LabellingConfig):
    """What a labelling run names after an update."""

    update: int
    """If it is taken back, these labels go with it."""


def label_run(
    engine: Engine,
    clustering_run_id: int,
    labeller: Labeller,
    on_progress: OnProgress | None = None,
) -> int:
    """Name every community of a clustering run; returns the id of the labelling run.

    Raises:
        NotFoundError: There is no such run.
        ConfigError: The run is no clustering, or did not succeed.
    """
    started = time.perf_counter()
    with reading(engine) as session:
        succeeded_run(session, clustering_run_id, RunKind.CLUSTERING, ": it has no communities")
        material = _material(session, clustering_run_id)
        inheritance = inheritance_of(session, clustering_run_id)
    config = LabellingConfig(clustering_run=clustering_run_id)
    with recording(engine, RunKind.LABELLING, labeller.name, config) as run_id:
        rows: list[dict[str, object]] = []
        for task in _tasks(material):
            named = inheritance.named(labeller, task)
            material.names[task.community_id] = named.draft.label
            rows.append(_row(run_id, task, named))
            if on_progress is not None:
                on_progress(len(rows), len(material.communities))
        refused = sum(row["model"] == OfflineLabeller.name != labeller.name for row in rows)
        kept = sum(inheritance.is_kept(each, name) for each, name in material.names.items())
        seconds = round(time.perf_counter() - started, 3)
        with writing(engine) as session:
            if rows:
                session.execute(insert(Label), rows)
            report = {
                "communities": len(rows),
                "kept": kept,
                "refused": refused,
                "seconds": seconds,
            }
            _see(session, col(Amendment.clustering_run_id) == clustering_run_id)
            succeed(session, run_id, {"clustering_run": clustering_run_id, **report})
    log.info("labelled %s communities, refused %s, %.1f s", len(rows), refused, seconds)
    return run_id


def label_due(engine: Engine) -> None:
    """See to the labels after every update after which that was not done yet, the earliest first.

    An update says in its own transaction that it is due. So it is not lost if the process dies
    before the labels are stored, and the next update or removal takes it up.
    """
    query = select(Amendment.clustering_run_id, Amendment.run_id).where(~col(Amendment.labels_seen))
    with reading(engine) as session:
        due = session.exec(query.order_by(col(Amendment.run_id))).all()
    for clustering_run_id, update_id in due:
        label_changed(engine, clustering_run_id, update_id)


def label_changed(engine: Engine, clustering_run_id: int, update_id: int) -> int | None:
    """See to the labels of the communities that an update made or changed; all others keep theirs.

    Communities without a name get one, a label that no longer holds makes way (`kg.label_doubts`),
    and who is no longer a member is no longer named as support. New names are found offline, unlike
    those of the siblings and of what they are part of. What is frequent is counted among up to
    `_SAMPLE` statements, not among all: there may be few to name, and a hundred thousand to count.

    Returns:
        The labelling run; none if every label holds, or if nobody has named the run yet.
    """
    with reading(engine) as session:
        new = _new_labels(session, clustering_run_id, update_id)
    if not new:
        with writing(engine) as session:
            _see(session, col(Amendment.run_id) == update_id)
        return None
    config = RelabellingConfig(clustering_run=clustering_run_id, update=update_id)
    with (
        recording(engine, RunKind.LABELLING, OfflineLabeller.name, config) as run_id,
        writing(engine) as session,
    ):
        session.execute(insert(Label), [{**row, "run_id": run_id} for row in new])
        _see(session, col(Amendment.run_id) == update_id)
        result = {"clustering_run": clustering_run_id, "communities": len(new)}
        succeed(session, run_id, {**result, "kept": 0, "refused": 0})
    log.info("labelled %s communities that an update made or changed", len(new))
    return run_id


def _see(session: Session, which: ColumnElement[bool]) -> None:
    """Note that the labels were seen to after these updates."""
    session.execute(sql_update(Amendment).where(which).values(labels_seen=True))


def _new_labels(session: Session, run_id: int, update_id: int) -> list[dict[str, object]]:
    """Return the labels that an update gives cause for."""
    trimmed, doubtful = doubts_of(session, run_id, update_id)
    new = [label.model_dump() for label in trimmed.values()]
    wanted = _unnamed(session, run_id, update_id).union(doubtful)
    if not wanted:
        return new
    communities = _beside(session, wanted)
    standing = labels_of(session, [community.id for community in communities])
    inheritance = inheritance_from(session, doubtful, communities)
    material = _material_for(session, run_id, communities, wanted)
    material.names.update({name: standing[name].label for name in standing.keys() - wanted})
    below = _names_below(session, wanted)
    for task in _tasks(material):
        taken = task.taken | below.get(task.community_id, frozenset())
        named = inheritance.named(OfflineLabeller(), replace(task, taken=taken))
        material.names[task.community_id] = named.draft.label
        row = _row(0, task, named)
        before = standing.get(task.community_id)
        if before is None or row != {**before.model_dump(), "run_id": 0}:
            new.append(row)
    return new


def _names_below(session: Session, wanted: set[str]) -> dict[str, frozenset[str]]:
    """Return the names of the parts of communities, casefolded."""
    parts = {name: [part.id for part in children_of(session, name)] for name in sorted(wanted)}
    labels = labels_of(session, sorted(set().union(*parts.values())))
    return {
        name: frozenset(labels[part].label.casefold() for part in found if part in labels)
        for name, found in parts.items()
    }


def _row(run_id: int, task: LabellingTask, named: Named) -> dict[str, object]:
    return {
        "community_id": task.community_id,
        "run_id": run_id,
        "model": named.model,
        "refusals": list(named.refusals),
        **named.draft.model_dump(exclude={"support"}),
        "support": list(named.draft.support),
    }


@dataclass(frozen=True)
class _Material:
    """What the tasks of one clustering run are made of, read once."""

    communities: list[Community]
    """From the top down; siblings together, the largest first; see `_from_the_top`."""

    members: dict[str, list[str]]
    """The statements of each community, by id ascending."""

    everybody: list[str]
    """The statements among which it is counted what is frequent in the run."""

    statements: dict[str, Member]
    """Every statement that matters, without its centrality."""

    centrality: dict[int, dict[str, float]]
    """By level: the weights of a statement's edges inside its community there."""

    phrases: dict[str, frozenset[str]]
    """The keys of each statement's phrases."""

    sources: dict[str, list[str]]
    """The sources of each member of a community that is to be named."""

    glossaries: dict[str, dict[str, set[str]]]
    """What each source spells out."""

    names: dict[str, str] = field(default_factory=dict)
    """The labels given so far, by community."""


def _material(session: Session, run_id: int) -> _Material:
    communities = _from_the_top(session, run_id)
    members = {c: sorted(found) for c, found in members_by_community(session, run_id).items()}
    everybody = sorted(set().union(*members.values()))
    return _read(session, run_id, communities, _Scope(members, everybody, everybody))


def _unnamed(session: Session, run_id: int, update_id: int) -> set[str]:
    """Return the communities without a name, if the update made any and the run has names."""
    if not session.get_one(Amendment, update_id).communities_added:
        return set()
    named = (
        select(Label.community_id)
        .join(Run, col(Run.id) == Label.run_id)
        .join(Community, col(Community.id) == Label.community_id)
        .where(Community.run_id == run_id, Run.status == RunStatus.SUCCEEDED)
    )
    if session.exec(named.limit(1)).first() is None:
        return set()
    rows = select(Community.id).where(Community.run_id == run_id, col(Community.id).not_in(named))
    return set(session.exec(rows))


def _beside(session: Session, wanted: set[str]) -> list[Community]:
    """Return communities, their siblings and what they are part of, by level, siblings together."""
    found: dict[str, Community] = {}
    for community in [session.get_one(Community, each) for each in sorted(wanted)]:
        if community.parent_id is not None:
            found[community.parent_id] = session.get_one(Community, community.parent_id)
        siblings = select(Community).where(
            Community.run_id == community.run_id, Community.parent_id == community.parent_id
        )
        if community.id not in found:
            found |= {row.id: row for row in session.exec(siblings)}
    return sorted(found.values(), key=lambda row: (row.level, path_of(row.id)))


def _material_for(
    session: Session, run_id: int, communities: list[Community], wanted: set[str]
) -> _Material:
    """Return the material for naming some communities, read for as few statements as possible."""
    above = {row.parent_id for row in communities if row.id in wanted and row.parent_id}
    members = {each: members_of(session, each) for each in sorted(wanted | above)}
    everybody = _sample(list(stored_graph(session, run_id).ids))
    own = {member for each in wanted for member in members[each]}
    for parent in above - wanted:
        beside = set(_sample(members[parent]))
        members[parent] = sorted(beside.union(own.intersection(members[parent])))
    known = sorted({*everybody, *own})
    return _read(session, run_id, communities, _Scope(members, known, own))


def _sample(statements: list[str]) -> list[str]:
    """Return up to `_SAMPLE` of these, evenly."""
    return statements[:: -(-len(statements) // _SAMPLE)] if statements else []


class _Scope(NamedTuple):
    """Of whom the material is read; the first two as in `_Material`."""

    members: dict[str, list[str]]
    everybody: list[str]
    own: Collection[str]
    """The members of the communities that are to be named."""


def _read(session: Session, run_id: int, communities: list[Community], scope: _Scope) -> _Material:
    members, everybody, own = scope
    clustered = sorted(set(everybody).union(*members.values()))
    notes = notes_of(session, clustered)
    statements = {
        identifier: Member(identifier, row.kind, row.text, notes.get(identifier, ""))
        for identifier, row in sorted(statements_by_id(session, clustered).items())
    }
    by_statement = sources_by_statement(session, sorted(own))
    sources = {identifier: by_statement.get(identifier, []) for identifier in own}
    present = [community for community in communities if community.id in members]
    return _Material(
        communities=communities,
        members=members,
        everybody=everybody,
        statements=statements,
        centrality=_centrality(stored_graph(session, run_id), present, members),
        phrases={
            identifier: frozenset({**phrases_of(row.text), **phrases_of(row.note)})
            for identifier, row in statements.items()
        },
        sources=sources,
        glossaries={
            source: glossary(session, [source]) for source in sorted(set().union(*sources.values()))
        },
    )


def _from_the_top(session: Session, run_id: int) -> list[Community]:
    """Return the communities of a run: siblings together in their order, then those below each.

    What is near in the hierarchy is near in this order, so that texts that were taken apart for
    a community are still at hand for those inside it.
    """
    children: dict[str | None, list[Community]] = {}
    for row in session.exec(
        select(Community).where(Community.run_id == run_id).order_by(col(Community.ordinal))
    ):
        children.setdefault(row.parent_id, []).append(row)
    ordered: list[Community] = []
    waiting: list[str | None] = [None]
    while waiting:
        siblings = children.get(waiting.pop(), [])
        ordered += siblings
        waiting += [sibling.id for sibling in reversed(siblings)]
    return ordered


def _centrality(
    table: EdgeTable, communities: list[Community], members: dict[str, list[str]]
) -> dict[int, dict[str, float]]:
    """Return, by level, the sum of the weights of each statement's edges inside its community."""
    head, tail = (table.edges[name] for name in ENDS)
    weight = table.edges["weight"].astype(np.float64)
    levels: dict[int, dict[str, float]] = {}
    for level in sorted({community.level for community in communities}):
        home = np.full(len(table.ids), -1)
        for number, community in enumerate(communities):
            if community.level == level:
                home[table.places(members[community.id])] = number
        inside = (home[head] == home[tail]) & (home[head] >= 0)
        total = np.zeros(len(table.ids))
        np.add.at(total, head[inside], weight[inside])
        np.add.at(total, tail[inside], weight[inside])
        levels[level] = dict(zip(table.ids, total.tolist(), strict=True))
    return levels


def _tasks(material: _Material) -> Iterator[LabellingTask]:
    """Yield the task of each community without a name, once the names before it are there."""
    named, names = frozenset(material.names), material.names
    whole = _frequencies(material, material.everybody)
    parent, around = None, whole
    beside: dict[str | None, list[str]] = {}
    for community in material.communities:
        beside.setdefault(community.parent_id, []).append(community.id)
    for community in material.communities:
        if community.id in named:
            continue
        if community.parent_id != parent:
            parent = community.parent_id
            around = _frequencies(material, material.members[parent]) if parent else whole
        near = [*beside[parent], *([parent] if parent else [])]
        taken = {names[other] for other in near if other in names}
        yield LabellingTask(
            community_id=community.id,
            members=_members(material, community),
            run=whole,
            parent=around,
            glossary=_glossary(material, community),
            taken=frozenset(map(str.casefold, taken)),
        )


def _members(material: _Material, community: Community) -> tuple[Member, ...]:
    levels = material.centrality
    centrality = levels.get(community.level, {})
    return tuple(
        material.statements[member]._replace(centrality=centrality.get(member, 0.0))
        for member in material.members[community.id]
    )


def _glossary(material: _Material, community: Community) -> dict[str, set[str]]:
    """Join what the sources of a community's members spell out."""
    members = material.members[community.id]
    merged: dict[str, set[str]] = {}
    for source in {source for member in members for source in material.sources[member]}:
        for short, longs in material.glossaries[source].items():
            merged.setdefault(short, set()).update(longs)
    return merged


def _frequencies(material: _Material, statements: Sequence[str]) -> Frequencies:
    counts = Counter(key for member in statements for key in material.phrases[member])
    return Frequencies(len(statements), {key: n for key, n in counts.items() if n > 1})
