"""Sentences in which the authors say outright that they take a stand.

"We argue that …", "Our position is that …": such a sentence is a claim whatever else is in it.
The linear model weighs its words one by one and the verb is one of many. Here the authors are the
subject, in the present tense, not denied ("we do not claim"), not supposed ("if we argue", "we
could argue"), not quoted, and not behind a citation ("in [7], we argue").

A hypothesis put this way ("we hypothesize that …") is also worth keeping, if it does not point to
another sentence ("we hypothesize that this effect …"). Beliefs and arguments are as often asides
as not, and definitions ("we define …") are notation: neither is kept for how it is put.
"""

import re

from ingest.extractors.cues import CITATION, pieces_of, word_set
from ingest.extractors.features import Sentence

CHANCE_OF_STANCE = 0.9
"""A sentence that takes a stand is a claim with at least this probability, in [0, 1]."""

WORTH_OF_HYPOTHESIS = 0.9
"""A hypothesis that stands alone is worth keeping with at least this probability, in [0, 1]."""

_HYPOTHESES = (
    r"(?:(?:hypothesi[sz]e|conjecture|posit|postulate|theori[sz]e)(?! an?\b)"
    r"|(?:propose|predict) that)"
)
_OPINIONS = (
    r"(?:(?:contend|argue|believe|suspect|speculate)(?! (?:for|against|about|in|so)\b)"
    r"|(?:expect|maintain|claim|assert) that)"
)
_OPENER = (
    r"(?!if\b|unless\b|suppose\b|should\b|were\b)(?:[^,;:.\"“]{1,90}, )?"
    r"(?:(?:so|but|and|hence|thus|therefore|here|now|accordingly) )?"
)
_ADVERB = r"(?:(?:also|therefore|thus|hence|further|then|now|still|instead|here|\w+ly) )?"


def _said_of(verbs: str, nouns: str) -> re.Pattern[str]:
    """Return a pattern of sentences in which "we" do one of these, or "our" noun is that …."""
    return re.compile(
        rf"^{_OPENER}(?:(?:we|i) {_ADVERB}{verbs}\b"
        rf"|(?:our|my) {nouns} (?:(?:is|holds) that\b|is (?!not\b)[^,;:.]{{1,40}}: ))",
        re.IGNORECASE,
    )


_HYPOTHESIS = _said_of(
    _HYPOTHESES,
    r"(?:(?:(?:\w+ ){0,2}(?:hypothesis|conjecture|thesis|position|prediction))"
    r"|(?:central|main|core|key|principal) claim)",
)
_OPINION = _said_of(_OPINIONS, r"(?:\w+ ){0,2}(?:claim|contention|view|argument)")

_AUTHORS = word_set("we i our my")
_SAID = word_set(
    "hypothesize hypothesise conjecture posit postulate theorize theorise propose predict contend "
    "argue believe suspect speculate expect maintain claim assert hypothesis thesis position "
    "prediction contention view argument"
)
"""Without any of these a sentence takes no stand; to look for how it may be put is slow."""

_POINTERS = word_set("this these those such both former latter")


def takes_stand(sentence: Sentence) -> bool:
    """Say whether the authors say outright that they hold what the sentence says."""
    return _is_said(_HYPOTHESIS, sentence) or _is_said(_OPINION, sentence)


def states_hypothesis(sentence: Sentence) -> bool:
    """Say whether a sentence states a hypothesis or a position that can be read alone."""
    return _POINTERS.isdisjoint(sentence.words) and _is_said(_HYPOTHESIS, sentence)


def _is_said(pattern: re.Pattern[str], sentence: Sentence) -> bool:
    if _AUTHORS.isdisjoint(sentence.words) or _SAID.isdisjoint(sentence.words):
        return False
    found = pattern.search(sentence.text)
    return found is not None and CITATION not in pieces_of(found[0])
