"""A small graph, worked out by hand, that the tests of the views and pages read.

Eleven statements of three sources. `leiden_semantic` (run 3; run 2 is superseded) holds

    c0  superposition together apart grew | pentagon removal four     (4 and 3)
    c1  recover split weights script

and `leiden_concepts` (run 4)

    c0  superposition together apart recover split
    c1  removal grew weights script
    c2  pentagon four
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel
from sqlalchemy import Engine
from sqlmodel import Session

from api.app import create_app
from kg.clustering import METHODS, cluster
from kg.db import open_engine, reading, writing
from kg.embedders import open_embedder
from kg.evidence import (
    ControlDraft,
    DecompositionDraft,
    MeasurementDraft,
    PredictionDraft,
    Store,
    SubcomponentDraft,
)
from kg.labellers import open_labeller
from kg.labelling import label_run
from kg.runs import recording, succeed
from kg.sources import SectionDraft, SourceDraft, add_source, section_id, sections_of
from kg.statements import MentionDraft, add_mentions
from kg.tables import Community, Graph, Label, Membership, RunKind, Side, Stance, StatementKind
from tests.kg.forests import give_links


class NoConfig(BaseModel):
    """A configuration without settings."""


class Library(NamedTuple):
    """The graph, and the ids under which its parts are stored."""

    engine: Engine
    statements: dict[str, str]
    """By the short names above."""

    sources: dict[str, str]
    """`notes`, `reply` and `list`."""


SUPERPOSITION = "A model that has more features than dimensions stores them in superposition."
SCRIPT = "<script>alert('x')</script> is what a model may write when it completes a web page."

TEXTS = {
    "superposition": SUPERPOSITION,
    "together": "Features in superposition interfere only when they are active together.",
    "apart": "Features in superposition interfere even when they are active apart.",
    "recover": "Sparse autoencoders recover the features of a layer.",
    "split": "Dictionary learning splits one feature into several when the dictionary grows.",
    "weights": "Weights hold a mechanism; activations show what it does.",
    "script": SCRIPT,
    "pentagon": "The five embeddings formed a regular pentagon in two dimensions.",
    "removal": "Removing one feature raised the loss on that feature alone.",
    "four": "The pentagon appeared in four of nine training runs.",
    "grew": "Interference grew with the number of active features.",
}
CLAIMS = {"superposition", "together", "apart", "recover", "split", "weights", "script"}
NOTES = {
    "together": "Says when features in superposition get in each other's way.",
    "pentagon": "What the toy model's embeddings look like.",
}

SEMANTIC = {
    "c0": ["superposition", "together", "apart", "grew", "pentagon", "removal", "four"],
    "c0-c0": ["superposition", "together", "apart", "grew"],
    "c0-c1": ["pentagon", "removal", "four"],
    "c1": ["recover", "split", "weights", "script"],
}
CONCEPTS = {
    "c0": ["superposition", "together", "apart", "recover", "split"],
    "c1": ["removal", "grew", "weights", "script"],
    "c2": ["pentagon", "four"],
}
EDGES = [
    ("superposition", "together", 0.9, 0.8, 0.5),
    ("superposition", "apart", 0.8, 0.7, 0.5),
    ("together", "apart", 1.4, 0.95, 0.9),
    ("together", "grew", 0.4, 0.6, 0.0),
    ("pentagon", "four", 0.7, 0.6, 0.4),
    ("pentagon", "removal", 0.3, 0.4, 0.0),
    ("recover", "split", 0.6, 0.5, 0.3),
    ("weights", "script", 0.2, 0.3, 0.0),
]


Clusterings = (
    Mapping[str, Mapping[str, Sequence[str]]] | Sequence[tuple[str, Mapping[str, Sequence[str]]]]
)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Return the graph of the module's docstring; tests only read it."""
    folder = tmp_path_factory.mktemp("library")
    engine = open_engine(folder / "claimgraph.db")
    sources, statements = _ingest(engine)
    _cluster(engine, statements, "leiden_semantic", {"c0": list(TEXTS)})
    semantic = _cluster(engine, statements, "leiden_semantic", SEMANTIC)
    _cluster(engine, statements, "leiden_concepts", CONCEPTS)
    _label(
        engine,
        {
            f"leiden_semantic-run{semantic}-c0": "Features in superposition",
            f"leiden_semantic-run{semantic}-c0-c0": "Interference of active features",
            f"leiden_semantic-run{semantic}-c0-c1": "The regular pentagon",
        },
        support=[statements["superposition"], statements["together"]],
    )
    _test_claims(Store(engine, folder / "artifacts"), statements)
    return Library(engine, statements, sources)


