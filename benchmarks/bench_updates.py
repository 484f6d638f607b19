"""Time and quality of updates beside full runs, on planted topics in a real database.

Statements, sources and vectors are planted as in `planted.py` and stored in a database in
a temporary folder. All but some sources are clustered; then sources come, as many as make 20
statements, and as many as make one in a hundred, and 85 sources leave at once.

    python benchmarks/bench_updates.py --n 10000 --json

prints, for both sizes, CPU and wall seconds of the update, from stored vectors to the commit, and
of its stages (of the processor, by the clock); the
share of the old statements that it moved beside the share that a full run with another seed moved
(by the matching of communities of the top level that moves fewest); the modularity of both; the
seconds that the removal took; and whether adding and removing gave back the same bytes.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy.optimize import linear_sum_assignment
from sqlalchemy import Engine
from sqlmodel import select

sys.path.insert(0, str(Path(__file__).parent))
from planted import Planted, plant

from kg.amending import stand_of
from kg.clustering import cluster
from kg.db import open_engine, reading, writing
from kg.embedders import Embedder, OnProgress, Vectors
from kg.embeddings import embed_missing
from kg.hierarchy import leiden_hierarchy
from kg.hybrid_graph import HybridGraph
from kg.ids import content_id
from kg.labellers.offline import OfflineLabeller
from kg.labelling import label_run
from kg.leiden import LeidenConfig
from kg.removal import remove_sources
from kg.runs import recording, run_of
from kg.sources import SectionDraft, SourceDraft, add_source, section_id
from kg.statements import MentionDraft, add_mentions
from kg.stored_graph import stored_graph
from kg.tables import LAYERS, Community, Graph, Membership, RunKind, StatementKind
from kg.update_report import UpdateReport
from kg.updating import update

Result = TypeVar("Result")


class NoConfig(BaseModel):
    """A configuration without settings."""


class PlantedEmbedder:
    """Gives each planted text the vector that was planted with it."""

    name = "planted-00000000"

    def __init__(self, planted: Planted) -> None:
        texts = (text.rstrip(" .") for text in planted.texts)
        self._vectors = dict(zip(texts, planted.vectors, strict=True))

    def embed(self, texts: Sequence[str], on_progress: OnProgress | None = None) -> Vectors:
        """Return one vector for each text."""
        del on_progress
        if not texts:
            return np.empty((0, 0), dtype=np.float32)
        return np.stack([self._vectors[text] for text in texts])


class Seconds(NamedTuple):
    """What something took."""

    cpu: float
    wall: float


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=10_000, help="statements")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", default="leiden_hybrid_concepts")
    parser.add_argument("--sources", type=int, default=85, help="how many leave at once")
    parser.add_argument("--named", action="store_true", help="communities have names")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(arguments, Path(folder))
    if arguments.json:
        print(json.dumps(measured, indent=2))
        return
    for name, value in measured.items():
        print(f"{name:<44}{value!s:>14}")


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return every number of the benchmark by name."""
    planted = plant(arguments.n, np.random.default_rng(arguments.seed))
    embedder: Embedder = PlantedEmbedder(planted)
    engine = open_engine(folder / "bench.db")
    by_source: dict[str, list[int]] = {}
    for place, number in enumerate(planted.sources.tolist()):
        by_source.setdefault(f"{number:07d}", []).append(place)
    order = sorted(by_source, key=lambda source: (len(by_source[source]), source))
    near_20 = min(order, key=lambda source: (abs(len(by_source[source]) - 20), source))
    rest = [source for source in order if source != near_20]
    hundredth: list[str] = []
    while sum(len(by_source[source]) for source in hundredth) < arguments.n // 100:
        hundredth.append(rest.pop())
    old = [place for source in rest for place in by_source[source]]

    def say(sources: Sequence[str]) -> None:
        _store(engine, planted, {source: by_source[source] for source in sources})
        embed_missing(engine, embedder)

    say(rest)
    report, full = _timed(lambda: cluster(engine, arguments.method, embedder))
    if arguments.named:
        label_run(engine, report.run, OfflineLabeller())
    measured: dict[str, Any] = {
        "statements": len(old),
        "method": arguments.method,
        "full_run_cpu_seconds": full.cpu,
    }
    before = _rows(engine, report.run)
    say([near_20])
    warm, _ = _timed(lambda: update(engine, embedder)), None
    measured["first_update_cpu_seconds"] = warm[1].cpu
    removed, _ = _timed(lambda: remove_sources(engine, [_id(near_20)], lambda: embedder))
    measured["taken_back"] = removed.updates[0].taken_back
    measured["same_bytes"] = _rows(engine, report.run) == before
    for name, sources in (("20", [near_20]), ("1_percent", hundredth)):
        tops = _tops(engine, report.run)
        say(sources)
        (updated,), took = _timed(lambda: update(engine, embedder))
        measured |= {
            f"added_{name}": updated.added,
            f"add_{name}_cpu_seconds": took.cpu,
            f"add_{name}_wall_seconds": took.wall,
            f"add_{name}_moved_share": round(updated.moved / len(tops), 6),
            f"add_{name}_moved_top_share": _moved(tops, _tops(engine, report.run)),
            f"add_{name}_modularity": updated.modularity,
            f"add_{name}_modularity_of_a_full_cut": _full_cut(engine, report.run),
            f"add_{name}_drifted": updated.drifted,
            f"add_{name}_stages": _stages(updated, took),
        }
    again = cluster(engine, arguments.method, embedder, seed=arguments.seed + 1)
    measured["full_run_moved_share"] = _moved(tops, _tops(engine, again.run))
    leave = [_id(source) for source in rest[: arguments.sources]]
    removal, took = _timed(lambda: remove_sources(engine, leave, lambda: embedder))
    measured |= {
        "sources_removed": len(removal.sources),
        "statements_removed": removal.statements,
        "updates_of_the_active_run": len(removal.updates),
        "remove_cpu_seconds": took.cpu,
        "remove_wall_seconds": took.wall,
        "remove_modularity": removal.updates[0].modularity,
        "remove_modularity_of_a_full_cut": _full_cut(engine, again.run),
        "remove_drifted": removal.updates[0].drifted,
    }
    return measured


