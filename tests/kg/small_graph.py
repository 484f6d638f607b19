"""A small graph written for the tests: two sources, ten statements, and clusterings by hand."""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel
from sqlalchemy import Engine
from sqlmodel import Session

from kg.db import writing
from kg.runs import recording, succeed
from kg.sources import AbbreviationDraft, SectionDraft, SourceDraft, add_source, section_id
from kg.statements import MentionDraft, add_mentions
from kg.tables import Community, Graph, Membership, RunKind, StatementKind
from tests.kg.forests import give_links

CLAIM, FINDING = StatementKind.CLAIM, StatementKind.FINDING

SPELT = "We call it Tied Rank Decomposition (TRD)."

SAID: dict[str, tuple[StatementKind, str]] = {
    "ranks": (CLAIM, "TRD splits a weight matrix into tied ranks that can be ablated one by one"),
    "tied": (
        FINDING,
        "Ablating one of the tied ranks leaves the other tied ranks of TRD unchanged",
    ),
    "toy": (FINDING, "On a toy model, TRD finds the tied ranks that were planted"),
    "dead": (FINDING, "Half of the dead latents of a wide dictionary come back after resampling"),
    "dictionary": (CLAIM, "A wide dictionary trades dead latents for reconstruction error"),
    "latents": (CLAIM, "Dead latents are a sign of a learning rate that is too high"),
    "probe": (FINDING, "A linear probe reads the tense of a verb from layer six onwards"),
    "tense": (CLAIM, "That a linear probe finds tense does not show that the model uses tense"),
    "odd": (CLAIM, "Reviewers rarely ask for raw logs"),
    "even": (FINDING, "The kitchen thermometer ran two degrees warm"),
}


class NoConfig(BaseModel):
    """A configuration without settings."""


def store_statements(engine: Engine, notes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Store the statements; returns their ids by name. The first three come from the source
    that spells TRD out, the others from one that does not."""
    names = list(SAID)
    with (
        recording(engine, RunKind.INGESTION, "test", NoConfig()) as run_id,
        writing(engine) as session,
    ):
        ids = _source(session, run_id, "Tied ranks", SPELT, names[:3], notes or {})
        return ids | _source(session, run_id, "Field notes", "", names[3:], notes or {})


def store_clustering(
    engine: Engine,
    method: str,
    tree: Mapping[str, Sequence[str]],
    edges: Sequence[tuple[str, str, float]] = (),
) -> int:
    """Store a clustering run; returns its id.

    Args:
        engine: Where to store it.
        method: Its method.
        tree: The statements of each deepest community, by path ("c0", "c1-c0").
        edges: Statement, statement and weight.
    """
    with recording(engine, RunKind.CLUSTERING, method, NoConfig()) as run_id:
        prefix = f"{method}-run{run_id}"
        paths = sorted({part for path in tree for part in _and_above(path)})
        homes = {member: f"{prefix}-{path}" for path, found in tree.items() for member in found}
        with writing(engine) as session:
            for path in paths:
                above = path.rpartition("-")[0]
                session.add(
                    Community(
                        id=f"{prefix}-{path}",
                        run_id=run_id,
                        parent_id=f"{prefix}-{above}" if above else None,
                        level=path.count("-"),
                        ordinal=int(path.rpartition("c")[2]),
                    )
                )
                session.flush()
            for member, home in homes.items():
                session.add(Membership(run_id=run_id, statement_id=member, community_id=home))
            session.add(_graph(run_id, sorted(homes), edges))
            give_links(session, run_id, method)
            succeed(session, run_id, {"communities": len(paths)})
    return run_id


def _source(
    session: Session,
    run_id: int,
    title: str,
    spelt: str,
    names: list[str],
    notes: Mapping[str, str],
) -> dict[str, str]:
    body = " ".join(f"{SAID[name][1]}." for name in names)
    abbreviation = AbbreviationDraft(
        short="TRD", long="Tied Rank Decomposition", char_start=11, char_end=40
    )
    section = SectionDraft(
        heading="",
        level=0,
        kind="body",
        text=f"{spelt} {body}",
        abbreviations=[abbreviation] if spelt else [],
    )
    source = SourceDraft(
        title=title, name=title, format="markdown", sha256=title, sections=[section]
    )
    place = section_id(add_source(session, source, run_id), 0)
    drafts = [
        MentionDraft(
            kind=SAID[name][0],
            text=SAID[name][1],
            section_id=place,
            char_start=section.text.index(SAID[name][1]),
            char_end=section.text.index(SAID[name][1]) + len(SAID[name][1]),
            quote=SAID[name][1],
            note=notes.get(name, ""),
        )
        for name in names
    ]
    return dict(zip(names, add_mentions(session, drafts, run_id), strict=True))


def _and_above(path: str) -> list[str]:
    parts = path.split("-")
    return ["-".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _graph(run_id: int, statements: list[str], edges: Sequence[tuple[str, str, float]]) -> Graph:
    place = {statement: at for at, statement in enumerate(statements)}
    pairs = [(*sorted((place[one], place[other])), weight) for one, other, weight in edges]
    weight = np.array([pair[2] for pair in pairs], "<f4").tobytes()
    nothing = np.zeros(len(pairs), "<f4").tobytes()
    return Graph(
        run_id=run_id,
        statement_ids="\n".join(statements),
        head=np.array([pair[0] for pair in pairs], "<i4").tobytes(),
        tail=np.array([pair[1] for pair in pairs], "<i4").tobytes(),
        weight=weight,
        layers={"semantic": 1.0},
        semantic=weight,
        concepts=nothing,
        source=nothing,
    )
