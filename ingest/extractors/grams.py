"""Weights of words and of one- to three-grams of shapes, summed for a whole document at once.

Six in seven of a sentence's features are grams. To spell each of them out and look its name up
takes longer than all else that a sentence is asked, so shapes become numbers, and tables of numbers
tell which weights a shape, a pair and a triple have.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from ingest.extractors.features import Sentence


class GramWeights:
    """The weights that models give to grams, one column for each of their sums."""

    def __init__(self, weights: Mapping[str, Sequence[float]]) -> None:
        """Keep the weights of grams by the names of features; other features are passed over."""
        words = [name for name in weights if name.startswith("w:")]
        grams = [name for name in weights if name.startswith("h:")]
        table = [weights[name] for name in (*words, *grams)]
        self._none = len(table)
        self._weights = np.array([*table, np.zeros(len(table[0]))])
        """The last row is that of all that has no weight."""

        self._word_rows = {name[2:]: row for row, name in enumerate(words)}
        shapes = [tuple(name[2:].split(" ")) for name in grams]
        self._numbers = {shape: n for n, shape in enumerate(dict.fromkeys(chain(*shapes)), 1)}
        """From 1; 0 is any shape of which no gram is made."""

        size = len(self._numbers) + 1
        begins = dict.fromkeys(gram[:2] for gram in shapes if len(gram) == 3)
        begun: dict[tuple[str, ...], int] = {pair: n for n, pair in enumerate(begins, 1)}
        self._singles = np.full(size, self._none)
        self._pairs = np.full((size, size), self._none, np.int32)
        self._begun = np.zeros((size, size), np.int32)
        """Pairs that begin a triple, numbered from 1."""

        self._triples = np.full((len(begun) + 1, size), self._none, np.int32)
        for row, gram in enumerate(shapes, len(words)):
            first, *others = [self._numbers[shape] for shape in gram]
            if not others:
                self._singles[first] = row
            elif len(others) == 1:
                self._pairs[first, others[0]] = row
            else:
                self._begun[first, others[0]] = begun[gram[:2]]
                self._triples[begun[gram[:2]], others[1]] = row

    def sums(self, sentences: Sequence[Sentence]) -> NDArray[np.float64]:
        """Return a row of sums for each sentence, in which a gram counts once."""
        words, of_words = _looked_up(self._word_rows, self._none, [s.words for s in sentences])
        shapes, of = _looked_up(self._numbers, 0, [s.shapes for s in sentences])
        begun = self._begun[shapes[:-2], shapes[1:-1]]
        parts = [
            (words, of_words),
            (self._singles[shapes], of),
            (self._pairs[shapes[:-1], shapes[1:]], of[:-1]),
            (self._triples[begun, shapes[2:]], of[:-2]),
        ]  # those that reach from the end of a sentence into the next have no weight
        rows, of_rows = (np.concatenate(each) for each in zip(*parts, strict=True))
        cells = np.sort(of_rows * len(self._weights) + rows)
        cells = cells[np.append(True, cells[1:] != cells[:-1])]
        of_cells, rows = np.divmod(cells, len(self._weights))
        starts = np.searchsorted(of_cells, np.arange(len(sentences)))
        return np.add.reduceat(self._weights.take(rows, axis=0), starts)


def _looked_up(
    numbers: Mapping[str, int], otherwise: int, parts: Sequence[Sequence[str]]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of the words of all parts, and which part each is of."""
    found = map(numbers.get, chain.from_iterable(parts), repeat(otherwise))
    of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return np.fromiter(found, np.intp, len(of)), of
