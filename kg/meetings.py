"""Which sources meet at a bridge: the reason why anyone should care about an overlap.

The shared statements of two communities come from sources. Where they come from one, that source
lies across both themes; where they come from several, these meet here. Versions of one paper count
as one source (`kg.works`). Whether the first two of them meet anywhere else is looked up in the
deepest communities of the two runs, since in a large enough community everybody meets.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlmodel import Session, col, select

from kg.communities import branch_of
from kg.tables import Community, Membership, Mention, Section, Source
from kg.works import titled, versions_of


class Meeting(NamedTuple):
    """The sources of the statements that two communities share."""

    sources: list["SourceCount"]
    """Most shared statements first, then by title and id. One made by two counts for both."""

    meet_elsewhere: bool | None
    """The first two share another of the deepest communities of the two runs, outside of both
    communities; none where there are not two."""


class SourceCount(NamedTuple):
    """A source and how many of the statements it makes."""

    id: str
    title: str
    n_statements: int


class Shared(NamedTuple):
    """Two communities and what they share."""

    here: str
    there: str
    shared_ids: Sequence[str]


def meetings_of(session: Session, crossings: Sequence[Shared]) -> list[Meeting]:
    """Return which sources meet at each of these crossings, in their order."""
    statements = sorted({each for crossing in crossings for each in crossing.shared_ids})
    made_by, titles, versions = _sources_of(session, statements)
    runs = _runs_of(session, sorted({name for c in crossings for name in (c.here, c.there)}))
    homes: dict[tuple[tuple[str, ...], int], frozenset[str]] = {}
    meetings: list[Meeting] = []
    for crossing in crossings:
        counts = Counter(source for each in crossing.shared_ids for source in made_by.get(each, ()))
        ordered = sorted(counts, key=lambda source: (-counts[source], titles[source], source))
        elsewhere = None
        if len(ordered) > 1:
            first_two = [versions[source] for source in ordered[:2]]
            elsewhere = any(
                _share_another(session, homes, first_two, runs[community], crossing)
                for community in (crossing.here, crossing.there)
            )
        sources = [SourceCount(source, titles[source], counts[source]) for source in ordered]
        meetings.append(Meeting(sources, elsewhere))
    return meetings


def _share_another(
    session: Session,
    homes: dict[tuple[tuple[str, ...], int], frozenset[str]],
    sources: Sequence[tuple[str, ...]],
    run_id: int,
    crossing: Shared,
) -> bool:
    """Say whether two sources share a deepest community of a run outside of the crossing."""
    for source in sources:
        if (source, run_id) not in homes:
            homes[source, run_id] = _homes_of(session, source, run_id)
    shared = homes[sources[0], run_id] & homes[sources[1], run_id]
    return any({crossing.here, crossing.there}.isdisjoint(branch_of(home)) for home in shared)


def _homes_of(session: Session, versions: Sequence[str], run_id: int) -> frozenset[str]:
    """Return the deepest communities of a run that have statements of a source."""
    made = (
        select(Mention.statement_id)
        .join(Section, col(Section.id) == Mention.section_id)
        .where(col(Section.source_id).in_(versions))
    )
    return frozenset(
        session.exec(
            select(Membership.community_id)
            .where(Membership.run_id == run_id, col(Membership.statement_id).in_(made))
            .distinct()
        )
    )


def _sources_of(
    session: Session, statement_ids: Sequence[str]
) -> tuple[dict[str, set[str]], dict[str, str], dict[str, tuple[str, ...]]]:
    """Return the sources that make each statement, and the titles and versions of all of them."""
    rows: list[tuple[str, str]] = []
    for block in _blocks(statement_ids):
        rows += session.exec(
            select(Mention.statement_id, Section.source_id)
            .join(Section, col(Section.id) == Mention.section_id)
            .where(col(Mention.statement_id).in_(block))
        )
    sources = {
        source.id: titled(source)
        for block in _blocks(sorted({source for _, source in rows}))
        for source in session.exec(select(Source).where(col(Source.id).in_(block)))
    }
    versions = versions_of([sources[each] for each in sorted(sources)])
    made_by: dict[str, set[str]] = {}
    for statement, source in rows:
        made_by.setdefault(statement, set()).add(versions[source][0])
    return made_by, {each: source.title for each, source in sources.items()}, versions


def _runs_of(session: Session, community_ids: Sequence[str]) -> dict[str, int]:
    runs: dict[str, int] = {}
    for block in _blocks(community_ids):
        query = select(Community.id, Community.run_id).where(col(Community.id).in_(block))
        runs.update(dict(session.exec(query).all()))
    return runs


def _blocks(identifiers: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(identifiers), 500):
        yield identifiers[start : start + 500]
