"""How much a statement matters to its document: where it stands, what it touches, how it is put.

A classifier finds statements; a graph wants the ones a reader would name. Three signs, each in
[0, 1], are averaged and then lowered for sentences that do not stand on their own:

- the section's *prior*: abstracts and conclusions state what matters, related work does not;
- *centrality*: the cosine between the TF-IDF vector of the sentence and that of the title,
  abstract, introduction and conclusion (Luhn 1958, doi:10.1147/rd.22.0159; Erkan & Radev 2004,
  LexRank, doi:10.1613/jair.1523, with the document's own summary as the centre);
- *weight*: cues with which authors mark a result or a position as their own.
"""

from collections.abc import Sequence

import numpy as np

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
    found = [sentence for _, sentences in sections for sentence in sentences]
    words = [word for sentence in found for word in sentence.topical]
    if not words:
        return [0.0] * len(found)
    columns = {word: column for column, word in enumerate(dict.fromkeys(words))}
    places = np.repeat(np.arange(len(found)), [len(sentence.topical) for sentence in found])
    places *= len(columns)
    places += np.fromiter(map(columns.__getitem__, words), np.intp, len(words))
    cells, counts = np.unique(places, return_counts=True)
    row, column = np.divmod(cells, len(columns))
    rarity = np.log((1 + len(found)) / np.bincount(column))

    in_focus = np.repeat([role in _FOCUS for role, _ in sections], [len(s) for _, s in sections])
    weights = counts * (in_focus if in_focus.any() else ~in_focus)[row]
    focus = np.bincount(column, weights)
    for word in title.topical:
        if word in columns:
            focus[columns[word]] += 1
    centre = (1 + np.log(np.maximum(focus, 1))) * rarity * (focus > 0)

    values = counts * rarity[column]
    along = np.bincount(row, values * centre[column], len(found))
    lengths = np.sqrt(np.bincount(row, values**2, len(found))) * np.sqrt(np.square(centre).sum())
    cosines = np.divide(along, lengths, out=np.zeros(len(found)), where=lengths > 0)
    relative: list[float] = (cosines / (cosines.max() or 1.0)).tolist()
    return relative