def _stages(report: UpdateReport, took: Seconds) -> dict[str, Seconds]:
    """Return what each stage took, the rest last: what is new, the commit and new names."""
    stages = {name: Seconds(*seconds) for name, seconds in report.stages.items()}
    rest = [took[i] - sum(each[i] for each in stages.values()) for i in (0, 1)]
    return stages | {"what is new, commit, names": Seconds(*(round(each, 3) for each in rest))}


def _store(engine: Engine, planted: Planted, sources: dict[str, list[int]]) -> None:
    with (
        recording(engine, RunKind.INGESTION, "planted", NoConfig()) as run_id,
        writing(engine) as session,
    ):
        drafts: list[MentionDraft] = []
        for source, places in sources.items():
            texts = [planted.texts[place] for place in places]
            section = SectionDraft(heading="", level=0, kind="body", text="\n".join(texts))
            draft = SourceDraft(
                title=source, name=source, format="text", sha256=source, sections=[section]
            )
            place = section_id(add_source(session, draft, run_id), 0)
            start = 0
            for text in texts:
                drafts.append(
                    MentionDraft(
                        kind=StatementKind.CLAIM,
                        text=text,
                        section_id=place,
                        char_start=start,
                        char_end=start + len(text),
                        quote=text,
                    )
                )
                start += len(text) + 1
        add_mentions(session, drafts, run_id)


def _id(source: str) -> str:
    return content_id("src", source)


def _rows(engine: Engine, run: int) -> list[Any]:
    with reading(engine) as session:
        return [
            sorted(
                str(sorted(row.model_dump().items()))
                for row in session.exec(select(table).where(table.run_id == run))
            )
            for table in (Graph, Community, Membership)
        ]


def _tops(engine: Engine, run_id: int) -> dict[str, int]:
    """Return the top community of each statement of a run."""
    with reading(engine) as session:
        stand = stand_of(session, run_of(session, run_id), stored_graph(session, run_id))
        return dict(zip(stand.table.ids, stand.standing.top().tolist(), strict=True))


def _full_cut(engine: Engine, run_id: int) -> float:
    """Return the modularity of the top level if the graph that a run has now is cut from nothing.

    The graph is the same for both: a full run would also weigh concepts anew.
    """
    with reading(engine) as session:
        table = stored_graph(session, run_id)
    columns = {name: table.edges[name] for name in ("head", "tail", "weight", *LAYERS)}
    graph = HybridGraph(statement_ids=tuple(table.ids), **columns)
    return round(leiden_hierarchy(graph, LeidenConfig(max_levels=1)).modularity, 6)


def _moved(before: dict[str, int], after: dict[str, int]) -> float:
    """Return the least share of statements that are in another community, however matched."""
    both = sorted(before.keys() & after.keys())
    one, other = (_numbers([held[i] for i in both]) for held in (before, after))
    common = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(common, (one, other), 1)
    rows, columns = linear_sum_assignment(-common)
    return round(float(1 - common[rows, columns].sum() / len(both)), 6)


def _numbers(values: Sequence[int]) -> NDArray[np.intp]:
    return np.unique(values, return_inverse=True)[1]


def _timed(work: Callable[[], Result]) -> tuple[Result, Seconds]:
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, Seconds(
        round(time.process_time() - cpu, 3), round(time.perf_counter() - wall, 3)
    )


if __name__ == "__main__":
    main()
