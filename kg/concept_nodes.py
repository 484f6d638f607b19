"""Concepts as nodes: typed, with their aliases, and tied to statements by spans of their text.

1. A short form is read as what the sources of its statement spell it out as; where they do not,
   as what all other sources agree on. Short and long form are then one concept and aliases of
   each other. A short form of two meanings is two concepts, one for each long form, and a third
   for statements whose sources spell out neither.
2. Concepts are the phrases that two or more statements share (`kg.concepts`).
3. Words with two meanings are told apart by their contexts (`kg.homonyms`), if there are vectors.
4. The type follows from the head of the phrase, its last word: "dataset" makes a dataset,
   "autoencoder" a method, "transformer" or a name with digits, as GPT-2, a model; what is left
   is a phenomenon.
5. Each link to a statement is a span of its text, verbatim.

But: a type is told from a short list of heads, and a phrase is no more than a run of words.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kg.concept_types import ConceptType
from kg.concepts import concepts_of
from kg.embedders import Vectors
from kg.homonyms import HomonymConfig, Origins, Spelt, told_apart
from kg.ids import content_id
from kg.phrases import TOKEN, folded_words, known

_SENSE = re.compile(r"·\d+$")
_LONGEST = 5
"""Words of a phrase, counted as tokens, at most."""


_HEADS = {
    ConceptType.DATASET: "dataset corpus benchmark testbed treebank pile",
    ConceptType.MODEL: (
        "model transformer network llm lm gpt bert llama claude gemma pythia mistral mlp cnn rnn "
        "lstm classifier chatbot assistant encoder decoder"
    ),
    ConceptType.METHOD: (
        "autoencoder sae transcoder crosscoder probe probing patching ablation decomposition "
        "attribution steering learning tuning fine-tuning training pruning regularisation "
        "regularization penalty loss algorithm method technique approach analysis lens search "
        "optimisation optimization sampling distillation quantisation quantization editing "
        "intervention scrubbing tracing clustering factorisation factorization interpretability "
        "objective dropout normalisation normalization metric test scoring prompting unlearning"
    ),
}
_TYPE_OF = {word: kind for kind, words in _HEADS.items() for word in words.split()}
_NAMED = re.compile(r"^[^\W\d_]{2,}[\w.]*-?\d[\w.-]*$")


class Place(NamedTuple):
    """Where a statement speaks of a concept."""

    statement_id: str
    char_start: int
    """Offset in the statement's text, in Unicode code points."""

    char_end: int
    words: str
    """The statement's words, verbatim."""


class ConceptNode(NamedTuple):
    """A concept that two or more statements speak of."""

    id: str
    name: str
    """As it is written most; of a short form, spelt out."""

    type: ConceptType
    aliases: tuple[str, ...]
    """Other ways in which it is written, but for case and plural; most frequent first."""

    places: tuple[Place, ...]
    """By statement, then offset."""

    sense: int
    """Which meaning of a word that has several, from 1; 0 if it has one."""


def concept_nodes(
    statements: Sequence[tuple[str, str]],
    origins: Origins,
    vectors: Vectors | None = None,
    config: HomonymConfig | None = None,
) -> list[ConceptNode]:
    """Return the concepts of statements, those that matter most first, then by name.

    What matters is counted by n log2(1 + words) for a concept of n statements, the length factor
    of the C-value (Frantzi, Ananiadou & Mima, 2000): of two that are as frequent, the longer one
    says more.

    Args:
        statements: Id and text of each, by id.
        origins: The sources of the statements, and which short forms these spell out.
        vectors: Of length 1, one for each statement; without them no context tells words apart.
        config: When a word has two meanings.
    """
    spelt = origins.spelt
    agreed = _agreed(spelt)
    read = {
        identifier: _Reading(text, {**agreed, **_own(spelt.get(identifier, {}))})
        for identifier, text in statements
    }
    concepts: Mapping[str, frozenset[str]] = concepts_of(
        [(identifier, each.spelt_out) for identifier, each in read.items()]
    )
    if vectors is not None and len(statements):
        ids = [identifier for identifier, _ in statements]
        unspelt = Origins(origins.sources)
        concepts = told_apart(concepts, vectors, ids, unspelt, config or HomonymConfig()).concepts
    places: dict[str, list[Place]] = {}
    for identifier, each in read.items():
        for concept in sorted(concepts[identifier]):
            found = each.places(identifier, _SENSE.sub("", concept))
            places.setdefault(concept, []).extend(found)
    nodes = [_node(concept, found) for concept, found in places.items() if found]
    return sorted(nodes, key=lambda node: (-_weight(node), node.name.casefold(), node.id))


