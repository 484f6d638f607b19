"""Where the text of a PDF stands on its pages, for sources that were stored without that.

Their text stays as it is, for statements quote it. So the file is read again, and a section gets
its places if its text comes out as it is stored. One whose text comes out otherwise, because the
reader has changed since, gets an empty row: it was tried, and is not tried again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from kg.sources import sections_of, source_of
from kg.tables import Printed, Section, Source

_FORMAT = "pdf"


def without_places(session: Session) -> set[str]:
    """Return the SHA-256 of every PDF that has to be read again for its places."""
    rows = session.exec(
        select(Source.sha256)
        .join(Section, col(Section.source_id) == Source.id)
        .outerjoin(Printed, col(Printed.id) == Section.id)
        .where(Source.format == _FORMAT, col(Printed.id).is_(None))
        .distinct()
    )
    return set(rows)


def n_without_places(session: Session, source: str) -> int:
    """Return of how many sections of a PDF it is not known where they stand."""
    query = (
        select(func.count())
        .select_from(Section)
        .join(Source, col(Source.id) == Section.source_id)
        .outerjoin(Printed, col(Printed.id) == Section.id)
        .where(Source.id == source, Source.format == _FORMAT)
        .where(func.coalesce(Printed.lines, "") == "")
    )
    return session.exec(query).one()


def add_places(
    session: Session,
    source: str,
    printed: Mapping[str, str],
    hidden: Sequence[Mapping[str, str | int]],
) -> int:
    """Store where the sections of a source stand that have no row yet; returns how many got one.

    Args:
        session: The database.
        source: Its id.
        printed: For each section's text, where its characters are printed (`kg.printed`).
        hidden: What its pages hide, which is stored if nothing is known of that.
    """
    stored = source_of(session, source)
    if stored.format != _FORMAT:
        return 0
    known = set(
        session.exec(
            select(Printed.id)
            .join(Section, col(Section.id) == Printed.id)
            .where(Section.source_id == source)
        )
    )
    rows: list[dict[str, Any]] = [
        {"id": section.id, "lines": printed.get(section.text, "")}
        for section in sections_of(session, source)
        if section.id not in known
    ]
    if not rows:
        return 0
    session.execute(insert(Printed), rows)
    stored.hidden = stored.hidden or [dict(each) for each in hidden]
    session.add(stored)
    return sum(bool(row["lines"]) for row in rows)