@pytest.fixture(scope="session")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Return a graph with the same statements, embedded, clustered and labelled for real."""
    engine = open_engine(tmp_path_factory.mktemp("clustered") / "claimgraph.db")
    _ingest(engine)
    embedder = open_embedder("minilm")
    for method in METHODS:
        label_run(engine, cluster(engine, method, embedder).run, open_labeller("offline"))
    return engine


@pytest.fixture
def cluster_by_hand() -> Callable[[Clusterings], Library]:
    """Store clusterings of the same statements, given by method, path and short names."""

    def store(clusterings: Clusterings) -> Library:
        engine = open_engine(None)
        sources, statements = _ingest(engine)
        pairs = clusterings.items() if isinstance(clusterings, Mapping) else clusterings
        for method, communities in pairs:
            _cluster(engine, statements, method, communities)
        return Library(engine, statements, sources)

    return store


@pytest.fixture
def session(library: Library) -> Iterator[Session]:
    with reading(library.engine) as session:
        yield session


@pytest.fixture
def web(library: Library) -> TestClient:
    return TestClient(create_app(library.engine))


@pytest.fixture
def empty_web() -> TestClient:
    return TestClient(create_app(open_engine(None)))


def _ingest(engine: Engine) -> tuple[dict[str, str], dict[str, str]]:
    with (
        recording(engine, RunKind.INGESTION, "offline", NoConfig()) as run_id,
        writing(engine) as session,
    ):
        sources = _add_sources(session, run_id)
        statements = _add_statements(session, sources, run_id)
        succeed(session, run_id, {"sources": 3})
    return sources, statements


def _add_sources(session: Session, run_id: int) -> dict[str, str]:
    def words(*names: str) -> str:
        return " ".join(TEXTS[name] for name in names)

    geometry = f"{words('superposition', 'apart')}\n\n{words('recover')}"
    notes = SourceDraft(
        title="Notes on superposition",
        name="notes.md",
        format="markdown",
        sha256="a" * 64,
        authors=["A. Reader", "B. Writer"],
        year=2025,
        url="https://example.org/notes",
        sections=[
            _section("Introduction", f"Before all else. {words('superposition', 'together')}"),
            _section("Results", words("pentagon", "removal", "superposition")),
        ],
    )
    reply = SourceDraft(
        title="A reply on feature geometry",
        name="reply.pdf",
        format="pdf",
        sha256="b" * 64,
        sections=[
            _section("Geometry", geometry, pages=[(0, 3), (geometry.index("\n\n") + 2, 4)]),
            _section("Measurements", words("four", "grew"), pages=[(0, 4)]),
        ],
    )
    listed = SourceDraft(
        title="Reading list <b>& notes</b>",
        name="list.txt",
        format="text",
        sha256="c" * 64,
        url="javascript:alert(1)",
        sections=[_section("", words("split", "weights", "script"))],
    )
    drafts = {"notes": notes, "reply": reply, "list": listed}
    return {name: add_source(session, draft, run_id) for name, draft in drafts.items()}


def _section(heading: str, text: str, pages: Sequence[tuple[int, int]] = ()) -> SectionDraft:
    return SectionDraft(
        heading=heading, level=1 if heading else 0, kind="body", text=text, pages=list(pages)
    )


def _add_statements(session: Session, sources: Mapping[str, str], run_id: int) -> dict[str, str]:
    statements: dict[str, str] = {}
    for source in sources.values():
        for section in sections_of(session, source):
            for name, text in TEXTS.items():
                start = section.text.find(text)
                if start < 0:
                    continue
                page = max((p for at, p in section.pages if at <= start), default=None)
                draft = MentionDraft(
                    kind=StatementKind.CLAIM if name in CLAIMS else StatementKind.FINDING,
                    text=text,
                    section_id=section_id(source, section.ordinal),
                    char_start=start,
                    char_end=start + len(text),
                    quote=text,
                    page=page,
                    note=NOTES.get(name, ""),
                    score=0.9,
                )
                statements[name] = add_mentions(session, [draft], run_id)[0]
    return statements


def _cluster(
    engine: Engine,
    statements: Mapping[str, str],
    method: str,
    communities: Mapping[str, Sequence[str]],
) -> int:
    """Store communities given by path and names, parents before children."""
    with (
        recording(engine, RunKind.CLUSTERING, method, NoConfig(), seed=0) as run_id,
        writing(engine) as session,
    ):
        deepest: dict[str, str] = {}
        for path, names in communities.items():
            parent, _, last = path.rpartition("-")
            session.add(
                Community(
                    id=f"{method}-run{run_id}-{path}",
                    run_id=run_id,
                    parent_id=f"{method}-run{run_id}-{parent}" if parent else None,
                    level=path.count("-"),
                    ordinal=int(last.removeprefix("c")),
                )
            )
            session.flush()
            deepest.update(dict.fromkeys(names, path))
        session.add(_graph(run_id, statements))
        session.add_all(
            Membership(
                run_id=run_id,
                statement_id=statements[name],
                community_id=f"{method}-run{run_id}-{path}",
            )
            for name, path in deepest.items()
        )
        give_links(session, run_id, method)
        succeed(session, run_id, {"statements": len(statements), "modularity": 0.41})
    return run_id


def _graph(run_id: int, statements: Mapping[str, str]) -> Graph:
    ids = sorted(statements.values())
    place = {identifier: i for i, identifier in enumerate(ids)}
    rows = sorted(
        (*sorted((place[statements[a]], place[statements[b]])), weight, semantic, concepts)
        for a, b, weight, semantic, concepts in EDGES
    )
    head, tail, weight, semantic, concepts = zip(*rows, strict=True)
    return Graph(
        run_id=run_id,
        statement_ids="\n".join(ids),
        head=np.array(head, "<i4").tobytes(),
        tail=np.array(tail, "<i4").tobytes(),
        weight=np.array(weight, "<f4").tobytes(),
        semantic=np.array(semantic, "<f4").tobytes(),
        concepts=np.array(concepts, "<f4").tobytes(),
        source=np.zeros(len(rows), "<f4").tobytes(),
        layers={"semantic": 1.0, "concepts": 1.0, "source": 0.1},
    )


REFUSED = "“Pentagons of Virtue”: no member says “Virtue”"


def _label(engine: Engine, labels: Mapping[str, str], support: Sequence[str]) -> None:
    """Store labels; the first rests on the support, and a draft was refused before it."""
    with (
        recording(engine, RunKind.LABELLING, "offline", NoConfig()) as run_id,
        writing(engine) as session,
    ):
        session.add_all(
            Label(
                community_id=community,
                run_id=run_id,
                label=label,
                description=f"Statements on {label.lower()}.",
                model="offline",
                support=[] if at else list(support),
                refusals=[] if at else [REFUSED],
            )
            for at, (community, label) in enumerate(labels.items())
        )
        succeed(session, run_id, {"labels": len(labels)})


def _test_claims(store: Store, statements: Mapping[str, str]) -> None:
    with store.decomposing("spd", NoConfig(), seed=0) as (decomposition, folder):
        Path(folder / "tensors.txt").write_text("five directions", encoding="utf-8")
        part = SubcomponentDraft(
            matrix="embed", index=3, mean_importance=0.05, is_alive=True, norm=1.0
        )
        draft = DecompositionDraft(subcomponents=[part], metrics={"mmcs": 0.9995})
        store.add_decomposition(decomposition, "tms_5-2", draft)
    for name, stance, value in (
        ("removal", Stance.SUPPORTS, 0.97),
        ("together", Stance.REFUTES, 0.41),
        ("together", Stance.INCONCLUSIVE, 0.89),
    ):
        with store.experimenting("specificity", NoConfig(), seed=1) as run_id:
            prediction = store.state(
                PredictionDraft(
                    statement_id=statements[name],
                    experiment="specificity",
                    side=Side.ABOVE,
                    threshold=0.9,
                    unit="share of the change",
                    sentence="Ablating a subcomponent changes the output where it matters.",
                ),
                decomposition,
                run_id,
            )
            control = ControlDraft(name="random directions", value=0.3, low=0.25, high=0.36, n=200)
            store.attach(
                prediction,
                MeasurementDraft(
                    stance=stance,
                    reason="The interval was compared with the threshold.",
                    value=value,
                    low=value - 0.02,
                    high=value + 0.02,
                    n=200,
                    unit="share of the change",
                    controls=[control],
                    details={"dose": 1.0},
                    subcomponents=["embed:3"],
                ),
            )
