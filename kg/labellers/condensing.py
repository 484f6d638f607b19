"""A description out of members: the most central ones, shortened, and nothing said anew.

One or two members are chosen by maximal marginal relevance (Carbonell & Goldstein, 1998,
doi:10.1145/290941.291025): how central a member is in the community's graph and how many of the
name's words it says, less the words that it shares with the one before. A member that begins with
a pronoun for something said elsewhere comes late, and one that points elsewhere further on ("these
challenges", "Table 2") a little. Each is then shortened by leaving out what stands at a border and
carries no assertion of its own:

1. brackets, citations among them;
2. connectives and openings such as "However," and "We find that" at the beginning, but no hedge;
3. tails after a comma, a semicolon or a dash ("which …", "including …", "suggesting …"), the last
   first, while the sentence is too long.

Whatever contains a negation, a condition or an exception stays where it is, so that nothing is
denied that was asserted, nor asserted under a condition that is left out. A sentence that is still
too long is cut between words and ends with "…".
"""

import re
from collections.abc import Sequence, Set
from functools import lru_cache

from kg.ids import normalised
from kg.labellers.task import Member
from kg.phrases import FUNCTION_WORDS, folded_words

LENGTH = 200
"""Characters of a sentence; a description has at most two."""

_N_CONSIDERED = 8
_OVERLAP = 0.6
_TOO_LIKE = 0.6

_BRACKET = re.compile(r"\s+(?:\([^()]*\)|\[[^\[\]]*\])(?=[\s.,;:!?]|$)")
_QUALIFIES = re.compile(
    r"\b(?:not|no|never|none|nor|neither|without|unless|except|only|if|when|but|however|although|"
    r"though|despite|until|cannot|fails?|lacks?|rather|instead|unlike|under)\b|n['’]t\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:(?:however|moreover|furthermore|finally|interestingly|notably|importantly|specifically|"
    r"additionally|overall|also|first|second|third|in addition|in particular|in summary|in short|"
    r"for example|for instance|as a result|in this (?:paper|work|section)|here|thus|hence|"
    r"therefore|consequently|altogether|unfortunately|worse|by contrast|in contrast),\s+"
    r"|(?:and|but|so),?\s+"
    r"|we (?:also )?(?:find|found|show|showed|observe|observed|demonstrate|demonstrated|note|"
    r"report|see|saw)(?: here)? that\s+)",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:,|;|\s[–—-])\s+(?=(?:which|where|who|while|including|such as|suggesting|indicating|"
    r"implying|showing|making|leading|allowing|as|e\.g\.|i\.e\.|namely|with|resulting|thereby|"
    r"and thus|and therefore|and so)\b)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r";\s+|\s[–—]\s+|:\s+")
_DEICTIC = re.compile(r"(?:this|these|that|those|it|they|he|she|such|both|there)\b", re.IGNORECASE)
_POINTING = re.compile(
    r"\b(?:(?:this|these|those)\s(?!paper|work|study|article)\w|(?:the (?:former|latter|above))\b"
    r"|(?:fig(?:ure|\.)|tab(?:le|\.)|section|appendix|eq(?:uation|\.))\s(?:[A-Z]\b|\d))",
    re.IGNORECASE,
)


def chosen(members: Sequence[Member], name: Set[str]) -> list[Member]:
    """Return the one or two members that a description is made of, the first first.

    Args:
        members: Most central first; at least one.
        name: The stems of the community's name.
    """
    considered = list(members[:_N_CONSIDERED])
    stems = {member.id: _stems(member.text) for member in considered}
    top = max((member.centrality for member in considered), default=0.0) or 1.0

    def worth(member: Member) -> float:
        said = len(stems[member.id] & name) / max(len(name), 1)
        is_late = bool(_DEICTIC.match(_without_opening(normalised(member.text))))
        is_long = len(condensed(member.text)) > LENGTH
        points = bool(_POINTING.search(member.text))
        loss = 0.5 * is_late + 0.25 * points + 0.3 * is_long
        return member.centrality / top + 0.5 * said - loss

    first = max(considered, key=lambda member: (worth(member), -considered.index(member)))
    others = [
        member
        for member in considered
        if member is not first and _likeness(stems[first.id], stems[member.id]) < _TOO_LIKE
    ]
    if not others:
        return [first]

    def gain(member: Member) -> float:
        return worth(member) - _OVERLAP * _likeness(stems[first.id], stems[member.id])

    return [first, max(others, key=lambda member: (gain(member), -considered.index(member)))]


@lru_cache(maxsize=8192)
def condensed(text: str) -> str:
    """Return the text in one sentence, shortened at its borders; it may still be too long."""
    line = _without_opening(normalised(text))
    line = _BRACKET.sub(lambda found: found[0] if _QUALIFIES.search(found[0]) else "", line)
    line = line.rstrip(" .;:,")
    while len(line) > LENGTH:
        shorter = _without_tail(line)
        if shorter is None:
            break
        line = shorter
    return line[:1].upper() + line[1:] if line.split()[:1] == line.lower().split()[:1] else line


def _without_opening(line: str) -> str:
    while True:
        found = _OPENING.match(line)
        if found is None or len(line) - found.end() < 20:
            return line
        line = line[found.end() :]


def _without_tail(line: str) -> str | None:
    """Return the line without its last tail, if one may be left out."""
    borders = [*_TAIL.finditer(line), *_CLAUSE.finditer(line)]
    for border in sorted(borders, key=lambda found: -found.start()):
        kept, left_out = line[: border.start()], line[border.end() :]
        if len(kept) >= 40 and not _QUALIFIES.search(left_out):
            return kept.rstrip(" .;:,")
    return None


@lru_cache(maxsize=8192)
def _stems(text: str) -> frozenset[str]:
    return frozenset(word for word in folded_words(text) if word not in FUNCTION_WORDS)


def _likeness(one: Set[str], other: Set[str]) -> float:
    return len(one & other) / max(min(len(one), len(other)), 1)
