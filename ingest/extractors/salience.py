"""How much a statement matters to its document: where it stands, what it touches, how it is put.

A classifier finds statements; a graph wants the ones a reader would name. Three signs, each in
[0, 1], are averaged and then lowered for sentences that do not stand on their own:

- the section's *prior*: abstracts and conclusions state what matters, related work does not;
- *centrality*: the cosine between the TF-IDF vector of the sentence and that of the title,
  abstract, introduction and conclusion (Luhn 1958, doi:10.1147/rd.22.0159; Erkan & Radev 2004,
  LexRank, doi:10.1613/jair.1523, with the document's own summary as the centre);
- *weight*: cues with which authors mark a result or a position as their own.
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain, repeat
from operator import mul

from ingest.extractors.features import Sentence

SECTION_PRIORS = {
    "abstract": 1.0,
    "conclusion": 0.9,
    "introduction": 0.75,
    "discussion": 0.75,
    "results": 0.75,
    "assertion": 0.7,
    "other": 0.6,
    "limitations": 0.5,
    "method": 0.35,
    "related": 0.3,
    "appendix": 0.2,
}
"""By the section's role; anything else counts as "other"."""

_FOCUS = frozenset({"abstract", "introduction", "conclusion"})

_WEIGHTS = {
    "own_report": 0.5,
    "measure": 0.4,
    "stance": 0.3,
    "degree": 0.2,
    "compare": 0.2,
    "effect": 0.2,
    "quantity": 0.2,
    "reading": 0.2,
    "result": 0.2,
    "superlative": 0.1,
}
"""Cues of a statement put forward as the authors' own; a sentence has at most 1 in all."""

_PENALTIES = {
    "deictic": 0.25,
    "example": 0.12,
    "method": 0.08,
    "leaning": 0.04,
    "would": 0.04,
    "may": 0.04,
}
"""Cues of a sentence that leans on another, illustrates, describes, or only ventures."""


def salience(sentence: Sentence, role: str, centrality: float) -> float:
    """Return how much a sentence matters, in [0, 1].

    Args:
        sentence: The sentence.
        role: The role of its section.
        centrality: Its closeness to what the document is about, in [0, 1] (`centralities`).
    """
    prior = SECTION_PRIORS.get(role, SECTION_PRIORS["other"])
    weight = min(1.0, sum(_WEIGHTS.get(cue, 0.0) for cue in sentence.cues))
    penalty = sum(_PENALTIES.get(cue, 0.0) for cue in sentence.cues)
    return max(0.0, min(1.0, 0.4 * prior + 0.35 * centrality + 0.25 * weight - penalty))


def centralities(
    title: Sentence, sections: Sequence[tuple[str, Sequence[Sentence]]]
) -> list[float]:
    """Return cosines with the document's focus, divided by the largest of them.

    Args:
        title: The document's title, taken apart.
        sections: The role and the sentences of each section.
    """
    bags = [Counter(sentence.topical) for _, sentences in sections for sentence in sentences]
    in_focus = [role in _FOCUS for role, sentences in sections for _ in sentences]
    spread = Counter(chain.from_iterable(bags))
    rarity = {word: math.log((1 + len(bags)) / n) for word, n in spread.items()}
    focus = Counter(title.topical)
    is_all_focus = not any(in_focus)
    for bag, is_focus in zip(bags, in_focus, strict=True):
        if is_focus or is_all_focus:
            focus.update(bag)
    centre = {word: (1 + math.log(n)) * rarity.get(word, 0.0) for word, n in focus.items()}
    length = math.hypot(*centre.values())
    cosines = [_cosine(bag, rarity, centre, length) for bag in bags]
    top = max(cosines, default=0.0)
    return [cosine / top for cosine in cosines] if top else cosines


def _cosine(
    bag: Counter[str], rarity: dict[str, float], centre: dict[str, float], length: float
) -> float:
    values = [n * rarity[word] for word, n in bag.items()]
    own = math.hypot(*values)
    if not own or not length:
        return 0.0
    along: float = sum(map(mul, values, map(centre.get, bag, repeat(0.0))))
    return along / (own * length)
