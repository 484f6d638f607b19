"""Which sources are one paper, in words."""

from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, select

from api.views.view import SourceName, View
from kg.tables import Source
from kg.works import WorkLink, WorkTie, all_work_links

_WORK_WORDS = {
    WorkTie.SUMMARY: "is a summary of",
    WorkTie.VERSION: "is another version of",
}


class WorkItem(View):
    """Two sources of one paper, such as the paper and its summary."""

    source: SourceName
    words: str
    """`is a summary of`, or `is another version of`."""

    other: SourceName


def work_items(links: Sequence[WorkLink], sources: Mapping[str, SourceName]) -> list[WorkItem]:
    """Return links between sources that are of one paper, in words."""
    return [
        WorkItem(
            source=sources[link.head_id],
            words=_WORK_WORDS[link.tie],
            other=sources[link.tail_id],
        )
        for link in links
    ]


def works_of(session: Session, source_id: str) -> list[WorkItem]:
    """Return what a source is to other sources of the same paper."""
    links = [link for link in all_work_links(session) if source_id in link[:2]]
    ids = {end for link in links for end in link[:2]}
    rows = session.exec(select(Source.id, Source.title).where(col(Source.id).in_(ids)))
    return work_items(links, {i: SourceName(id=i, title=title) for i, title in rows})
