"""Labels of planted topics, matched to their topics by an embedding: ours beside baselines.

An LFR graph (Lancichinetti, Fortunato & Radicchi, 2008, doi:10.1103/PhysRevE.78.046110) gives the
sizes of communities and who is tied to whom; each community gets a topic of
`benchmarks.label_topics`, and each node a statement. A node whose edges leave its community says
something of the other topic with that probability, and some statements are half on another topic.
Labels are made from the statements alone. The judge, MiniLM, reads a label and says which of the
topics (name and description) is nearest; a label counts if that is its own.

    python benchmarks/bench_labels.py --json

prints accuracy over all communities of several graphs, for our labeller, for baselines on the
same communities, and for the topics' own names, which no labeller can be expected to pass; and
how often two communities of one graph have the same label.
"""

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from math import log
from pathlib import Path
from typing import NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from benchmarks.label_topics import ASIDES, FRAMES, TOPICS, Topic
from kg.embedders import Embedder, open_embedder
from kg.labellers.offline import OfflineLabeller
from kg.labellers.task import Frequencies, LabellingTask, Member
from kg.phrases import FUNCTION_WORDS, phrases_of
from kg.tables import StatementKind

CASES = Path(__file__).parent.parent / "tests" / "data" / "labels.jsonl"
"""Labelled cases for the grounding check (`claimgraph evaluate labels`)."""

MIXINGS = (0.1, 0.2, 0.3, 0.4)
HALF_ON_ANOTHER = 0.1
_WORD = re.compile(r"[a-z][a-z-]{2,}")


class Planted(NamedTuple):
    """A community whose topic is known."""

    topic: Topic
    members: tuple[Member, ...]


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=600, help="statements of a graph")
    parser.add_argument("--graphs", type=int, default=3, help="graphs per mixing")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--show", action="store_true", help="print the labels that were missed")
    arguments = parser.parse_args()
    measured = measure(arguments.n, arguments.graphs, arguments.seed, show=arguments.show)
    if arguments.json:
        print(json.dumps(measured, indent=2))
        return
    for name, value in measured.items():
        print(f"{name:<44}{value:>10}")


def measure(
    n: int, n_graphs: int, seed: int, mixings: Sequence[float] = MIXINGS, *, show: bool = False
) -> dict[str, float]:
    """Return every number of the benchmark by name."""
    judge = Judge(open_embedder("minilm"))
    right: Counter[str] = Counter()
    by_mixing: Counter[float] = Counter()
    per_mixing: Counter[float] = Counter()
    seconds, n_communities, n_twice = 0.0, 0, 0
    for mixing in mixings:
        for at in range(n_graphs):
            rng = random.Random(f"{seed} {mixing} {at}")  # noqa: S311
            planted = plant(n, mixing, rng)
            started = time.process_time()
            labels = {"ours": ours(planted)}
            seconds += time.process_time() - started
            labels |= {name: make(planted, rng) for name, make in BASELINES.items()}
            n_communities += len(planted)
            per_mixing[mixing] += len(planted)
            n_twice += len(planted) - len({label.casefold() for label in labels["ours"]})
            for name, given in labels.items():
                verdicts = judge.verdicts(given, [each.topic for each in planted])
                right[name] += sum(verdicts)
                if name == "ours":
                    by_mixing[mixing] += sum(verdicts)
                    _show_missed(planted, given, verdicts, show=show)
    return {
        "communities": n_communities,
        "accuracy": round(right["ours"] / n_communities, 4),
        **{f"accuracy, {name}": round(right[name] / n_communities, 4) for name in BASELINES},
        **{
            f"accuracy at mixing {mixing}": round(by_mixing[mixing] / per_mixing[mixing], 4)
            for mixing in mixings
        },
        "labels_given_twice_in_a_graph": n_twice,
        "cpu_seconds": round(seconds, 3),
    }


def plant(n: int, mixing: float, rng: random.Random) -> list[Planted]:
    """Return communities of statements with a topic each; there are as many topics as needed."""
    graph = nx.LFR_benchmark_graph(
        n,
        tau1=2.5,
        tau2=1.5,
        mu=mixing,
        average_degree=10,
        max_degree=30,
        min_community=12,
        max_community=60,
        max_iters=1000,
        seed=rng.randrange(2**31),
    )
    held = sorted({frozenset(graph.nodes[node]["community"]) for node in graph}, key=min)
    topics = rng.sample(TOPICS, min(len(held), len(TOPICS)))
    topic_of = {node: topic for nodes, topic in zip(held, topics, strict=False) for node in nodes}
    planted: list[Planted] = []
    for nodes, topic in zip(held, topics, strict=False):
        members = []
        for node in sorted(nodes):
            near = [topic_of[other] for other in sorted(graph[node]) if other in topic_of]
            inside = sum(other in nodes for other in graph[node])
            text = said(topic, rng.choice(near) if near else topic, rng)
            kind = rng.choice(list(StatementKind))
            members.append(Member(f"stm_{node:05d}", kind, text, centrality=float(inside)))
        planted.append(Planted(topic, tuple(members)))
    return planted


