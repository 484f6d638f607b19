"""What two statements are to each other, as far as their words can tell.

0. One sentence that is set in two ways, as in a paper's source and its PDF, is the same
   (`kg.formulas`), and formulas are compared as they are printed.
1. A pair that disagrees in polarity, direction, quantity, scope or subject (`kg.agreement`) is not
   the same, however close.
2. A pair of which one only adds to the other is a refinement. What is left is scored by a logistic
   model of three numbers: the cosine, the share of content words in common (Dice, 1945,
   doi:10.2307/1932409; synonyms count as one word), and how many words of the one are replaced by
   others in the other.
3. If a word of either has another in its place that is not known to mean the same, a second such
   model decides, of the cosine, the share of content words, and the share of all words that stand
   in the same order in both: who says otherwise changes a word and leaves the rest, who says the
   same in other words changes the order as well. What it finds is offered, never merged unasked.
   The weights of both were fitted on development pairs by `benchmarks/bench_pairs.py --fit`.
4. Two statements on one worked example ('her' vs 'his') may be the same if they disagree in nothing
   and the note of one says a phrase of the other, because such statements differ in wording most.
   They are the same if it says most of the other. What a note quotes is not its own, and is left
   out: two neighbouring sentences of one paper would share it.

Only "same" is merged without asking: it is said at scores where the measured precision is highest
(`docs/duplicates.md`). All the others are offers to a reader, never evidence.
"""

import math
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from kg.agreement import Disagreement, Facet, disagreements, replaced_words
from kg.formulas import are_one_sentence, in_print
from kg.grounding import Glossary
from kg.lexicon import LIGHT_MEANINGS
from kg.opposition import answered_opposites
from kg.phrases import phrases_of
from kg.skeletons import is_contained, order_shared
from kg.wordings import Reading, more_often, own_words, reading, readings

_LIGHT_WEIGHT = 0.3
_ONE_WORD = 1.4
"""More than a content word and a light one is something that the other does not say."""
_CONTRAST = re.compile(
    r"['\"‘“]([^'\"’”]{1,30})['\"’”]\s*(?:vs\.?|versus|or|/)\s*['\"‘“]([^'\"’”]{1,30})['\"’”]"
)
_EXAMPLE = re.compile(r"(?<!\w)['\"‘“][^'\"’”]{1,80}['\"’”](?!\w)")
_REPEATED = re.compile(r"“.*”", re.DOTALL)
"""What a note repeats from its source: a heading, or the sentence before."""

_MOST = 0.5
"""A note that says more than this share of the content words of a statement says most of it."""


class Relation(StrEnum):
    """What two statements are to each other, as far as words can tell."""

    SAME = "same"
    PROBABLY_SAME = "probably the same"
    MAYBE_SAME = "maybe the same"
    REFINES = "refines"
    TENSION = "possible tension"
    RELATED = "related"


SAYS_THE_SAME = frozenset({Relation.SAME, Relation.PROBABLY_SAME})
"""The relations that take two statements for the same; only the first merges without asking."""


