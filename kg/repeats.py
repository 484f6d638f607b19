"""Which of many statements say the same, and the groups that they make.

1. Candidates are each statement's nearest neighbours by cosine, never all pairs.
2. Each candidate is compared (`kg.duplicates`), short forms spelt out as the sources of the two do.
3. Groups grow by the surest pair first, and only while every two members agree (complete linkage):
   no chain a, b, c joins an a and a c that disagree. Members that were no candidates of each other
   are compared when it comes to that.

Whatever the order of the statements, the same groups come out, if they are given by id.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pydantic import Field

from kg.duplicates import SAYS_THE_SAME, Comparison, DuplicateConfig, Relation, Saying, compared
from kg.embedders import Vectors
from kg.grounding import Glossary
from kg.neighbours import nearest_neighbours


class RepeatConfig(DuplicateConfig):
    """How statements that say the same are looked for."""

    neighbours: int = Field(default=10, ge=1)
    """How many nearest statements of each are compared with it."""


class Pair(NamedTuple):
    """Two statements that have to do with each other; a and b are indices, a < b."""

    a: int
    b: int
    cosine: float
    comparison: Comparison

    @property
    def relation(self) -> Relation:
        """What they are to each other."""
        return self.comparison.relation


class Repeats(NamedTuple):
    """What was found among many statements."""

    pairs: list[Pair]
    """By a, then b."""

    groups: list[tuple[int, ...]]
    """Of statements that say the same, each sorted, by first member."""


def repeats(
    statements: Sequence[Saying],
    vectors: Vectors,
    glossaries: Sequence[Glossary] = (),
    config: RepeatConfig | None = None,
) -> Repeats:
    """Return the pairs of statements that have to do with each other, and the groups.

    Args:
        statements: In the order of their ids.
        vectors: Of length 1, one for each: [n, d].
        glossaries: What short forms stand for in the sources of each; none at all if empty.
        config: How to look.
    """
    settings = config or RepeatConfig()
    spelt = glossaries or [{}] * len(statements)

    def compare(i: int, j: int, cosine: float) -> Pair:
        glossary = _joined(spelt[i], spelt[j])
        return Pair(
            i, j, cosine, compared(statements[i], statements[j], cosine, glossary, settings)
        )

    pairs = [
        compare(i, j, cosine)
        for (i, j), cosine in _candidates(vectors, settings)
        if cosine >= settings.min_cosine
    ]
    return Repeats(pairs, groups(pairs, lambda i, j: compare(i, j, float(vectors[i] @ vectors[j]))))


def groups(pairs: Iterable[Pair], compare: Callable[[int, int], Pair]) -> list[tuple[int, ...]]:
    """Return the groups of statements that are the same, each sorted, by first member.

    Args:
        pairs: That were compared.
        compare: Compares two members that were not, the lower index first.
    """
    known = {(pair.a, pair.b): pair for pair in pairs}
    sure = [pair for pair in known.values() if pair.relation is Relation.SAME]
    group_of: dict[int, tuple[int, ...]] = {}

    def agree(i: int, j: int) -> bool:
        key = (min(i, j), max(i, j))
        if key not in known:
            known[key] = compare(*key)
        return known[key].relation in (*SAYS_THE_SAME, Relation.MAYBE_SAME)

    for pair in sorted(sure, key=lambda each: (-each.comparison.score, each.a, each.b)):
        one = group_of.get(pair.a, (pair.a,))
        two = group_of.get(pair.b, (pair.b,))
        if one != two and all(agree(i, j) for i in one for j in two):
            joined = tuple(sorted({*one, *two}))
            group_of.update(dict.fromkeys(joined, joined))
    return sorted(set(group_of.values()))


def _candidates(vectors: Vectors, config: RepeatConfig) -> list[tuple[tuple[int, int], float]]:
    near = nearest_neighbours(vectors, config.neighbours)
    found: dict[tuple[int, int], float] = {}
    for i, (row, cosines) in enumerate(
        zip(near.indices.tolist(), near.cosines.tolist(), strict=True)
    ):
        for j, cosine in zip(row, cosines, strict=True):
            found[min(i, j), max(i, j)] = cosine
    return sorted(found.items())


def _joined(one: Glossary, two: Glossary) -> Glossary:
    if one is two or not two:
        return one
    joined: dict[str, set[str]] = {short: set(longs) for short, longs in one.items()}
    for short, longs in two.items():
        joined.setdefault(short, set()).update(longs)
    return joined
