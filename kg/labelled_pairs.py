"""Pairs of statements with a label, and how well a rule finds those that say the same.

A line of the file is JSON: `a`, `b` and `relation` (same, contradicts, refines, supports, related,
unrelated); optionally `a_note` and `b_note`, a `glossary` of what short forms stand for, and the
`family` of pairs that share a sentence. A family is held out if its name begins with "held", and
for development otherwise, so that no sentence is in both parts.

Beside the rule stand plain cosine and the token-set ratio, each at the threshold that is best for
it, the rule that needs a cosine of 0.70 and a token-set ratio of 80, and taking every pair for the
same. Intervals of precision and recall are Wilson's (1927, doi:10.1080/01621459.1927.10502953);
that of F1 is a bootstrap over families.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from kg.duplicates import SAYS_THE_SAME, DuplicateConfig, Relation, Saying, compared
from kg.embedders import Embedder
from kg.embeddings import embedded_text
from kg.phrases import folded_words

_Z = 1.959964
_DRAWS = 1000


class PairRelation(StrEnum):
    """What a reader says two statements are to each other."""

    SAME = "same"
    CONTRADICTS = "contradicts"
    REFINES = "refines"
    SUPPORTS = "supports"
    RELATED = "related"
    UNRELATED = "unrelated"


class LabelledPair(BaseModel):
    """Two statements and what a reader says they are to each other."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", use_attribute_docstrings=True, str_strip_whitespace=True
    )

    a: str = Field(min_length=1)
    b: str = Field(min_length=1)
    relation: PairRelation
    a_note: str = ""
    b_note: str = ""
    glossary: dict[str, list[str]] = Field(default_factory=dict)
    family: str = ""
    """Pairs of one family share sentences; empty if nothing says."""

    @property
    def is_development(self) -> bool:
        """It belongs to the part that rules may be tuned on."""
        return not self.family.startswith("held")


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


class PairScore(NamedTuple):
    """How well a rule finds the pairs that say the same."""

    precision: float
    recall: float
    f1: float
    precision_interval: Interval
    recall_interval: Interval
    f1_interval: Interval
    n: int
    n_same: int


class Baseline(NamedTuple):
    """A simple method on the same pairs."""

    score: PairScore
    threshold: float | None
    """From which value on it takes a pair for the same; none if it has no such value."""


class Mistake(NamedTuple):
    """A pair that a rule and a reader see differently."""

    number: int
    """Its place among the pairs, from 1."""

    pair: LabelledPair
    found: str
    reasons: tuple[str, ...]


class PairReport(NamedTuple):
    """The rule and the baselines on the same pairs."""

    rule: PairScore
    automatic: PairScore
    """Of what the rule would merge without asking."""

    baselines: dict[str, Baseline]
    confusions: Counter[tuple[str, str]]
    """How often the reader's relation, first, was found to be the second."""

    mistakes: list[Mistake]


def pair_cosines(pairs: Sequence[LabelledPair], embedder: Embedder) -> list[float]:
    """Return the cosine of each pair, of text and note, as the graph's vectors are."""
    texts = [
        embedded_text(text, note)
        for pair in pairs
        for text, note in ((pair.a, pair.a_note), (pair.b, pair.b_note))
    ]
    distinct = sorted(set(texts))
    row = {text: index for index, text in enumerate(distinct)}
    vectors = embedder.embed(distinct)
    return [
        float(vectors[row[one]] @ vectors[row[two]])
        for one, two in zip(texts[::2], texts[1::2], strict=True)
    ]


