"""Make the lists of words that `kg/words` has from WordNet.

    python -m benchmarks.wordnet FOLDER

FOLDER holds `index.sense` and `data.noun`, `data.verb`, `data.adj`, `data.adv` of WordNet 3.1 (the
format is described in its wndb(5WN) and senseidx(5WN)). A line of `synonyms`, `opposites` and
`derivations` is a pair of words, the earlier in the alphabet first; one of `verbs` and `adjectives`
is a word.

- Synonyms share a synset, each by one of its three most frequent senses, and each was met in that
  sense in WordNet's tagged texts at least once: what is only possible is left out.
- Opposites are antonyms, and of an adjective also what is similar to the antonym's antonym ("tiny"
  and "large" by way of "small"), if it was met in that sense and it is one of its first two.
- Derivations are what WordNet calls related by derivation, one of them met in that sense, of two
  stems that begin with the same two letters ("absorb", "absorption", and not "see", "vision").
- Verbs, and adjectives with adverbs, are what WordNet's tagged texts have three times or more, and
  seldom as a noun: under a tenth of these times, and under a third.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from kg.lexicon import stem

WORDS = Path(__file__).parent.parent / "kg" / "words"
_PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
_NUMBERS = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
_PLAIN = re.compile(r"[a-z]{3,}(?:-[a-z]+)?")
_MARK = re.compile(r"\(.*\)")


class Pointer(NamedTuple):
    """From a synset, or a word of it, to another."""

    symbol: str
    target: tuple[str, str]
    word: int
    """From 1; 0 if it is of the whole synset."""

    target_word: int


class Synset(NamedTuple):
    """Words of one meaning."""

    words: list[str]
    pointers: list[Pointer]


class Sense(NamedTuple):
    """How frequent a word is in one sense."""

    rank: int
    count: int


def main(folder: Path) -> None:
    """Write the files."""
    senses, synsets = _senses(folder), _synsets(folder)
    _write("synonyms", _lines(_synonyms(senses, synsets)))
    _write("opposites", _lines(_opposites(senses, synsets)))
    _write("derivations", _lines(_derivations(senses, synsets)))
    verbs, adjectives = _seldom_nouns(senses)
    _write("verbs", verbs)
    _write("adjectives", adjectives)


def _write(name: str, lines: set[str]) -> None:
    (WORDS / f"{name}.txt").write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(lines)} {name}\n")


def _lines(pairs: Iterator[tuple[str, str]]) -> set[str]:
    return {f"{min(pair)} {max(pair)}" for pair in pairs if _are_plain(*pair)}


def _seldom_nouns(senses: dict[tuple[str, str, str], Sense]) -> tuple[set[str], set[str]]:
    counts: dict[str, Counter[str]] = {}
    for (word, part, _), sense in senses.items():
        counts.setdefault(word, Counter())[part] += sense.count
    verbs, adjectives = set(), set()
    for word, parts in counts.items():
        total = parts.total()
        if total < 3 or not _PLAIN.fullmatch(word):
            continue
        if parts["v"] < parts["a"] + parts["r"]:
            adjectives.update([word] if parts["n"] < total / 3 else [])
        else:
            verbs.update([word] if parts["n"] < total / 10 else [])
    return verbs, adjectives


def _synonyms(
    senses: dict[tuple[str, str, str], Sense], synsets: dict[tuple[str, str], Synset]
) -> Iterator[tuple[str, str]]:
    for (part, offset), synset in synsets.items():
        known = [senses.get((word, part, offset), Sense(9, 0)) for word in synset.words]
        usual = [
            word
            for word, sense in zip(synset.words, known, strict=True)
            if sense.rank <= 3 and sense.count
        ]
        yield from combinations(usual, 2)


def _opposites(
    senses: dict[tuple[str, str, str], Sense], synsets: dict[tuple[str, str], Synset]
) -> Iterator[tuple[str, str]]:
    for synset in synsets.values():
        opposed: list[str] = []
        for pointer in synset.pointers:
            if pointer.symbol == "!":
                other = synsets[pointer.target].words
                yield synset.words[pointer.word - 1], other[pointer.target_word - 1]
                opposed += other
        for pointer in synset.pointers if opposed else ():
            if pointer.symbol == "&":
                part, offset = pointer.target
                for word in synsets[pointer.target].words:
                    sense = senses.get((word, part, offset), Sense(9, 0))
                    if sense.rank <= 2 and sense.count:
                        yield from ((word, each) for each in opposed)


def _derivations(
    senses: dict[tuple[str, str, str], Sense], synsets: dict[tuple[str, str], Synset]
) -> Iterator[tuple[str, str]]:
    for at, synset in synsets.items():
        for pointer in synset.pointers:
            if pointer.symbol != "+":
                continue
            one = synset.words[pointer.word - 1]
            other = synsets[pointer.target].words[pointer.target_word - 1]
            met = senses.get((one, *at)), senses.get((other, *pointer.target))
            are_two = stem(one) != stem(other) and one[:2] == other[:2]
            if are_two and any(sense is not None and sense.count for sense in met):
                yield one, other


def _senses(folder: Path) -> dict[tuple[str, str, str], Sense]:
    found: dict[tuple[str, str, str], Sense] = {}
    for line in (folder / "index.sense").read_text(encoding="ascii").splitlines():
        key, offset, rank, count = line.split()
        word, _, rest = key.partition("%")
        found[word, _NUMBERS[rest[0]], offset] = Sense(int(rank), int(count))
    return found


def _synsets(folder: Path) -> dict[tuple[str, str], Synset]:
    found: dict[tuple[str, str], Synset] = {}
    for name, part in _PARTS.items():
        for line in (folder / f"data.{name}").read_text(encoding="ascii").splitlines():
            if not line.startswith("  "):
                fields = line.partition("|")[0].split()
                found[part, fields[0]] = _synset(fields)
    return found


def _synset(fields: list[str]) -> Synset:
    n_words = int(fields[3], 16)
    words = [_MARK.sub("", word) for word in fields[4 : 4 + 2 * n_words : 2]]
    start = 5 + 2 * n_words
    pointers = []
    for at in range(start, start + 4 * int(fields[start - 1]), 4):
        symbol, offset, part, ends = fields[at : at + 4]
        target = ("a" if part == "s" else part), offset
        pointers.append(Pointer(symbol, target, int(ends[:2], 16), int(ends[2:], 16)))
    return Synset(words, pointers)


def _are_plain(one: str, other: str) -> bool:
    return one != other and all(_PLAIN.fullmatch(word) for word in (one, other))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
