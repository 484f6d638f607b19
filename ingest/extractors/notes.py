"""One line on what a statement does in its source, said from its section and its words alone.

The line never adds content: it names the kind of statement, the place, and, where the sentence
leans on the one before ("this", "it", "the gap" of which it does not say what gap), that one's
words, verbatim.
"""

import re

from ingest.extractors.features import Sentence

_MAX_QUOTED = 160
"""Characters of the sentence before that a note repeats at most."""

_CLAIMS = (
    ("Definition", r"\b(?:we (?:define|call)|(?:is|are) (?:defined as|called)|refers? to)\b"),
    (
        "Contribution",
        r"\b(?:we|paper|work|article|note) (?:introduce|propose(?!s? that)|present|contribute)s?\b",
    ),
    ("Recommendation", r"\b(?:should|ought to|recommend|must)\b"),
    (
        "Hypothesis",
        r"\b(?:hypothesi[sz]e\w*|(?:our|working) hypothesis|hypothesis (?:is )?that"
        r"|conjecture|posit|postulate|suspect|speculat\w+)\b",
    ),
    (
        "Position",
        r"\b(?:we|i) (?:\w+ )?(?:believe|think|argue|contend|hold|claim|maintain|propose that)\b"
        r"|\b(?:our|my) (?:\w+ ){0,2}(?:position|thesis|view|claim|contention) is\b",
    ),
    ("Interpretation", r"\b(?:suggest|impl(?:y|ies)|indicat|consistent with|means? that|explain)"),
    ("Tentative claim", r"\b(?:may|might|could|perhaps|possibl[ey]|probabl[ey]|likely|seems?)\b"),
    ("Prediction", r"\b(?:will|predict that|expect)\b"),
    ("Claim", r""),
)
"""What to call a claim; the first whose words it has. The last always fits."""

_MAIN = (
    r"^(?:[^;:(—]*?\b(?:find|found|show(?:s|ed)?|observed?|see|saw"
    r"|demonstrated?|reveal(?:s|ed)?) that )?"
    r"(?:(?!\b(?:which|who|whose|that|where|when|if|because|while|whereas|although|than)\b"
    r"|, (?:but|so|and|\w+ing)\b)[^;:(—])*"
)
"""The first clause, behind "we find that"; a contrast or an aside denies no result."""

_FINDINGS = (
    (
        "Negative result",
        rf"{_MAIN}\b(?:did not|does not|do not|no (?:\w+ )?effect|fail(?:s|ed)? to|null)\b",
    ),
    ("Measured result", r"\d\s?%|\d\.\d|\d/\d|[=<>≈]\s?\d|\b\d+ of (?:the )?\d+\b|\bpercent\b"),
    ("Comparison", r"\b(?:than|versus|vs|compared (?:to|with)|whereas|outperforms?)\b"),
    ("Result", r""),
)

_PLACES = {
    "abstract": "stated in the abstract",
    "introduction": "stated in the introduction",
    "related": "stated beside related work",
    "method": "stated with the method",
    "results": "reported with the results",
    "discussion": "offered in the discussion",
    "limitations": "stated among the limitations",
    "conclusion": "stated in the conclusion",
    "appendix": "stated in an appendix",
}


_RELATED = (
    r"(?:gap|effect|difference|improvement|advantage|pattern|ordering|trend|drop|gain|reversal"
    r"|failure|reason|cause|magnitude|benefit|cost|contrast|asymmetry|phenomenon|result|finding"
    r"|ratio|share|control|baseline|increase|decrease|decline|shift|correlation|separation"
    r"|mechanism|consequence|answer|problem|remainder)s?"
)
"""Nouns for what stands between things that a sentence before has named."""

_NAMED = r"\b(?! (?:of|between|in|from|on|for|over|that|to|with)\b)"
_LEANS = re.compile(
    r"^[A-Z][^,;:]{0,90}, (?:it|they|its|their|this|these|those|both|neither|each|none|he|she)\b"
    rf"|^(?:[\w ]{{1,30}}, )?[Tt]he (?:[\w.%-]+ )?{_RELATED}{_NAMED}"
    r"|^(?:What remains|Past|Beyond|Until|Before|After|At|On|By) (?:that|its own|this)\b"
    rf"|\b[Tt]he (?:effect|gap|difference|asymmetry|advantage|pattern|phenomenon|reversal){_NAMED}"
    r"|\b[Tt]he (?:opposite|latter|former|other (?:two|three|four|one|ones))\b"
)
"""Finds words that mean nothing without the sentence before."""


def note_of(kind: str, sentence: Sentence, role: str, heading: str, before: str = "") -> str:
    """Describe a statement in one line.

    Args:
        kind: "claim" or "finding".
        sentence: The statement, taken apart.
        role: Its section's role, as `section_role` names it.
        heading: Its section's heading, quoted where it says more than the role.
        before: The sentence before it in its section; repeated only if the statement has
            words that lean on it.
    """
    note = f"{_name(kind, sentence.text, role)}, {_place(role, heading)}"
    if before and _leans(sentence):
        note += f"; it follows “{_shortened(before)}”"
    return f"{note}."


def _leans(sentence: Sentence) -> bool:
    opens = not sentence.cues.isdisjoint({"deictic", "leaning"})
    return opens or _LEANS.search(sentence.text) is not None


def _name(kind: str, text: str, role: str) -> str:
    if kind == "claim" and role == "limitations":
        return "Limitation"
    names = _FINDINGS if kind == "finding" else _CLAIMS
    return next(name for name, words in names if re.search(words, text, re.IGNORECASE))


def _place(role: str, heading: str) -> str:
    place = _PLACES.get(role, "stated in the text")
    title = " ".join(heading.split())
    if not title or role == "abstract" or title.lower().lstrip("0123456789. ") == role:
        return place
    if role in _PLACES:
        return f"{place} (“{title}”)"
    return f"stated under “{title}”"


def _shortened(text: str) -> str:
    words = " ".join(text.split()).rstrip(".")
    if len(words) <= _MAX_QUOTED:
        return words
    return words[:_MAX_QUOTED].rsplit(" ", 1)[0] + " …"
