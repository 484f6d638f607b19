"""Which words of general English can stand for one another, exclude each other or are derived.

`synonyms`, `opposites` and `derivations` in `kg/words` are pairs of words taken from WordNet 3.1
(Fellbaum, 1998, WordNet: An Electronic Lexical Database, MIT Press) by `benchmarks/wordnet.py`; its
licence lies beside them. `stand_ins` is ours: the words of a line can stand for one another, and
what is on two lines means two things, so that nothing follows from one line to the other.
Words are compared by stem (`kg.lexicon`), so that "tracked" and "trace" are a pair as "track" and
"trace" are.

But: a pair holds in some sense of its words, and which sense a sentence means is not known.
"""

from functools import cache

from kg.lexicon import stem
from kg.phrases import lines_of

_NOTHING: frozenset[str] = frozenset()


def are_synonyms(one: str, other: str) -> bool:
    """Say whether the words of two stems can mean the same."""
    return other in _pairs("synonyms").get(one, _NOTHING) or other in _pairs("stand_ins").get(
        one, _NOTHING
    )


def synonyms_of(one: str) -> frozenset[str]:
    """Return the stems of words that can mean the same."""
    return _pairs("synonyms").get(one, _NOTHING)


def derivations_of(one: str) -> frozenset[str]:
    """Return the stems of words made from one, or it from them: "absorpt" of "absorb"."""
    return _pairs("derivations").get(one, _NOTHING)


@cache
def opposites_of(one: str) -> frozenset[str]:
    """Return the stems of words that exclude the word of a stem, or can mean what excludes it."""
    opposites = _pairs("opposites")
    near = opposites.get(one, _NOTHING)
    found = near | {each for other in near for each in synonyms_of(other)}
    found |= {each for same in synonyms_of(one) for each in opposites.get(same, _NOTHING)}
    return frozenset(found - synonyms_of(one) - {one})


@cache
def _pairs(name: str) -> dict[str, frozenset[str]]:
    """Return a list as stems by stem, both ways; read when it is first needed."""
    found: dict[str, set[str]] = {}
    for line in lines_of(name):
        stems = set(map(stem, line.split()))
        for one in stems:
            found.setdefault(one, set()).update(stems - {one})
    return {word: frozenset(others) for word, others in found.items()}
