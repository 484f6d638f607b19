"""Words that say the same, words that exclude each other, and words that turn a claim round.

The lists here and in `kg/words` (`meanings`, `axes`, `rivals`) are ours, written for English papers
on interpretability: synonyms and rivals decide whether two sentences speak of the same thing,
negations and opposites whether they say the same of it. Words are compared by stem, found by
taking endings off (the idea of Porter, 1980, An algorithm for suffix stripping,
doi:10.1108/eb046814, with a shorter list). A line of `axes` has two ends, and with `||` what is not
the one is the other.

But: a list knows only what is on it. A synonym that is missing makes two statements look
different, which costs a merge; a rival that is missing can let two different ones through.
"""

import re
from functools import lru_cache

from kg.phrases import folded, lines_of

_ENDINGS = tuple(
    sorted(
        [
            "ational",
            "ations",
            "ation",
            "itions",
            "ition",
            "ions",
            "ion",
            "ness",
            "nesses",
            "ments",
            "ment",
            "ities",
            "ity",
            "ically",
            "ical",
            "ally",
            "ly",
            "ing",
            "ings",
            "ed",
            "es",
            "er",
            "ers",
            "or",
            "ors",
            "able",
            "ably",
            "ible",
            "ability",
            "ibility",
            "ive",
            "ively",
            "iveness",
            "ic",
            "ics",
            "al",
            "ful",
            "fully",
            "ance",
            "ancy",
            "ence",
            "ency",
            "ant",
            "ent",
            "ate",
            "ates",
            "ated",
            "ating",
            "ately",
            "acy",
            "ise",
            "ize",
            "ises",
            "izes",
            "ising",
            "izing",
            "ised",
            "ized",
            "isation",
            "ization",
            "iser",
            "izer",
            "sis",
            "ure",
            "ures",
            "tic",
            "e",
            "y",
            "ies",
            "ied",
        ],
        key=lambda ending: (-len(ending), ending),
    )
)

_SHORT = frozenset(["e", "ed", "ing"])
_LONG_PAST = 7
"""From this length on "-ied" is an ending like any other; "copied" is "copy"."""

_IRREGULAR = dict(
    pair.split(":")
    for pair in [
        "fell:fall",
        "fallen:fall",
        "found:find",
        "shown:show",
        "kept:keep",
        "hid:hide",
        "hidden:hide",
        "rose:rise",
        "risen:rise",
        "made:make",
        "written:write",
        "wrote:write",
        "held:hold",
        "led:lead",
        "grew:grow",
        "grown:grow",
        "drew:draw",
        "driven:drive",
        "drove:drive",
        "understood:understand",
        "given:give",
        "gave:give",
        "chose:choose",
        "chosen:choose",
        "arose:arise",
        "became:become",
        "came:come",
        "went:go",
        "began:begin",
        "lost:lose",
        "learnt:learn",
        "built:build",
        "broke:break",
        "broken:break",
        "misled:mislead",
        "spread:spread",
        "shrank:shrink",
        "shrunk:shrink",
        "fed:feed",
        "sought:seek",
        "using:use",
        "used:use",
        "behaviour:behavior",
        "colour:color",
        "labelled:label",
        "modelling:model",
        "labelling:label",
        "lying:lie",
        "forgotten:forget",
        "forgot:forget",
        "taught:teach",
        "caught:catch",
        "thought:think",
        "brought:bring",
        "stood:stand",
        "told:tell",
        "said:say",
        "meant:mean",
        "left:leave",
        "sank:sink",
        "sunk:sink",
        "stuck:stick",
        "sent:send",
        "seen:see",
        "saw:see",
        "known:know",
        "knew:know",
        "ran:run",
        "taken:take",
        "took:take",
        "got:get",
        "done:do",
        "did:do",
        "began:begin",
        "begun:begin",
        "sat:sit",
        "paid:pay",
        "spent:spend",
        "dealt:deal",
        "felt:feel",
        "drawn:draw",
    ]
)

_OWN_STEMS = {
    word: line.split(":")[0]
    for line in [
        "student:student",
        "positive:positive positively",
        "objective:objective",
        "general:general generally generic",
        "generat:generate generated generates generating generation generations generator",
        "probability:probability probable probably improbable",
        "survey:survey",
        "implement:implement implements implemented implementing implementation",
        "caption:caption",
        "capture:capture captured captures capturing",
        "conversation:conversation",
        "static:static",
        "hardly:hardly",
        "pressure:pressure",
        "possible:possible possibly possibility",
        "suffer:suffer suffers suffered suffering",
        "suffice:suffice suffices sufficed sufficient sufficiently sufficiency",
        "ready:ready readily",
        "letter:letter",
        "restore:restore restored restores restoring restoration",
        "rest:rest",
        "story:story",
        "partition:partition",
        "improvise:improvise improvises improvised",
        "relative:relative relatively",
        "authority:authority",
        "classic:classic",
        "carry:carry carries carried carrying",
        "normal:normal normally",
        "succe:succeed succeeds succeeded success successful successfully",
    ]
    for word in line.split(":")[1].split()
}
"""Words that endings would make one with another: "student" is not "study"."""

