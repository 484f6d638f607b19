"""Whether a statement is worth keeping: would someone who reads it alone learn something from it?

A sentence can be a claim and still be of no use by itself: a disclaimer, a contribution, a number
whose subject stands in the sentence before, what everybody knows. A second linear model tells
those apart. It was trained on sentences that the first one takes for statements, each judged by
one written standard (`worth_labels.jsonl`, by fingerprint): worth keeping is what says, read alone,
something that this document claims or found and that could be supported, refuted or compared.

It sees what the first model sees, and besides

- steps: how likely the sentence is a claim, a finding or cited; how close it is to the title,
  abstract and conclusion; how long it is;
- leanings: words that point to another sentence ("still", "these metrics", "the latter"), disclaim,
  announce or describe.

All features are binary, so a sentence's worth is the logistic function of a sum of weights, which
are in `worth.json` with the report of their training. `benchmarks/train_worth.py` makes them.
"""

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise, repeat
from typing import NamedTuple

from ingest.extractors.cues import CITATION, word_set
from ingest.extractors.features import GROUP_SCALES, Sentence

WORTH_SCALES = GROUP_SCALES | {
    "k": 0.7,  # steps
    "l": 1.0,  # leanings
}
"""Groups of features; smaller scales are regularised more."""

_STEPS = {
    "chance": (0.6, 0.7, 0.8, 0.9),
    "finding": (0.2, 0.4, 0.6, 0.8),
    "cited": (0.1, 0.2, 0.35),
    "central": (0.2, 0.3, 0.4, 0.5, 0.6, 0.75),
    "title": (1, 2, 3),
    "words": (9, 13, 18, 31, 46),
    "topical": (4, 6, 9, 14),
    "capitals": (1, 3),
    "numbers": (1, 3, 6),
}
"""What is measured, and the values from which on a feature of its own is set."""

_STEP_NAMES = {name: [f"k:{name}{step}" for step in steps] for name, steps in _STEPS.items()}

_LEANINGS = {
    "again": "still also again already likewise further remaining same other others another",
    "pair": "both either neither former latter respectively",
    "place": "above below earlier previous preceding following next aforementioned",
    "product": "benchmark dataset corpus paper survey study framework toolkit release protocol "
    "battery appendix repository",
    "novelty": "novel novelty contribution contributions gap",
    "effect": "achieves reaches yields outperforms improves reduces increases decreases drops "
    "rises falls fails collapses remains exceeds",
    "advice": "should must recommend",
}
_LEANING_OF = {word: f"l:{name}" for name, words in _LEANINGS.items() for word in words.split()}

_OPENERS = {
    "count": "one two three four five six seven eight all both each most some several none",
    "contrast": "however but yet instead rather conversely meanwhile nevertheless",
    "addition": "moreover furthermore also additionally second third finally next then first",
    "hence": "thus therefore hence so consequently",
    "condition": "if when under once because since while although whether",
    "pronoun": "it its they their he she",
}
_OPENER_OF = {word: f"l:opens_{name}" for name, words in _OPENERS.items() for word in words.split()}

_POINTERS = word_set("this these those such")
_VERBS = word_set(
    "is are was were does do did can may will shows show suggests suggest means implies indicates "
    "confirms confirm provides"
)
_OF_RESULTS = word_set(
    "result results finding findings effect effects pattern patterns phenomenon observation "
    "observations evidence analysis difference gap drop shift"
)
_OF_PAPER = word_set("paper work study article survey note thesis")
_FUNCTION = word_set("a an the of in on at to and or we as by for with from who which not no")
_PRONOUNS = word_set("it they he she its their")
_BEFORE_PRONOUN = word_set(", ; that and but ^")
_METHOD = word_set(
    "computed defined trained sampled drawn selected chosen repaired excluded labeled labelled "
    "scored estimated generated collected normalised normalized"
)
_WE_DESCRIBE = word_set(
    "use introduce present propose train evaluate consider define compare test apply measure study "
    "provide release treat frame position scope flag state note emphasise emphasize stress"
)
_WE_FIND = word_set("find found show observe observed demonstrate demonstrated")
_NOT_POINTED_WITH = _OF_RESULTS | _VERBS | _FUNCTION | _OF_PAPER
_PAIRS = {
    (first, second): f"l:{name}"
    for name, before, behind in (
        ("pronoun", _BEFORE_PRONOUN, _PRONOUNS),
        ("method", _VERBS, _METHOD),
        ("points_to_results", _POINTERS | {"that"}, _OF_RESULTS),
        ("points_bare", _POINTERS | {"that"}, _VERBS),
        ("we_describe", {"we"}, _WE_DESCRIBE),
        ("we_find", {"we"}, _WE_FIND),
    )
    for first in before
    for second in behind
}
"""What two neighbouring words do; no pair does two things."""