class DuplicateConfig(BaseModel):
    """When two statements say the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_cosine: float = Field(default=0.6, ge=-1, le=1)
    """Below this cosine two statements are not related."""

    min_automatic_score: float = Field(default=0.9, ge=0, le=1)
    """From this score on a pair that is the same is merged without asking."""

    min_score: float = Field(default=0.5, ge=0, le=1)
    """From this score on a pair without disagreement is the same."""

    max_replaced: float = Field(default=0.9, ge=0)
    """With more than this of content words in the place of others their meaning is unknown."""

    min_reworded_score: float = Field(default=0.8, ge=0, le=1)
    """From this score of the second model on a pair with such words is probably the same."""

    min_offered_score: float = Field(default=0.2, ge=0, le=1)
    """From this score on a pair without disagreement is offered to a reader as maybe the same."""

    min_case_cosine: float = Field(default=0.7, ge=-1, le=1)
    """From this cosine on two statements on one worked example can be the same."""


class Saying(NamedTuple):
    """A statement as it is compared."""

    text: str
    note: str = ""
    """What it does in its source, if something says so."""


class Comparison(NamedTuple):
    """What a statement is to another."""

    relation: Relation
    score: float
    """How sure it is that both say the same, in [0, 1]."""

    reasons: tuple[str, ...]
    """What they disagree in, or why they count as the same, in words."""

    is_reversed: bool = False
    """The second refines the first, and not the first the second."""


class Overlap(NamedTuple):
    """The content words of two sentences, weighted: light words count less."""

    dice: float
    replaced: float
    """The smaller of what either has and the other has not."""

    added: float
    """The larger."""

    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    is_contained: bool
    """One is the other with a word put in."""

    @property
    def is_more(self) -> bool:
        """One says what the other says, and more than a word beyond it, or the same and a word."""
        return self.is_contained or (not self.replaced and self.added > _ONE_WORD)


class Weights(NamedTuple):
    """Of the logistic model."""

    bias: float
    cosine: float
    dice: float
    replaced: float


WEIGHTS = Weights(bias=-10.1, cosine=7.05, dice=7.75, replaced=-0.49)


class RewordedWeights(NamedTuple):
    """Of the logistic model for pairs with words of unknown meaning."""

    bias: float
    cosine: float
    dice: float
    order: float


REWORDED_WEIGHTS = RewordedWeights(bias=-6.42, cosine=5.94, dice=6.33, order=-5.54)


def compared(
    a: Saying, b: Saying, cosine: float, glossary: Glossary, config: DuplicateConfig
) -> Comparison:
    """Return what one statement is to another, and why.

    Args:
        a: A statement.
        b: Another.
        cosine: Of their vectors.
        glossary: What short forms stand for in the sources of both.
        config: When they count as the same.
    """
    if are_one_sentence(a.text, b.text):
        return Comparison(Relation.SAME, 1.0, ("the same sentence, set in another way",))
    a, b = (each._replace(text=in_print(each.text)) for each in (a, b))
    found = disagreements(a.text, b.text, glossary)
    both = readings(a.text, b.text, glossary)
    words, replaced = overlap(*both), replaced_words(*both)
    is_out = bool(found) or words.is_more
    score = 0.0 if is_out else round(probability(cosine, words), 4)
    is_known = words.replaced <= config.max_replaced and not replaced
    if is_known and score >= config.min_score:
        is_sure = score >= config.min_automatic_score
        relation = Relation.SAME if is_sure else Relation.PROBABLY_SAME
        return Comparison(relation, score, ("the same content in other words",))
    if not (is_known or is_out):
        reworded = round(reworded_probability(cosine, words.dice, order_shared(*both)), 4)
        if reworded >= config.min_reworded_score:
            return Comparison(Relation.PROBABLY_SAME, reworded, ("other words in another order",))
    if not found and cosine >= config.min_case_cosine and (case := _shared_case(a, b)):
        told = _told(a, b)
        least = config.min_automatic_score if told else config.min_offered_score
        relation = Relation.SAME if told else Relation.MAYBE_SAME
        return Comparison(relation, max(score, least), (case,))
    reasons = tuple(map(str, found)) or _unsure(replaced) or _unshared(words)
    if score >= config.min_offered_score:
        return Comparison(Relation.MAYBE_SAME, score, reasons)
    relation = _lesser(words, found, cosine, config)
    is_reversed = relation is Relation.REFINES and _says_more(words, found)
    return Comparison(relation, score, reasons, is_reversed)


def _says_more(words: Overlap, found: list[Disagreement]) -> bool:
    """Say whether the second says more: by what only one disagrees in, then by words."""
    one_sided = sum(bool(each.b) - bool(each.a) for each in found)
    return (one_sided or len(words.only_b) - len(words.only_a)) > 0


def probability(cosine: float, words: Overlap, weights: Weights = WEIGHTS) -> float:
    """Return how sure the model is that two statements which do not disagree are the same."""
    logit = (
        weights.bias
        + weights.cosine * cosine
        + weights.dice * words.dice
        + weights.replaced * words.replaced
    )
    return 1 / (1 + math.exp(-logit))


def reworded_probability(
    cosine: float, dice: float, order: float, weights: RewordedWeights = REWORDED_WEIGHTS
) -> float:
    """Return how sure it is that a pair with words of unknown meaning says the same."""
    logit = weights.bias + weights.cosine * cosine + weights.dice * dice + weights.order * order
    return 1 / (1 + math.exp(-logit))


def overlap(one: Reading, two: Reading) -> Overlap:
    """Return how far two sentences share their content words.

    If only one of them has a word of its own, and the other says a word more often, that word is
    what it says instead.
    """
    answered = answered_opposites(one, two)
    only_a, only_b = own_words(one, two) - answered, own_words(two, one) - answered
    if bool(only_a) != bool(only_b):
        only_a = only_a or more_often(one, two)
        only_b = only_b or more_often(two, one)
    weights = _weight(one.content), _weight(two.content)
    rest = _weight(only_a), _weight(only_b)
    total = sum(weights)
    return Overlap(
        dice=1 - sum(rest) / total if total else 1.0,
        replaced=min(rest),
        added=max(rest),
        only_a=tuple(sorted(one.words[word] for word in only_a)),
        only_b=tuple(sorted(two.words[word] for word in only_b)),
        is_contained=is_contained(one, two),
    )


def _lesser(
    words: Overlap, found: list[Disagreement], cosine: float, config: DuplicateConfig
) -> Relation:
    """Return what two statements are that are not the same."""
    elsewhere = any(each.facet is Facet.SUBJECT and each.a and each.b for each in found)
    if any(each.is_opposed for each in found):
        is_close = words.dice >= 0.5 and cosine >= config.min_cosine and not elsewhere
        return Relation.TENSION if is_close else Relation.RELATED
    one_sided = words.replaced <= 0.5 and not elsewhere
    return Relation.REFINES if one_sided and words.dice >= 0.5 else Relation.RELATED


def _shared_case(a: Saying, b: Saying) -> str:
    """Say which worked example two statements share; nothing if they or their notes differ."""
    cases = [{_pair(match) for match in _CONTRAST.findall(text)} for text, _ in (a, b)]
    shared = sorted(cases[0] & cases[1])
    if not shared or not (a[1] and b[1]):
        return ""
    of_text = [set(phrases_of(each.text)) for each in (a, b)]
    of_note = [set(phrases_of(_own_part(each.note))) for each in (a, b)]
    crossed = (of_text[0] & of_note[1]) | (of_note[0] & of_text[1])
    common = {phrase for phrase in crossed - (of_text[0] & of_text[1]) if " " in phrase}
    if not common:
        return ""
    longest = max(sorted(common), key=len)
    return f"the same worked example, '{shared[0][0]}' vs '{shared[0][1]}', and “{longest}”"


def _told(a: Saying, b: Saying) -> bool:
    """Say whether the note of one says most of what the other says beside the example."""
    return any(_share_told(one.text, two.note) > _MOST for one, two in ((a, b), (b, a)))


def _share_told(text: str, note: str) -> float:
    said, telling = reading(_EXAMPLE.sub(" ", text)), reading(_own_part(note))
    return 1 - len(own_words(said, telling)) / max(1, len(said.content))


def _own_part(note: str) -> str:
    return _REPEATED.sub(" ", note)


def _pair(found: tuple[str, str]) -> tuple[str, str]:
    first, second = sorted(word.casefold().strip() for word in found)
    return first, second


def _unsure(replaced: list[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"“{one}” against “{other}”, which may differ" for one, other in replaced)


def _unshared(words: Overlap) -> tuple[str, ...]:
    only = [
        f"only in {which}: {', '.join(said)}"
        for which, said in (("the first", words.only_a), ("the second", words.only_b))
        if said
    ]
    return tuple(only) or ("the same words, but too far apart",)


def _weight(words: Iterable[str]) -> float:
    return sum(_LIGHT_WEIGHT if word in LIGHT_MEANINGS else 1.0 for word in words)
