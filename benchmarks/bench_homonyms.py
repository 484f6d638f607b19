"""How well words with two meanings are told apart, beside telling none apart.

The cases are sentences written for this project: words in two meanings, and as controls words in
one meaning that the sentences use on many occasions. Thresholds were chosen on the development
part. But: figures of the test part were seen while the method was being made.

    python benchmarks/bench_homonyms.py --json

prints, for each part: precision and recall of the words that are told apart; precision and recall
of the pairs of statements that are kept apart, among all pairs that share a word of two meanings or
a control; and how many ties of the concept layer run between two meanings of a word, with senses
and without. `--n` measures the CPU seconds for so many statements with random vectors.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from kg.concepts import Concepts, concept_neighbours, concepts_of, lined_up
from kg.embedders import Vectors, open_embedder
from kg.homonyms import NO_ORIGINS, HomonymConfig, Origins, told_apart
from kg.hybrid_graph import GraphConfig
from kg.phrases import folded_words

_A_SOURCE = 4
"""Sentences that use a word, of each source."""

CASES = Path(__file__).parents[1] / "tests" / "data" / "homonyms.jsonl"


class Case(BaseModel):
    """A sentence with the word that it was written for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: str
    """`development` or `test`."""

    concept: str
    sense: str
    """In which meaning the word is used; empty for a word of one meaning."""

    text: str


class Score(NamedTuple):
    """How well the words of a part are told apart."""

    homonyms: int
    controls: int
    precision: float
    recall: float
    pair_precision: float
    pair_recall: float
    ties_between_senses: int
    ties: int


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=100_000, help="statements whose time is measured")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    cases = read_cases(CASES)
    vectors = open_embedder("minilm").embed([case.text for case in cases])
    never = HomonymConfig(max_cosine=-1)
    measured = {
        name: {
            part: scores(cases, vectors, part, config)._asdict() for part in ("development", "test")
        }
        for name, config in (("ours", HomonymConfig()), ("never_split", never))
    }
    measured["speed"] = {str(arguments.n): {"cpu_seconds": seconds(arguments.n)}}
    if arguments.json:
        print(json.dumps(measured, indent=2))
        return
    for name, parts in measured.items():
        for part, values in parts.items():
            words = ", ".join(f"{key} {value:.3g}" for key, value in values.items())
            print(f"{name:<12}{part:<12} {words}")


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file of JSON lines."""
    return [
        Case.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()
    ]


def scores(cases: list[Case], vectors: Vectors, part: str, config: HomonymConfig) -> Score:
    """Return how well a configuration tells the words of a part apart, among all the sentences."""
    ids = [f"s{place:04d}" for place in range(len(cases))]
    plain = concepts_of([(one, case.text) for one, case in zip(ids, cases, strict=True)])
    found = told_apart(plain, vectors, ids, Origins(_sources(cases, ids)), config)
    uses: dict[str, list[tuple[str, str]]] = {}
    for one, case in zip(ids, cases, strict=True):
        if case.part == part:
            key = " ".join(folded_words(case.concept))
            sense = next(name for name in found.concepts[one] if name.split("·")[0] == key)
            uses.setdefault(key, []).append((case.sense, sense))
    homonyms = {key for key, each in uses.items() if each[0][0]}
    split = {key for key, each in uses.items() if len({sense for _, sense in each}) > 1}
    apart = list(_pairs(uses))
    kept_apart = [truly for truly, is_apart in apart if is_apart]
    between = _ties_between(cases, lined_up(found.concepts, ids), part)
    return Score(
        homonyms=len(homonyms),
        controls=len(uses) - len(homonyms),
        precision=len(split & homonyms) / len(split) if split else 1.0,
        recall=len(split & homonyms) / len(homonyms),
        pair_precision=sum(kept_apart) / len(kept_apart) if kept_apart else 1.0,
        pair_recall=sum(kept_apart) / sum(truly for truly, _ in apart),
        ties_between_senses=between[0],
        ties=between[1],
    )


def seconds(n: int) -> float:
    """Return the CPU seconds for statements with five words each of their field, and topics."""
    rng = np.random.default_rng(0)
    topic = rng.integers(0, max(1, n // 50), n)
    field = topic // 25
    of_field = rng.normal(size=(field.max() + 1, 384))[field]
    of_topic = rng.normal(size=(topic.max() + 1, 384))[topic]
    vectors = (of_field + 0.7 * of_topic + rng.normal(size=(n, 384))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    share = 1 / np.arange(1, 251) ** 0.9
    words = field[:, None] * 250 + rng.choice(250, size=(n, 5), p=share / share.sum())
    ids = [f"s{place:07d}" for place in range(n)]
    rows = [frozenset(f"w{word}" for word in row) for row in words.tolist()]
    concepts = dict(zip(ids, rows, strict=True))
    started = time.process_time()
    told_apart(concepts, vectors, ids, NO_ORIGINS, HomonymConfig())
    return round(time.process_time() - started, 3)


def _sources(cases: list[Case], ids: list[str]) -> dict[str, list[str]]:
    """Return a source for each four sentences in a row that use a word in the same meaning."""
    seen: Counter[tuple[str, str]] = Counter()
    sources: dict[str, list[str]] = {}
    for one, case in zip(ids, cases, strict=True):
        use = case.concept, case.sense
        sources[one] = [f"{case.concept} {case.sense} {seen[use] // _A_SOURCE}"]
        seen[use] += 1
    return sources


def _pairs(uses: Mapping[str, list[tuple[str, str]]]) -> Iterator[tuple[bool, bool]]:
    """Yield for each two statements with one word whether they are, and are held, apart."""
    for each in uses.values():
        for (true, found), (other_true, other_found) in combinations(each, 2):
            yield true != other_true, found != other_found


def _ties_between(cases: list[Case], concepts: Concepts, part: str) -> tuple[int, int]:
    """Return how many ties of the concept layer run between two meanings of a word, and of all."""
    config = GraphConfig()
    near = concept_neighbours(concepts, config.k_concepts, config.max_concept_share, len(concepts))
    pairs = zip(near.row.tolist(), near.other.tolist(), strict=True)
    ties = {(min(pair), max(pair)) for pair in pairs}
    ends = [(cases[one], cases[other]) for one, other in ties]
    between = [
        one.concept == other.concept and one.sense != other.sense
        for one, other in ends
        if one.part == other.part == part
    ]
    return sum(between), len(between)


if __name__ == "__main__":
    main()