NEGATIONS = frozenset(
    [
        "not",
        "cannot",
        "never",
        "no",
        "none",
        "neither",
        "nor",
        "nobody",
        "nothing",
        "without",
        "fail",
        "fails",
        "failed",
        "failing",
        "failure",
        "lack",
        "lacks",
        "lacked",
        "lacking",
        "unable",
        "avoid",
        "avoids",
        "avoided",
        "avoiding",
        "prevent",
        "prevents",
        "prevented",
        "preventing",
        "hardly",
        "rarely",
        "seldom",
        "barely",
        "scarcely",
        "few",
        "little",
        "infrequently",
        "absence",
        "absent",
        "missing",
        "impossible",
        "nowhere",
        "poorly",
        "poor",
        "bad",
        "badly",
        "reject",
        "rejects",
        "rejected",
        "rejecting",
        "refute",
        "refutes",
        "refuted",
        "ratherthan",
    ]
)
"""Words that turn what they stand before into its opposite; `ratherthan` is one word here."""

QUANTIFIERS = {
    "all": frozenset(
        [
            "all",
            "every",
            "always",
            "entire",
            "entirely",
            "universally",
            "invariably",
            "each",
            "any",
            "whatever",
            "whichever",
        ]
    ),
    "most": frozenset(
        [
            "most",
            "mostly",
            "largely",
            "mainly",
            "primarily",
            "predominantly",
            "usually",
            "typically",
            "generally",
            "often",
            "majority",
            "typical",
            "chiefly",
            "frequently",
            "tend",
            "tends",
        ]
    ),
    "some": frozenset(
        ["some", "sometimes", "several", "occasionally", "partly", "partially", "certain"]
    ),
    "except": frozenset(["except"]),
    "only": frozenset(["only", "solely", "exclusively", "merely"]),
    "may": frozenset(
        [
            "may",
            "might",
            "could",
            "perhaps",
            "possibly",
            "likely",
            "probably",
            "conceivably",
            "presumably",
            "potentially",
        ]
    ),
    "must": frozenset(
        ["must", "should", "ought", "necessarily", "inevitably", "guaranteed", "guarantees"]
    ),
}
"""How far a statement goes, by class; `each` and `any` count only against another class."""

WEAK_QUANTIFIERS = frozenset(["each", "any", "certain", "can", "could", "entire", "entirely"])

ASYMMETRIC = frozenset(
    [
        "cause",
        "precede",
        "predict",
        "reflect",
        "imply",
        "explain",
        "mediate",
        "depend",
        "suppress",
        "follow",
        "drive",
        "write",
        "read",
        "copy",
        "prefer",
        "contain",
        "feed",
        "outperform",
        "exceed",
        "approximate",
        "resemble",
        "improve",
        "require",
        "enable",
        "inhibit",
        "beat",
        "replace",
        "subsume",
        "include",
        "use",
        "encode",
        "determine",
        "control",
        "detect",
        "influence",
    ]
)
"""Verbs whose two sides cannot change places."""

LIGHT_NOUNS = frozenset(
    [
        *("model", "network", "method", "approach", "technique", "result", "study", "paper"),
        *("work", "way", "case", "thing", "author", "evidence", "one", "ones"),
    ]
)
"""Nouns that can stand for another noun."""

LIGHT = LIGHT_NOUNS | frozenset(
    [
        *("show", "find", "use", "make", "do", "get", "give", "take", "put", "become", "leave"),
        *("let", "allow", "happen", "occur", "single", "individual"),
    ]
)
"""Words that say little about what a statement is on; their absence weighs less."""


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return a word without case, plural and up to three endings; three or four letters stay."""
    small = folded(word)
    if small in _OWN_STEMS:
        return _OWN_STEMS[small]
    small = folded(_IRREGULAR.get(small, small))
    if small.endswith("ied") and len(small) < _LONG_PAST:
        small = small[:-3] + "y"
    for _ in range(3):
        for ending in _ENDINGS:
            kept = 3 if ending in _SHORT else 4
            if small.endswith(ending) and len(small) - len(ending) >= kept:
                small = small[: -len(ending)]
                break
        else:
            break
    return small[:-1] if len(small) > 3 and small[-1] == small[-2] else small


def _groups() -> dict[str, str]:
    first: dict[str, str] = {}
    for line in lines_of("meanings"):
        words = [stem(word) for word in line.split()]
        for word in words:
            first.setdefault(word, first.get(words[0], words[0]))
    return first


_CANONICAL = _groups()


@lru_cache(maxsize=65536)
def meaning(word: str) -> str:
    """Return the stem that stands for a word and its synonyms."""
    found = stem(word)
    return _CANONICAL.get(found, found)


def _axes() -> list[tuple[frozenset[str], frozenset[str]]]:
    axes = []
    for line in lines_of("axes"):
        plus, minus = (side.split() for side in re.split(r" \|\|? ", line))
        axes.append((frozenset(map(stem, plus)), frozenset(map(stem, minus))))
    return axes


AXES = _axes()
"""Stems that pull in opposite directions, axis by axis."""

COMPLEMENTS = frozenset(index for index, line in enumerate(lines_of("axes")) if "||" in line)
"""Axes on which what is not the one is the other: to keep is not to lose."""

RIVALS = [
    [frozenset(map(stem, side.split())) for side in line.split("|")] for line in lines_of("rivals")
]
"""Stems of things that are not each other, set by set."""


LIGHT_MEANINGS = frozenset(map(meaning, LIGHT))
"""`LIGHT`, as sentences are compared by."""
