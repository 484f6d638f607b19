"""The phrases of many texts at once, as columns of numbers.

What is a phrase is said in `kg.phrases`. Nearly every word of 10^5 texts has been seen before, so
what has to be known of a word is found out once. A text is from then on a run of numbers, and where
phrases begin and end is read off the columns of all texts together: that takes a quarter of the
time that it takes text by text.

While they are counted, phrases go by 64 bits that are made of those of their words as a polynomial
(Karp & Rabin, 1987, Efficient randomized pattern-matching algorithms, doi:10.1147/rd.312.0249).
That two of 10^6 phrases are taken for one has a chance of some in 10^7.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.phrases import MAX_WORDS, TOKEN, Word, delimits, known

_TEXTS = 32_768
"""So many are taken to pieces at once."""

_BASE = 0x9E3779B97F4A7C15
"""Odd, and else without meaning: 2^64 divided by the golden ratio."""

_ALL_BITS = 2**64 - 1


class PhraseColumns(NamedTuple):
    """Which text has which phrase; entries by text, then by number of the phrase, none twice."""

    names: list[str]
    """Of the phrases that several texts have."""

    counts: NDArray[np.int64]
    """How many have each."""

    rows: NDArray[np.int64]
    """The text of each entry; phrases that one text alone has are left out."""

    phrases: NDArray[np.int64]
    """The number of its phrase."""


class _Entries(NamedTuple):
    """Phrases where they stand; one may stand in a text several times."""

    row: NDArray[np.int64]
    bits: NDArray[np.uint64]
    start: NDArray[np.int64]
    """Its first word among the words of all texts."""

    length: NDArray[np.int64]
    """In words."""


def shared_phrases(texts: Sequence[str]) -> PhraseColumns:
    """Return the phrases that two or more of the texts have."""
    words = _Words()
    found = [_NO_ENTRIES, *_in_texts(texts, words)]
    row, bits, start, length = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(bits)
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = bits[order][1:] != bits[order][:-1]
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.cumsum(is_first) - 1
    first = order[is_first]
    cells = np.sort(row * max(1, len(first)) + number)
    row, number = np.divmod(cells[np.diff(cells, prepend=-1) > 0], max(1, len(first)))
    counts = np.bincount(number, minlength=len(first))
    shared = np.flatnonzero(counts > 1)
    names = words.phrases(start[first[shared]], length[first[shared]])
    is_shared = counts[number] > 1
    place = np.cumsum(counts > 1) - 1
    return PhraseColumns(names, counts[shared], row[is_shared], place[number[is_shared]])


_NO_ENTRIES = _Entries(
    np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64)
)


def _in_texts(texts: Sequence[str], words: "_Words") -> Iterator[_Entries]:
    starts = range(0, len(texts), _TEXTS)
    lengths = [words.meet(texts[start : start + _TEXTS]) for start in starts]
    words.learn()
    offset = 0
    for start, number, of_text in zip(starts, words.met, lengths, strict=True):
        row = np.repeat(np.arange(len(of_text)), of_text) + start
        is_word = np.flatnonzero(~words.delimits[number])
        # One more for each text: words of two texts are not side by side.
        place = is_word + row[is_word]
        yield from _in_runs(row[is_word], number[is_word], place, is_word + offset, words)
        offset += len(number)


def _in_runs(
    row: NDArray[np.int64],
    number: NDArray[np.int32],
    place: NDArray[np.int64],
    start: NDArray[np.int64],
    words: "_Words",
) -> Iterator[_Entries]:
    """Yield the phrases of one word, of two, and so on, of words without delimiters."""
    bits = words.bits[number]
    is_phrase = words.is_phrase[number]
    for length in range(1, MAX_WORDS + 1):
        if length > 1:
            n = max(0, len(number) - length + 1)
            last = number[length - 1 :]
            bits = bits[:n] * words.shift[last] + words.bits[last]
            is_phrase = words.is_acronym[last] | (words.may_begin[number[:n]] & words.may_end[last])
            is_phrase &= place[length - 1 :] - place[:n] == length - 1
        at = np.flatnonzero(is_phrase)
        yield _Entries(row[at], bits[at], start[at], np.full(len(at), length))


class _Words:
    """The words of texts by number, and what has to be known of each."""

    def __init__(self) -> None:
        self._numbers = _Numbers()
        self._folded: list[str] = []
        self.met: list[NDArray[np.int32]] = []
        """The words of each piece, as they stand."""

    def meet(self, texts: Sequence[str]) -> list[int]:
        """Take note of all words of some texts; returns how many each has."""
        found = list(map(TOKEN.findall, texts))
        lengths = list(map(len, found))
        tokens = map(self._numbers.__getitem__, chain.from_iterable(found))
        self.met.append(np.fromiter(tokens, dtype=np.int32, count=sum(lengths)))
        return lengths

    def learn(self) -> None:
        """Learn of the words that were met."""
        found = [_NO_WORD if delimits(word) else known(word) for word in self._numbers]
        self._folded = [word.folded for word in found]
        self.delimits = np.array([word is _NO_WORD for word in found], dtype=bool)
        self.may_begin = np.array([word.may_begin for word in found], dtype=bool)
        self.may_end = np.array([word.may_end for word in found], dtype=bool)
        self.is_acronym = np.array([word.is_acronym for word in found], dtype=bool)
        self.is_phrase = np.array([word.is_phrase for word in found], dtype=bool)
        bits = np.array(list(map(_bits, self._folded)), dtype=np.uint64).reshape(-1, 2)
        self.bits, self.shift = bits.T.copy()

    def phrases(self, start: NDArray[np.int64], length: NDArray[np.int64]) -> list[str]:
        """Return the phrases that begin at these of all words, and have so many."""
        met = np.concatenate([np.empty(0, np.int32), *self.met])
        within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        number = iter(met[np.repeat(start, length) + within].tolist())
        return [" ".join([self._folded[next(number)] for _ in range(n)]) for n in length.tolist()]


class _Numbers(dict[str, int]):
    """A number for each word, in the order in which they are first asked for."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


_NO_WORD = Word("", "", may_begin=False, may_end=False, is_acronym=False, is_phrase=False)


def _bits(folded: str) -> tuple[int, int]:
    """Return the 64 bits of a word or a compound, and what those before it are multiplied by."""
    bits, shift = 0, 1
    for part in folded.split(" "):
        own = int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest(), "little")
        bits = (bits * _BASE + own) & _ALL_BITS
        shift = (shift * _BASE) & _ALL_BITS
    return bits, shift