def said(topic: Topic, neighbour: Topic, rng: random.Random) -> str:
    """Return a statement on a topic, which may mention a topic that it is tied to."""
    own = [term for at, term in enumerate(topic.terms) for _ in range(len(topic.terms) - at)]
    a = rng.choice(own)
    b = rng.choice([term for term in own if term != a])
    if rng.random() < HALF_ON_ANOTHER:
        b = rng.choice(rng.choice(TOPICS).terms)
    o = rng.choice(neighbour.terms)
    frames = FRAMES if neighbour is not topic else [frame for frame in FRAMES if "{o}" not in frame]
    text = rng.choice(frames)
    if rng.random() < 0.5:
        asides = [aside for aside in ASIDES if "{o}" not in aside or neighbour is not topic]
        text += f", {rng.choice(asides)}"
    return text.format(a=a, b=b, o=o, A=a[0].upper() + a[1:], n=rng.randrange(5, 95))


def ours(planted: Sequence[Planted]) -> list[str]:
    """Return the offline labeller's names, one community after the other."""
    texts = [member.text for each in planted for member in each.members]
    whole = Frequencies(len(texts), Counter(key for text in texts for key in phrases_of(text)))
    taken: list[str] = []
    for each in planted:
        task = LabellingTask(
            community_id="c0",
            members=each.members,
            run=whole,
            parent=whole,
            glossary={},
            taken=frozenset(label.casefold() for label in taken),
        )
        taken.append(OfflineLabeller().label(task).label)
    return taken


class Judge:
    """Says which topic a label is nearest to."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._topics = self._vectors([f"{topic.name}: {topic.description}" for topic in TOPICS])

    def verdicts(self, labels: Sequence[str], topics: Sequence[Topic]) -> list[bool]:
        """Say of each label whether the nearest of all topics is its own."""
        nearest = (self._vectors(labels) @ self._topics.T).argmax(axis=1)
        return [TOPICS[at] is topic for at, topic in zip(nearest, topics, strict=True)]

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(self._embedder.embed(list(texts)))


def _words(members: Sequence[Member]) -> Counter[str]:
    found = Counter(word for member in members for word in _WORD.findall(member.text.casefold()))
    return Counter({word: n for word, n in found.items() if word not in FUNCTION_WORDS})


def most_frequent_word(planted: Sequence[Planted], _rng: random.Random) -> list[str]:
    """Name each community by the content word that its members say most."""
    return [_words(each.members).most_common(1)[0][0] for each in planted]


def first_words(planted: Sequence[Planted], rng: random.Random) -> list[str]:
    """Name each community by the first six words of a member drawn at random."""
    return [" ".join(rng.choice(each.members).text.split()[:6]) for each in planted]


def tf_idf(planted: Sequence[Planted], _rng: random.Random) -> list[str]:
    """Name each community by its three words of the highest class-based TF-IDF."""
    counts = [_words(each.members) for each in planted]
    total = sum(counts, Counter[str]())
    mean = sum(total.values()) / len(counts)
    return [
        ", ".join(
            sorted(own, key=lambda word: (-own[word] * log(1 + mean / total[word]), word))[:3]
        )
        for own in counts
    ]


def own_names(planted: Sequence[Planted], _rng: random.Random) -> list[str]:
    """Name each community by the name of its topic: what the judge can tell at best."""
    return [each.topic.name for each in planted]


BASELINES: dict[str, Callable[[Sequence[Planted], random.Random], list[str]]] = {
    "most frequent word": most_frequent_word,
    "first words of a member": first_words,
    "TF-IDF, three words": tf_idf,
    "the topics' own names": own_names,
}


def _show_missed(
    planted: Sequence[Planted], labels: Sequence[str], verdicts: Sequence[bool], *, show: bool
) -> None:
    for each, label, is_right in zip(planted, labels, verdicts, strict=True):
        if show and not is_right:
            print(f"missed: {each.topic.name} ({len(each.members)}): {label}")


if __name__ == "__main__":
    main()
