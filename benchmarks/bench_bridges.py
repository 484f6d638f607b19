"""Whether bridges are where they were planted, and nowhere else, and how long they take.

Two hierarchies of communities are drawn over the same statements, blindly and with the same
heavy-tailed sizes, so that whatever they share is chance. In half of the data sets, pairs of
communities are then made to share members on purpose (statements change places, so that no size
changes): a fifth, a third or a half of the smaller one, but at least four.

    python benchmarks/bench_bridges.py --json

prints precision and recall over the planted pairs, and on the null data sets, where everything
that is found is false, the share of data sets with any discovery and the mean share of false
discoveries (the same number there, since a list that is not empty is wholly false). Beside it
stand two ways to do without statistics: calling every overlap a bridge, and a threshold on the
index of Jaccard, at .1 and at the best that can be chosen by looking at the truth. A pair counts
as found if what is returned is the pair, or communities that contain them.

`false lists` does the same for the pages of single communities, in a real database; `stored` is
the time that such a page takes, in a database of so many statements.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from sqlalchemy import Engine, insert

from kg.bridges import overlaps_of as overlaps_of_one
from kg.crossings import crossings_between
from kg.db import open_engine, reading, writing
from kg.forest import CommunityRow, Forest, as_forest, overlaps_of
from kg.runs import recording, succeed
from kg.tables import Community, Membership, RunKind, Statement, StatementKind

SHARES = (0.2, 1 / 3, 0.5)
LEAST_SHARED = 4
LEAVES_PER_PARENT = 8
STATEMENTS_PER_PLANT = 100

Result = TypeVar("Result")
Ints = NDArray[np.int64]
Pair = tuple[str, str]


class NoConfig(BaseModel):
    """A configuration without settings."""


class Planted(NamedTuple):
    """Two runs over the same statements, and the pairs that share members on purpose."""

    here: Ints
    """Number of the deepest community of each statement in the first run."""

    there: Ints
    pairs: list[tuple[int, int]]


class Score(NamedTuple):
    """How well what was found agrees with what was planted."""

    precision: float
    recall: float
    n_found: int


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=10_000, help="statements")
    parser.add_argument("--seeds", type=int, default=20, help="data sets of either kind")
    parser.add_argument("--stored", type=int, default=10_000, help="statements in a database")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    measured = measure(arguments.n, arguments.seeds, arguments.stored)
    if arguments.json:
        print(json.dumps(measured, indent=2))
        return
    for name, value in measured.items():
        print(f"{name:<58}{value:>12}")


def measure(n: int, seeds: int, stored: int) -> dict[str, float]:
    """Return every number of the benchmark by name."""
    seconds: dict[str, float] = {}
    scores: dict[str, list[Score]] = {}
    nulls: dict[str, list[Score]] = {}
    for seed in range(seeds):
        for planted, kept in ((n // STATEMENTS_PER_PLANT, scores), (0, nulls)):
            data = plant(n, planted, np.random.default_rng([seed, planted]))
            for name, score in _scores(data, seconds).items():
                kept.setdefault(name, []).append(score)
    measured: dict[str, float] = {"statements": n, "data sets of either kind": seeds}
    for name in scores:
        found = scores[name]
        measured[f"precision, {name}"] = _mean([each.precision for each in found])
        measured[f"recall, {name}"] = _mean([each.recall for each in found])
    for name, found in nulls.items():
        measured[f"null data sets with a discovery, {name}"] = _mean([e.n_found > 0 for e in found])
        measured[f"false discovery proportion on null, {name}"] = _mean(
            [1 - each.precision for each in found]
        )
    for shared in (2, 3, 4, 6):
        measured[f"recall of {shared} shared, ours"] = _faint(n, shared, seeds)
    measured |= false_lists(min(n, 1_000), max(1, seeds // 4))
    if stored:
        measured |= read_stored(stored)
    timed = {f"cpu s, {name}": round(value / (2 * seeds), 4) for name, value in seconds.items()}
    return measured | timed


def plant(n: int, n_pairs: int, rng: np.random.Generator, shared: int | None = None) -> Planted:
    """Draw two runs over n statements, and make pairs of their communities share members.

    Args:
        n: Statements.
        n_pairs: Pairs, of communities that are in no other pair.
        rng: Makes everything random.
        shared: How many members each pair shares; default: by the sizes.
    """
    here, there = (_partition(n, rng) for _ in range(2))
    sizes_here, sizes_there = np.bincount(here), np.bincount(there)
    large_here, large_there = (
        rng.permutation(np.flatnonzero(sizes >= 2 * LEAST_SHARED))[:n_pairs]
        for sizes in (sizes_here, sizes_there)
    )
    fixed = np.zeros(n, dtype=bool)
    pairs = list(zip(large_here.tolist(), large_there.tolist(), strict=False))
    for place, (a, b) in enumerate(pairs):
        smaller = min(sizes_here[a], sizes_there[b])
        wanted = shared or max(LEAST_SHARED, round(SHARES[place % 3] * smaller))
        _let_share(here == a, there, b, wanted, fixed)
    return Planted(here, there, pairs)


def _partition(n: int, rng: np.random.Generator) -> Ints:
    """Draw communities of 5 to 200 statements, most of them small."""
    sizes: list[int] = []
    while sum(sizes) < n:
        sizes.append(int(np.clip(rng.lognormal(2.9, 0.8), 5, 200)))
    return rng.permutation(np.repeat(np.arange(len(sizes)), sizes)[:n])


def _let_share(
    inside: NDArray[np.bool_], there: Ints, b: int, wanted: int, fixed: NDArray[np.bool_]
) -> None:
    """Let statements of a community change places with members of b, until enough are shared.

    Which statements those are is no matter: the numbers of the communities are random.
    """
    held = there == b
    lacking = wanted - int((inside & held).sum())
    fixed |= inside & held
    come = np.flatnonzero(inside & ~held & ~fixed)[: max(0, lacking)]
    go = np.flatnonzero(held & ~inside & ~fixed)[: len(come)]
    there[go], there[come[: len(go)]] = there[come[: len(go)]], b
    fixed[come] = True


def forest(deepest: Ints, method: str) -> Forest:
    """Return a run of two levels: every few communities are the parts of one."""
    rows, memberships = rows_of(deepest, method)
    return as_forest(rows, memberships)


def rows_of(deepest: Ints, method: str) -> tuple[list[CommunityRow], list[tuple[str, str]]]:
    """Return the communities of a run of two levels, and who is in the deepest."""
    leaves = [
        f"{method}-run1-c{c // LEAVES_PER_PARENT}-c{c % LEAVES_PER_PARENT}"
        for c in range(int(deepest.max()) + 1)
    ]
    above = [leaf.rpartition("-")[0] for leaf in leaves]
    rows = [CommunityRow(top, None, "") for top in dict.fromkeys(above)]
    rows += [CommunityRow(leaf, top, "") for leaf, top in zip(leaves, above, strict=True)]
    return rows, [(_statement(i), leaves[c]) for i, c in enumerate(deepest.tolist())]


def _statement(number: int) -> str:
    return f"stm_{number:08d}"


def _scores(data: Planted, seconds: dict[str, float]) -> dict[str, Score]:
    here, there = forest(data.here, "a"), forest(data.there, "b")
    truth = [
        (_leaf(data.pairs, "a", 0, i), _leaf(data.pairs, "b", 1, i)) for i in range(len(data.pairs))
    ]
    ours = _timed(seconds, "all bridges of two runs", lambda: crossings_between(here, there))
    scores = {"ours": score([(each.here, each.there) for each in ours.strongest], truth)}
    overlaps = overlaps_of(here, there)
    leaves = (here.level[overlaps.before] == 1) & (there.level[overlaps.after] == 1)
    jaccard = overlaps.jaccard[leaves]
    pairs = [
        (here.ids[a], there.ids[b])
        for a, b in zip(overlaps.before[leaves], overlaps.after[leaves], strict=True)
    ]
    thresholds = {"every overlap": 0.0, "Jaccard of .1": 0.1}
    if truth:
        thresholds["best Jaccard"] = _best_threshold(pairs, jaccard, truth)
    for name, threshold in thresholds.items():
        kept = [pair for pair, j in zip(pairs, jaccard.tolist(), strict=True) if j >= threshold]
        scores[name] = score(kept, truth)
    return scores


def _leaf(pairs: Sequence[tuple[int, int]], method: str, side: int, at: int) -> str:
    number = pairs[at][side]
    return f"{method}-run1-c{number // LEAVES_PER_PARENT}-c{number % LEAVES_PER_PARENT}"


def score(found: Sequence[Pair], planted: Sequence[Pair]) -> Score:
    """Compare pairs that were found with pairs that were planted, the same or around them."""
    true = {around for a, b in planted for around in _around(a, b)}
    hits = sum(pair in true for pair in found)
    known = {*found}
    recalled = sum(any(pair in known for pair in _around(a, b)) for a, b in planted)
    return Score(
        precision=hits / len(found) if found else 1.0,
        recall=recalled / len(planted) if planted else 1.0,
        n_found=len(found),
    )


def _around(a: str, b: str) -> list[Pair]:
    return [
        (one, other) for one in (a, a.rpartition("-")[0]) for other in (b, b.rpartition("-")[0])
    ]


def _best_threshold(
    pairs: Sequence[Pair], jaccard: NDArray[np.float64], truth: Sequence[Pair]
) -> float:
    """Return the threshold with the best harmonic mean of precision and recall."""
    true = {*truth}
    order = np.argsort(-jaccard, kind="stable")
    hits = np.cumsum([pairs[at] in true for at in order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + len(truth))
    return float(jaccard[order[int(np.argmax(f1))]])


def _faint(n: int, shared: int, seeds: int) -> float:
    """Return the share of pairs found that share so few."""
    recalls = []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, shared, 1])
        data = plant(n, n // STATEMENTS_PER_PLANT, rng, shared)
        found = crossings_between(forest(data.here, "a"), forest(data.there, "b")).strongest
        truth = [
            (_leaf(data.pairs, "a", 0, i), _leaf(data.pairs, "b", 1, i))
            for i in range(len(data.pairs))
        ]
        recalls.append(score([(each.here, each.there) for each in found], truth).recall)
    return _mean(recalls)


def false_lists(n: int, seeds: int) -> dict[str, float]:
    """Return how many communities of blind runs list a significant bridge in a real database."""
    wrong: list[bool] = []
    for seed in range(seeds):
        engine = open_engine(None)
        data = plant(n, 0, np.random.default_rng([seed, 7]))
        names = store(engine, data)
        with reading(engine) as session:
            wrong += [
                any(bridge.is_significant for bridge in overlaps_of_one(session, name).bridges)
                for name in names
            ]
    return {"lists of one community, null": len(wrong), "false lists, null": _mean(wrong)}


def read_stored(n: int) -> dict[str, float]:
    """Return CPU seconds that the bridges of the largest and of a small community take."""
    engine = open_engine(None)
    data = plant(n, n // STATEMENTS_PER_PLANT, np.random.default_rng(0))
    store(engine, data)
    numbers = np.bincount(data.here)
    largest = int(np.argmax(numbers))
    seconds: dict[str, float] = {}
    with reading(engine) as session:
        for name, leaf in (("largest", largest), ("smallest", int(np.argmin(numbers)))):
            top = f"a-run1-c{leaf // LEAVES_PER_PARENT}"
            identifier = top if name == "largest" else f"{top}-c{leaf % LEAVES_PER_PARENT}"
            _timed(
                seconds,
                f"bridges of the {name} of {n} stored",
                lambda identifier=identifier: overlaps_of_one(session, identifier),
            )
    return {f"cpu s, {name}": round(value, 4) for name, value in seconds.items()}


def store(engine: Engine, data: Planted) -> list[str]:
    """Store two runs; returns the communities of the first."""
    statements = [
        {"id": _statement(i), "kind": StatementKind.CLAIM, "text": f"Statement {i}"}
        for i in range(len(data.here))
    ]
    with writing(engine) as session:
        session.execute(insert(Statement), statements)
    names: list[str] = []
    for method, deepest in (("a", data.here), ("b", data.there)):
        with (
            recording(engine, RunKind.CLUSTERING, method, NoConfig()) as run_id,
            writing(engine) as session,
        ):
            rows, memberships = rows_of(deepest, method)
            names += [row.id.replace("-run1-", f"-run{run_id}-") for row in rows]
            session.execute(insert(Community), [_community(row, run_id) for row in rows])
            session.execute(
                insert(Membership),
                [
                    {
                        "run_id": run_id,
                        "statement_id": statement,
                        "community_id": home.replace("-run1-", f"-run{run_id}-"),
                    }
                    for statement, home in memberships
                ],
            )
            succeed(session, run_id, {})
    return [name for name in names if name.startswith("a-")]


def _community(row: CommunityRow, run_id: int) -> dict[str, object]:
    own, above = (
        name and name.replace("-run1-", f"-run{run_id}-") for name in (row.id, row.parent_id)
    )
    return {
        "id": own,
        "run_id": run_id,
        "parent_id": above,
        "level": row.id.count("-c") - 1,
        "ordinal": int(row.id.rpartition("c")[2]),
        "link": own,
    }


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return round(float(np.mean(listed)), 4) if listed else 0.0


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Result]) -> Result:
    started = time.process_time()
    result = work()
    seconds[name] = seconds.get(name, 0.0) + time.process_time() - started
    return result


if __name__ == "__main__":
    main()