def n_statements(node: ConceptNode) -> int:
    """Return how many statements speak of a concept."""
    return len({place.statement_id for place in node.places})


def _weight(node: ConceptNode) -> float:
    return round(n_statements(node) * math.log2(1 + len(_key(node.name).split(" "))), 6)


class _Reading:
    """A statement with its short forms spelt out."""

    def __init__(self, text: str, longs: Mapping[str, str]) -> None:
        self._text = text
        self._tokens = [(found[0], found.start(), found.end()) for found in TOKEN.finditer(text)]
        self._longs = longs

    @property
    def spelt_out(self) -> str:
        pieces, end = [], 0
        for token, start, stop in self._tokens:
            long = self._longs.get(known(token).folded) if known(token).is_acronym else None
            if long is not None:
                pieces += [self._text[end:start], long]
                end = stop
        return "".join([*pieces, self._text[end:]])

    def places(self, identifier: str, key: str) -> Iterator[Place]:
        """Yield where the text says a phrase, in any form; not inside an earlier place."""
        at = 0
        while at < len(self._tokens):
            n = self._length(at, key)
            if n:
                start, end = self._tokens[at][1], self._tokens[at + n - 1][2]
                yield Place(identifier, start, end, self._text[start:end])
            at += max(n, 1)

    def _length(self, at: int, key: str) -> int:
        """Return how many tokens from here on say a phrase; 0 if none do."""
        said = ""
        for n, (token, _, _) in enumerate(self._tokens[at : at + _LONGEST], start=1):
            if not token[0].isalnum():
                return 0
            word = known(token).folded
            long = self._longs.get(word) if known(token).is_acronym else None
            said = f"{said} {_key(long) if long else word}".strip()
            if said == key:
                return n
            if not key.startswith(said):
                return 0
        return 0


def _node(concept: str, places: Sequence[Place]) -> ConceptNode:
    plain = _SENSE.sub("", concept)
    sense = int(concept.rpartition("·")[2]) if concept != plain else 0
    counts: dict[str, int] = {}
    for place in places:
        counts[place.words] = counts.get(place.words, 0) + 1
    ordered = sorted(counts, key=lambda words: (-counts[words], words != words.lower(), words))
    commonest = {_key(words): words for words in reversed(ordered)}
    name = commonest.pop(plain, plain)
    return ConceptNode(
        id=content_id("con", concept),
        name=name,
        type=_type(plain, [name, *ordered]),
        aliases=tuple(words for words in ordered if words in commonest.values()),
        places=tuple(sorted(places)),
        sense=sense,
    )


def _type(key: str, spellings: Sequence[str]) -> ConceptType:
    words = key.split(" ")
    if words[-1] in _TYPE_OF:
        return _TYPE_OF[words[-1]]
    if any(_NAMED.match(words) for words in spellings):
        return ConceptType.MODEL
    return _TYPE_OF.get(words[-1].split("-")[-1], ConceptType.PHENOMENON)


def _own(forms: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Return the long form of each short form that some sources spell out in one way."""
    return {short: min(longs) for short, longs in forms.items() if _is_one(longs)}


def _agreed(spelt: Spelt) -> dict[str, str]:
    """Return the long form of each short form that all sources agree on."""
    merged: dict[str, frozenset[str]] = {}
    for forms in {id(forms): forms for forms in spelt.values()}.values():
        for short, longs in forms.items():
            merged[short] = merged.get(short, frozenset()) | longs
    return _own(merged)


def _is_one(longs: frozenset[str]) -> bool:
    """Say whether long forms are one, up to case and plural."""
    return len({_key(long) for long in longs}) == 1


def _key(words: str) -> str:
    return " ".join(folded_words(words))