_LABEL = re.compile(r"[A-Z]{1,3}\d*[.:)\s(].{0,12}[:(]|[^:]{2,60}: |\(?[\divx]+[.)] ")
_DISCLAIMS = re.compile(
    r"\bwe (?:do not|don[’']t|make no|cannot) claim|\bno claim|\bmake no\b|\bclaim only|not a claim"
    r"|beyond the scope|to our knowledge|for the first time",
    re.IGNORECASE,
)
_DISCLAIMING = word_set("claim claims claimed make scope knowledge time")
"""Without any of these a sentence disclaims nothing; to look for what it may say is slow."""

_CAPITAL = re.compile(r" [(“]?[A-Z][\w-]")
_NUMBER = re.compile(r"\d[\d.,]*")


class Surroundings(NamedTuple):
    """What is known of a sentence from its document."""

    claim: float
    """The probability that it is a claim, in [0, 1]."""

    finding: float
    cited: float
    centrality: float
    """In [0, 1], as in `salience`."""

    title: frozenset[str]
    """The topical words of the document's title."""


class WorthModel(NamedTuple):
    """Weights of features, and their sum for a sentence that has none."""

    weights: Mapping[str, float]
    bias: float

    def worth(self, names: Iterable[str], more: float = 0.0) -> float:
        """Return the probability, in [0, 1], that a sentence with these features is worth it.

        Args:
            names: Features.
            more: The sum of the weights of those that are not named.
        """
        total = self.bias + more + math.fsum(map(self.weights.get, names, repeat(0.0)))
        return 1 / (1 + math.exp(-total))


def worth_features(
    names: Sequence[str], sentence: Sentence, surroundings: Surroundings
) -> list[str]:
    """Return the features of a sentence: those of the first model, steps and leanings."""
    return [*names, *_steps(sentence, surroundings), *_leanings(sentence)]


def _steps(sentence: Sentence, around: Surroundings) -> Iterator[str]:
    topical = set(sentence.topical)
    has_numbers = "0" in sentence.words or CITATION in sentence.words
    measured = {
        "chance": around.claim + around.finding,
        "finding": around.finding,
        "cited": around.cited,
        "central": around.centrality,
        "title": len(topical & around.title),
        "words": len([word for word in sentence.words if word[0].isalpha()]),
        "topical": len(topical),
        "capitals": len(_CAPITAL.findall(sentence.text)),
        "numbers": len(_NUMBER.findall(sentence.text)) if has_numbers else 0,
    }
    for name, value in measured.items():
        yield from _STEP_NAMES[name][: bisect_right(_STEPS[name], value)]


def _leanings(sentence: Sentence) -> set[str]:
    words, text = sentence.words, sentence.text
    found = set(map(_LEANING_OF.__getitem__, _LEANING_OF.keys() & words))
    found.update(map(_PAIRS.__getitem__, _PAIRS.keys() & pairwise(("^", *words))))
    if not _POINTERS.isdisjoint(words) and any(map(_points, words, words[1:])):
        found.add("l:points_to_other")
    if words and words[0] in _OPENER_OF:
        found.add(_OPENER_OF[words[0]])
    if _LABEL.match(text):
        found.add("l:label")
    if not _DISCLAIMING.isdisjoint(words) and _DISCLAIMS.search(text):
        found.add("l:disclaims")
    if text[-1:] != ".":
        found.add("l:unended")
    return found


def _points(first: str, second: str) -> bool:
    """Say whether "this", "these" or "such" points with a noun that is neither result nor paper."""
    return first in _POINTERS and second not in _NOT_POINTED_WITH and second.isalpha()


@lru_cache(maxsize=1)
def shipped_worth() -> WorthModel:
    """Return the model that the package carries, read on the first call."""
    text = files("ingest.extractors").joinpath("worth.json").read_text(encoding="utf-8")
    content = json.loads(text)
    return WorthModel(content["weights"], content["bias"])
