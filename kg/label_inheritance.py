"""Names that go on: a community that is matched keeps its name while its reasons are there.

A name is earned by the members that it rests on: those that its labeller gave as support, else
those that say half of its content words or more, else all that the community had when it was given.
It goes on if

- at least two thirds of those (`min_stay`) are still members;
- those and the present members that say the name are no rarer among the members, by more than half
  (`min_hold`), than its earners were: a name is not kept for a community that has become another
  around it;
- it passes the check that every name passes (`kg.labellers.checked`), with the members, sources,
  parent and siblings of today.

All this is asked of the members at the time when the name was given, however many runs ago, so that
small steps do not add up. Who gave it stays its author. If the members are the same as in the last
run, the description stays too; else it is written anew by whoever labels now.

An update asks the same of what it changed (`kg.label_doubts`), and there the description stays as
long as it holds.

Names go on when a run is labelled for the first time: asking for another labelling means asking for
new names. And the offline labeller's names make way for a language model's, never the other way
round.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session, col, select

from kg.changes import previous_run
from kg.communities import members_by_community
from kg.grounding import words_of_few
from kg.labellers.checked import Named, checked_label, problems_with, said_by_one
from kg.labellers.offline import OfflineLabeller
from kg.labellers.task import LabelDraft, Labeller, LabellingTask
from kg.runs import run_of
from kg.statements import notes_of, statements_by_id
from kg.tables import Community, Label, Run, RunStatus


class InheritanceConfig(BaseModel):
    """When a name goes on."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_stay: float = Field(default=2 / 3, ge=0, le=1)
    """Of the members that earned it, this share is still there."""

    min_hold: float = Field(default=0.5, ge=0, le=1)
    """Those it rests on are, among all members, this many times as frequent as they were."""


class Inherited(NamedTuple):
    """A name that a community had in the run before, and what it was given on."""

    label: Label
    """As it stands in the run before."""

    last: frozenset[str]
    """The members in the run before."""

    first: frozenset[str]
    """The members when the name was given."""


@dataclass(frozen=True)
class Inheritance:
    """The names of the run before, by the communities of this one; and the words of all members."""

    names: Mapping[str, Inherited]
    families: Mapping[str, frozenset[str]]
    """The siblings of each community."""

    words: Mapping[str, str]
    """Text and note of the members of then."""

    config: InheritanceConfig = field(default_factory=InheritanceConfig)

    def named(self, labeller: Labeller, task: LabellingTask) -> Named:
        """Return the name that goes on, or else a new one that no sibling's is."""
        inherited = self.names.get(task.community_id)
        if inherited is not None and self._goes_on(inherited, labeller, task):
            return self._kept(inherited, labeller, task)
        others = self.families.get(task.community_id, frozenset()) & self.names.keys()
        taken = {self.names[other].label.label.casefold() for other in others}
        return checked_label(labeller, replace(task, taken=task.taken | taken))

    def is_kept(self, community_id: str, name: str) -> bool:
        """Say whether this is the name that the community had in the run before."""
        inherited = self.names.get(community_id)
        return inherited is not None and inherited.label.label == name

    def _goes_on(self, inherited: Inherited, labeller: Labeller, task: LabellingTask) -> bool:
        label = inherited.label
        is_offline = label.model == OfflineLabeller.name
        if is_offline and labeller.name != OfflineLabeller.name:
            return False
        if problems_with(LabelDraft(label=label.label, description=""), task):
            return False
        if not is_offline and said_by_one(label.label, task):
            return False
        now = frozenset(member.id for member in task.members)
        return now == inherited.first or self._is_earned(inherited, now, task)

    def _is_earned(self, inherited: Inherited, now: frozenset[str], task: LabellingTask) -> bool:
        name, first = inherited.label.label, inherited.first
        then = {each: self.words[each] for each in first if each in self.words}
        earners = first & frozenset(inherited.label.support)
        earners = earners or holders_of(name, then) or first
        staying = earners & now
        today = holders_of(name, {member.id: member.words for member in task.members})
        share, before = len(staying | today) / len(now), len(earners) / len(first)
        return (
            len(staying) >= self.config.min_stay * len(earners)
            and share >= self.config.min_hold * before
        )

    def _kept(self, inherited: Inherited, labeller: Labeller, task: LabellingTask) -> Named:
        label, now = inherited.label, frozenset(member.id for member in task.members)
        support = tuple(each for each in label.support if each in now)
        draft = LabelDraft(label=label.label, description=label.description, support=support)
        if now != inherited.last or problems_with(draft, task):
            fresh = checked_label(labeller, task).draft
            draft = draft.model_copy(update={"description": fresh.description})
        return Named(draft, label.model, tuple(label.refusals))