def pair_report(
    pairs: Sequence[LabelledPair],
    cosines: Sequence[float],
    config: DuplicateConfig | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> PairReport:
    """Compare the rule with the baselines.

    Args:
        pairs: What a reader says.
        cosines: Of each pair.
        config: Of the rule.
        thresholds: Of the baselines, by name; where there is none, the best on these very pairs,
            which favours the baseline.
    """
    found = [
        _found(pair, cosine, config or DuplicateConfig())
        for pair, cosine in zip(pairs, cosines, strict=True)
    ]
    return PairReport(
        rule=pair_score(pairs, [relation in SAYS_THE_SAME for relation, _ in found]),
        automatic=pair_score(pairs, [relation == Relation.SAME for relation, _ in found]),
        baselines=_baselines(pairs, cosines, thresholds or {}),
        confusions=Counter(
            (pair.relation.value, relation)
            for pair, (relation, _) in zip(pairs, found, strict=True)
        ),
        mistakes=[
            Mistake(number, pair, relation, reasons)
            for number, (pair, (relation, reasons)) in enumerate(
                zip(pairs, found, strict=True), start=1
            )
            if (relation in SAYS_THE_SAME) != (pair.relation is PairRelation.SAME)
        ],
    )


def _found(
    pair: LabelledPair, cosine: float, config: DuplicateConfig
) -> tuple[str, tuple[str, ...]]:
    """Return what the rule takes a pair for, and why."""
    glossary = {short: set(longs) for short, longs in pair.glossary.items()}
    a, b = Saying(pair.a, pair.a_note), Saying(pair.b, pair.b_note)
    found = compared(a, b, cosine, glossary, config)
    is_far = cosine < config.min_cosine and found.relation not in SAYS_THE_SAME
    return ("unrelated" if is_far else found.relation.value), found.reasons


def _baselines(
    pairs: Sequence[LabelledPair], cosines: Sequence[float], thresholds: Mapping[str, float]
) -> dict[str, Baseline]:
    words = [token_set_ratio(pair.a, pair.b) for pair in pairs]
    found: dict[str, Baseline] = {}
    for name, scores in (("cosine", cosines), ("token_set_ratio", words)):
        least = thresholds.get(name)
        least = best_threshold(pairs, scores, _f1) if least is None else least
        found[name] = Baseline(pair_score(pairs, [score >= least for score in scores]), least)
    both = [cosine >= 0.7 and ratio >= 80 for cosine, ratio in zip(cosines, words, strict=True)]
    found["cosine_and_words"] = Baseline(pair_score(pairs, both), None)
    found["everything_same"] = Baseline(pair_score(pairs, [True] * len(pairs)), None)
    return found


def pair_score(pairs: Sequence[LabelledPair], found: Sequence[bool]) -> PairScore:
    """Return how well `found` tells the pairs that say the same; 0 where nothing was found."""
    same = np.array([pair.relation is PairRelation.SAME for pair in pairs], dtype=bool)
    said = np.array(found, dtype=bool)
    right = int((same & said).sum())
    return PairScore(
        precision=_share(right, int(said.sum())),
        recall=_share(right, int(same.sum())),
        f1=_f1(same, said),
        precision_interval=wilson(right, int(said.sum())),
        recall_interval=wilson(right, int(same.sum())),
        f1_interval=_bootstrap([pair.family for pair in pairs], same, said),
        n=len(pairs),
        n_same=int(same.sum()),
    )


_Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def best_threshold(
    pairs: Sequence[LabelledPair],
    scores: Sequence[float],
    worth: Callable[[_Flags, _Flags], float],
) -> float:
    """Return the score from which on calling pairs the same is worth most; ties to the lowest."""
    same = np.array([pair.relation is PairRelation.SAME for pair in pairs], dtype=bool)
    values = np.array(scores)
    return max(
        sorted({float(value) for value in values}),
        key=lambda threshold: worth(same, values >= threshold),
        default=1.0,
    )


def token_set_ratio(a: str, b: str) -> float:
    """Return the token-set ratio of two texts, in [0, 100], by words without case and plural.

    The shared words against those and the rest of either side, twice the common length over the
    total, and the best of the three: 100 where one text's words are among the other's.
    """
    one, two = set(folded_words(a)), set(folded_words(b))
    shared = len(" ".join(sorted(one & two)))
    full = [len(" ".join(sorted(words))) for words in (one, two)]
    if not shared:
        return 0.0
    return max(200 * shared / (x + y) for x, y in ((shared, full[0]), (shared, full[1]), full))


def wilson(right: int, n: int) -> Interval:
    """Return Wilson's 95 % interval of a share; [0, 1] of nothing."""
    if not n:
        return Interval(0.0, 1.0)
    share = right / n
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def _bootstrap(families: Sequence[str], same: _Flags, said: _Flags) -> Interval:
    names = [family or f"#{index}" for index, family in enumerate(families)]
    order = {name: number for number, name in enumerate(sorted(set(names)))}
    if not order:
        return Interval(0.0, 1.0)
    counts = np.zeros((len(order), 3))
    for name, is_same, is_said in zip(names, same.tolist(), said.tolist(), strict=True):
        counts[order[name]] += (is_same and is_said, is_same, is_said)
    draws = np.random.default_rng(0).integers(len(order), size=(_DRAWS, len(order)))
    right, n_same, n_said = counts[draws].sum(axis=1).T
    scores = 2 * right / np.maximum(n_same + n_said, 1)
    low, high = np.percentile(scores, [2.5, 97.5])
    return Interval(float(low), float(high))


def _f1(same: _Flags, said: _Flags) -> float:
    return _share(2 * int((same & said).sum()), int(same.sum() + said.sum()))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
