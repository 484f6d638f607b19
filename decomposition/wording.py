"""Whether a sentence asserts or denies a proposition, read from its own words.

An experiment lists *signs*, phrases that point one way or the other; this module multiplies
them, clause by clause, with the negations that stand before them. Two negations cancel, as in
"do not fail to recover". A clause without a telling sign says nothing; clauses that disagree
make the whole sentence undecided.

But: it knows words, not grammar. "It is doubted by some that ..." or irony are beyond it. That
is why what was read is written into the prediction, in words, before anything is measured, and
why a person can state the side instead.
"""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple


class Sign(NamedTuple):
    """A phrase that says something about a proposition."""

    pattern: str
    """Regular expression, lower case; what it matches is not read again."""

    factor: Literal[1, -1]
    """-1 turns the clause round."""

    tells: bool = True
    """Whether the phrase, by itself, makes the clause one about the proposition."""


_CLAUSE_ENDS = re.compile(
    r"[;:,.!?()]|\s[—–-]\s|\b(?:and|but|while|whereas|although|though|yet|however)\b"
)
_NEUTRAL = re.compile(
    r"\bnot (?:only|just|merely)\b|\bno doubt\b|\bno matter\b"
    r"|\b(?:we|i|they|results?|experiments?)(?: \w+)? "
    r"(?:find|found|show|shows|showed|see|saw|observe|observed|demonstrate|demonstrated)\b"
)
_NEGATIONS = re.compile(
    r"\b(?:neither\b.*?\bnor|neither|nor|never|nothing|none|nowhere|hardly|barely|scarcely|rarely"
    r"|seldom|fail(?:s|ed|ing|ures?)?|unable|unlikely|impossible|false|untrue|wrong|incorrect"
    r"|lack(?:s|ed|ing)?)\b"
)
_NEGATIONS_BEFORE_A_SIGN = re.compile(r"\b(?:not|no|cannot)\b|\b\w+n['’]t\b")
"""These turn only what follows them: "recovers them with no labels" stays as it is."""


def touches(text: str, terms: Iterable[str]) -> bool:
    """Say whether the text has a word that begins with one of the terms."""
    return any(re.search(rf"\b{re.escape(term)}", text.lower()) for term in terms)


def asserts(text: str, signs: Iterable[Sign]) -> bool | None:
    """Say whether the text asserts the proposition, denies it, or does neither clearly (None)."""
    ordered = list(signs)
    clauses = (_clause_factor(clause, ordered) for clause in _CLAUSE_ENDS.split(text.lower()))
    factors = {factor for factor in clauses if factor is not None}
    return factors == {1} if len(factors) == 1 else None


def _clause_factor(clause: str, signs: list[Sign]) -> int | None:
    """Multiply what the clause holds; None if nothing in it is telling."""
    factor, tells, last = 1, False, 0
    for sign in signs:
        for match in re.finditer(sign.pattern, clause):
            factor *= sign.factor
            tells = tells or sign.tells
            last = max(last, match.start())
        clause = re.sub(sign.pattern, _blank, clause)
    clause = _NEUTRAL.sub(_blank, clause)
    n_negations = len(_NEGATIONS.findall(clause))
    clause = _NEGATIONS.sub(_blank, clause)
    n_negations += sum(m.start() < last for m in _NEGATIONS_BEFORE_A_SIGN.finditer(clause))
    return factor * (-1) ** n_negations if tells else None


def _blank(match: re.Match[str]) -> str:
    """Keep the places of what is left."""
    return " " * len(match.group())