def holders_of(name: str, words: Mapping[str, str]) -> frozenset[str]:
    """Return those whose words say half of the content words of a name or more."""
    n_words = len(words_of_few(name, [], 1))
    return frozenset(
        each for each, said in words.items() if 2 * len(words_of_few(name, [said], 1)) <= n_words
    )


def inheritance_of(session: Session, run_id: int) -> Inheritance:
    """Read the names that the communities of a clustering run may inherit.

    There are none if the run has been labelled before, or is the first of its method.
    """
    before = previous_run(session, run_of(session, run_id))
    own = _communities(session, run_id)
    if before is None or _labels(session, run_id):
        return inheritance_from(session, {}, own)
    links = {community.link: community.id for community in own if community.link}
    return inheritance_from(session, _names(session, before, links), own)


def inheritance_from(
    session: Session, names: Mapping[str, Inherited], communities: Sequence[Community]
) -> Inheritance:
    """Return these names, by community, as those that may go on.

    Args:
        session: Where to read what their members said.
        names: By community.
        communities: Those, with their siblings.
    """
    members = frozenset[str]().union(*(each.first for each in names.values()))
    return Inheritance(names, _families(communities), words_by_id(session, sorted(members)))


def _names(session: Session, run: Run, links: Mapping[str, str]) -> dict[str, Inherited]:
    """Return the names of a run by the communities that go on, with the members of then and now."""
    assert run.id is not None
    labels = _labels_by_link(session, run.id, links.keys())
    last = members_by_community(session, run.id)
    first = _first_members(session, run, labels)
    return {
        links[link]: Inherited(label, last[label.community_id], first[link])
        for link, label in labels.items()
    }


def _first_members(
    session: Session, run: Run, labels: Mapping[str, Label]
) -> dict[str, frozenset[str]]:
    """Return the members that each link had in the first of the runs with its present name."""
    first: dict[str, frozenset[str]] = {}
    waiting, here = dict(labels), run
    while waiting:
        assert here.id is not None
        earlier = previous_run(session, here)
        before: dict[str, Label] = {}
        if earlier is not None and earlier.id is not None:
            before = _labels_by_link(session, earlier.id, waiting.keys())
        going_on = {
            link: before[link]
            for link, label in waiting.items()
            if link in before
            and (before[link].label, before[link].model) == (label.label, label.model)
        }
        begun = waiting.keys() - going_on.keys()
        if begun:
            members = members_by_community(session, here.id)
            first |= {link: members[waiting[link].community_id] for link in begun}
        waiting = going_on
        here = earlier or here
    return first


def _labels_by_link(session: Session, run_id: int, links: Set[str]) -> dict[str, Label]:
    labels = _labels(session, run_id)
    return {
        community.link: labels[community.id]
        for community in _communities(session, run_id)
        if community.link in links and community.id in labels
    }


def _labels(session: Session, run_id: int) -> dict[str, Label]:
    """Return the latest label of each community of a run, by its id."""
    rows = session.exec(
        select(Label)
        .join(Community, col(Community.id) == Label.community_id)
        .join(Run, col(Run.id) == Label.run_id)
        .where(Community.run_id == run_id, Run.status == RunStatus.SUCCEEDED)
        .order_by(col(Label.run_id))
    )
    return {row.community_id: row for row in rows}


def _communities(session: Session, run_id: int) -> list[Community]:
    return list(session.exec(select(Community).where(Community.run_id == run_id)))


def _families(communities: Sequence[Community]) -> dict[str, frozenset[str]]:
    children: dict[str | None, set[str]] = {}
    for community in communities:
        children.setdefault(community.parent_id, set()).add(community.id)
    return {each.id: frozenset(children[each.parent_id] - {each.id}) for each in communities}


def words_by_id(session: Session, statements: Sequence[str]) -> dict[str, str]:
    """Return text and note of each of these statements that there still is."""
    notes = notes_of(session, statements)
    return {
        identifier: f"{row.text}\n{notes.get(identifier, '')}"
        for identifier, row in statements_by_id(session, statements).items()
    }
