"""Cosines of blocks of vectors: fast ones that are nearly right, and the right ones of few pairs.

A matrix product in bfloat16 is eight times as fast as one in single precision on a processor
that multiplies matrices in hardware, and useless on one that does not. Its cosines are wrong by
some thousandths: enough to say which pairs may be near, and not enough to say how near. So they are
a bar to get over, and whoever does is measured again in single precision.

The exact cosine of a pair is computed from that pair alone, in an order that depends on nothing
else: the same pair gives the same number in any block, on any number of threads, and from both
ends.
"""

import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from kg.embedders import Vectors
from kg.processor import n_threads, one_thread

if TYPE_CHECKING:
    import torch

STEPS = 1_000_000
"""Cosines are compared as whole numbers of millionths."""

_PAIRS = 1024
"""Measured again at once: their vectors fit into the cache."""

_SUMMED = 1e-5
"""What a sum of a thousand products in single precision is wrong by, at the most."""

_ROUND = 128
"""The sides of products in bfloat16 are multiples of this."""

Places = NDArray[np.intp]
Levels = NDArray[np.float64]
Singles = NDArray[np.float32]
Loaded = TypeVar("Loaded")
Numbers = TypeVar("Numbers")
Task = TypeVar("Task")
Done = TypeVar("Done")
Bools = NDArray[np.bool_]


class Pairs(NamedTuple):
    """Places in a block."""

    row: Places
    column: Places


class Products(Protocol[Loaded, Numbers]):
    """Makes cosines of blocks, as numbers of its own kind."""

    error: float
    """No cosine is further from the right one, before it is rounded."""

    rounding: float
    """The share of a cosine that rounding can then take from it, or add."""

    def load(self, vectors: Vectors, order: Places | None = None) -> Loaded:
        """Return vectors in the form that is multiplied, in the order they came or in another."""
        ...

    def take(self, loaded: Loaded, rows: Places) -> Loaded:
        """Return some of the vectors, and maybe vectors of zeros after them."""
        ...

    def cosines(self, rows: Loaded, columns: Loaded) -> Numbers:
        """Return the cosine of each row with each column; the next call on the thread reuses it."""
        ...

    def largest(self, numbers: Numbers, k: int) -> Places:
        """Return where in each row the k largest are, largest first: [rows, k]."""
        ...

    def kth_largest(self, numbers: Numbers, k: int) -> Levels:
        """Return what the k-th largest cosine of each row is not below, but for the error."""
        ...

    def greatest(self, numbers: Numbers, groups: int) -> Singles:
        """Return the largest cosine of each row in each of so many equal groups of columns."""
        ...

    def above(self, numbers: Numbers, bars: Levels) -> Pairs:
        """Return the pairs whose cosine is the row's bar or more, and maybe some just below."""
        ...

    def cut(self, loaded: Loaded, start: int, stop: int) -> Loaded:
        """Return the vectors from one to before another, and maybe vectors of zeros after them."""
        ...

    def over(self, numbers: Numbers, bars: Levels) -> Pairs:
        """Return the pairs whose cosine is the column's bar or more, and maybe some just below."""
        ...

    def above_either(self, numbers: Numbers, bars: Levels, column_bars: Levels) -> Pairs:
        """Return the pairs that are above the row's bar, or above the column's."""
        ...

    def values(self, numbers: Numbers, pairs: Pairs) -> Singles:
        """Return the cosines of some pairs, as exact as they are."""
        ...

    @property
    def threads(self) -> int:
        """How many tasks are done at once."""
        ...

    def each(
        self, work: Callable[[Task], Done], tasks: Iterable[Task], threads: int | None = None
    ) -> list[Done]:
        """Return what the work makes of each task, in their order, on so many or all threads."""
        ...


class SingleProducts:
    """In single precision, by numpy, on as many threads as it multiplies matrices on."""

    error = 2e-7
    rounding = 0.0

    def __init__(self) -> None:
        self.threads = n_threads()
        self._own = threading.local()

    def load(self, vectors: Vectors, order: Places | None = None) -> Vectors:
        """Return the vectors as they are, in this order."""
        return vectors if order is None else vectors[order]

    def take(self, loaded: Vectors, rows: Places) -> Vectors:
        """Return some of the vectors."""
        return loaded[rows]

    def cosines(self, rows: Vectors, columns: Vectors) -> Vectors:
        """Return the cosines themselves, in memory that the thread keeps for them."""
        n = len(rows) * len(columns)
        held: Singles | None = getattr(self._own, "held", None)
        if held is None or len(held) < n:
            held = self._own.held = np.empty(n, dtype=np.float32)
        product = held[:n].reshape(len(rows), len(columns))
        return np.matmul(rows, columns.T, out=product)

    def largest(self, numbers: Vectors, k: int) -> Places:
        """Return where in each row the k largest are, largest first."""
        found = np.argpartition(numbers, numbers.shape[1] - k, axis=1)[:, numbers.shape[1] - k :]
        falling = np.argsort(-np.take_along_axis(numbers, found, 1), axis=1, kind="stable")
        return np.take_along_axis(found, falling, 1)

    def kth_largest(self, numbers: Vectors, k: int) -> Levels:
        """Return the k-th largest cosine of each row."""
        place = numbers.shape[1] - k
        return np.partition(numbers, place, axis=1)[:, place].astype(np.float64)

    def greatest(self, numbers: Vectors, groups: int) -> Singles:
        """Return the largest cosine of each row in each of so many equal groups of columns."""
        found: Singles = _grouped(numbers, groups).max(axis=2)
        return found

    def above(self, numbers: Vectors, bars: Levels) -> Pairs:
        """Return the pairs whose cosine is the row's bar or more, and maybe some just below."""
        low = np.nextafter(bars.astype(np.float32), np.float32(-2))
        return places_of(numbers >= low[:, None])

    def cut(self, loaded: Vectors, start: int, stop: int) -> Vectors:
        """Return the vectors from one to before another."""
        return loaded[start:stop]

    def over(self, numbers: Vectors, bars: Levels) -> Pairs:
        """Return the pairs whose cosine is the column's bar or more, and maybe some just below."""
        return places_of(numbers >= np.nextafter(bars.astype(np.float32), np.float32(-2)))

    def above_either(self, numbers: Vectors, bars: Levels, column_bars: Levels) -> Pairs:
        """Return the pairs that are above the row's bar, or above the column's."""
        low, column_low = (
            np.nextafter(each.astype(np.float32), np.float32(-2)) for each in (bars, column_bars)
        )
        return places_of((numbers >= low[:, None]) | (numbers >= column_low))

    def values(self, numbers: Vectors, pairs: Pairs) -> Singles:
        """Return the cosines of some pairs."""
        return numbers[pairs]

    def each(
        self, work: Callable[[Task], Done], tasks: Iterable[Task], threads: int | None = None
    ) -> list[Done]:
        """Do as many tasks at once as there are threads, each on one of them.

        That a product has one thread keeps its bits the same on any number of them.
        """
        with one_thread():
            return _on_threads(work, tasks, threads or self.threads)


class HalfProducts:
    """In bfloat16, by torch; the numbers are its bits.

    By Cauchy and Schwarz the product of two vectors of length 1 that are rounded is wrong by no
    more than the lengths of what the rounding took from either, and their product. The result is
    rounded, too; that does not change which of two is larger.
    """

    error = 0.0
    rounding = 1.01 / 2**9

    def __init__(self) -> None:
        import torch

        self._torch = torch
        self._own = threading.local()

    def load(self, vectors: Vectors, order: Places | None = None) -> "torch.Tensor":
        """Return the vectors in bfloat16, and take note of what the rounding took from them."""
        loaded = self._torch.empty(vectors.shape, dtype=self._torch.bfloat16)

        def of_block(start: int) -> float:
            block = slice(start, start + _PAIRS)
            chosen = vectors[block] if order is None else vectors[order[block]]
            exact = self._torch.from_numpy(chosen)
            loaded[block] = exact
            rest = loaded[block].float().sub_(exact).numpy()
            return float(np.einsum("ij,ij->i", rest, rest).max())

        lost = max(self.each(of_block, range(0, len(vectors), _PAIRS)), default=0.0) ** 0.5
        self.error = max(self.error, 2 * lost + lost**2 + _SUMMED)
        return loaded

    def take(self, loaded: "torch.Tensor", rows: Places) -> "torch.Tensor":
        """Return some of the vectors, and vectors of zeros up to a round number.

        oneDNN makes a program for every new shape of a product, which takes longer than the
        product.
        """
        n = len(rows)
        taken = loaded.new_zeros((-(-n // _ROUND) * _ROUND, loaded.shape[1]))
        self._torch.index_select(loaded, 0, self._torch.from_numpy(rows), out=taken[:n])
        return taken

    def cosines(self, rows: "torch.Tensor", columns: "torch.Tensor") -> NDArray[np.int16]:
        """Return the bits of the cosines, in memory that the thread keeps for them.

        To ask the system for new memory each time takes half as long as the product.
        """
        n = len(rows) * len(columns)
        held: torch.Tensor | None = getattr(self._own, "held", None)
        if held is None or len(held) < n:
            held = self._own.held = self._torch.empty(n, dtype=self._torch.bfloat16)
        product = held[:n].view(len(rows), len(columns))
        self._torch.mm(rows, columns.T, out=product)
        bits: NDArray[np.int16] = product.view(self._torch.int16).numpy()
        return bits

    def largest(self, numbers: NDArray[np.int16], k: int) -> Places:
        """Return where in each row the k largest are, largest first."""
        product = self._torch.from_numpy(numbers).view(self._torch.bfloat16)
        found: Places = product.topk(k, dim=1).indices.numpy()
        return found

    def kth_largest(self, numbers: NDArray[np.int16], k: int) -> Levels:
        """Return the k-th largest cosine of each row."""
        place = numbers.shape[1] - k
        ordered = np.partition(_ordered(numbers), place, axis=1)[:, place]
        level = self._torch.from_numpy(_ordered(ordered)).view(self._torch.bfloat16)
        levels: Levels = level.double().numpy()
        return levels - np.abs(levels) / 2**8

    def greatest(self, numbers: NDArray[np.int16], groups: int) -> Singles:
        """Return the largest cosine of each row in each of so many equal groups of columns."""
        found = _ordered(_grouped(_ordered(numbers), groups).max(axis=2))
        return (found.astype(np.int32) << 16).view(np.float32)

    def above(self, numbers: NDArray[np.int16], bars: Levels) -> Pairs:
        """Return the pairs whose cosine is the row's bar or more, and maybe some just below."""
        halves = self._torch.from_numpy(bars).bfloat16()
        low = halves.view(self._torch.int16).numpy()
        if low.min(initial=0) >= 0:  # the bits of what is below zero are below them in any case
            return places_of(numbers >= low[:, None])
        return places_of(_ordered(numbers) >= _ordered(low)[:, None])

    def cut(self, loaded: "torch.Tensor", start: int, stop: int) -> "torch.Tensor":
        """Return the vectors from one to before another, and zeros up to a round number."""
        n = stop - start
        missing = -n % _ROUND
        taken = loaded[start:stop]
        return self._torch.nn.functional.pad(taken, (0, 0, 0, missing)) if missing else taken

    def over(self, numbers: NDArray[np.int16], bars: Levels) -> Pairs:
        """Return the pairs whose cosine is the column's bar or more, and maybe some just below."""
        bits = bars.astype(np.float32).view(np.int32) >> 16
        if bits.min(initial=0) >= 0:  # the bits of what is below zero are below it in any case
            return places_of(numbers >= bits.astype(np.int16))
        low = (bits + (bits < 0)).astype(np.int16)
        return places_of(_ordered(numbers) >= _ordered(low))

    def above_either(self, numbers: NDArray[np.int16], bars: Levels, column_bars: Levels) -> Pairs:
        """Return the pairs that are above the row's bar, or above the column's."""
        low, column_low = (
            self._torch.from_numpy(each).bfloat16().view(self._torch.int16).numpy()
            for each in (bars, column_bars)
        )
        if min(low.min(initial=0), column_low.min(initial=0)) < 0:
            numbers, low, column_low = _ordered(numbers), _ordered(low), _ordered(column_low)
        return places_of((numbers >= low[:, None]) | (numbers >= column_low))

    def values(self, numbers: NDArray[np.int16], pairs: Pairs) -> Singles:
        """Return the cosines of some pairs: their bits are the first of a number twice as long."""
        return (numbers[pairs].astype(np.int32) << 16).view(np.float32)

    @property
    def threads(self) -> int:
        """Return how many torch has."""
        return self._torch.get_num_threads()

    def each(
        self, work: Callable[[Task], Done], tasks: Iterable[Task], threads: int | None = None
    ) -> list[Done]:
        """Do as many tasks at once as torch has threads, each on one of them."""
        return _on_threads(work, tasks, threads or self.threads)


def steps_of(
    vectors: Vectors,
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    others: Vectors | None = None,
) -> NDArray[np.int32]:
    """Return the cosine of each pair in millionths, rounded, from single precision.

    Args:
        vectors: Of length 1.
        rows: One of each pair, by its place among them.
        columns: The other of each pair.
        others: Those that the columns are places among; by default the same.
    """
    others = vectors if others is None else others
    steps = np.empty(len(rows), dtype=np.int32)
    # Memory that is asked for anew for each block costs a third of the time.
    shape = (min(_PAIRS, len(rows)), vectors.shape[1])
    ones, twos = np.empty(shape, vectors.dtype), np.empty(shape, others.dtype)
    for start in range(0, len(rows), _PAIRS):
        row, column = rows[start : start + _PAIRS], columns[start : start + _PAIRS]
        one, two = ones[: len(row)], twos[: len(row)]
        np.take(vectors, row, axis=0, out=one, mode="clip")
        np.take(others, column, axis=0, out=two, mode="clip")
        cosines = np.einsum("ij,ij->i", one, two)
        steps[start : start + _PAIRS] = np.rint(cosines * np.float32(STEPS))
    return np.clip(steps, -STEPS, STEPS)


def _on_threads(work: Callable[[Task], Done], tasks: Iterable[Task], n: int) -> list[Done]:
    """Return what the work makes of each task, on n threads on each of which torch has one.

    The number that a thread tells torch is that of every thread which begins to use it later, so it
    is put back.
    """
    with ExitStack() as stack:
        alone = None
        if "torch" in sys.modules:
            import torch

            stack.callback(torch.set_num_threads, torch.get_num_threads())
            alone = partial(torch.set_num_threads, 1)
        pool = stack.enter_context(ThreadPoolExecutor(n, initializer=alone))
        return list(pool.map(work, tasks))


def _grouped(numbers: NDArray[Any], groups: int) -> NDArray[Any]:
    """Return columns in so many equal groups; those that are too many are left out."""
    width = numbers.shape[1] // groups
    return numbers[:, : groups * width].reshape(len(numbers), groups, width)


def _ordered(bits: NDArray[np.int16]) -> NDArray[np.int16]:
    """Turn the bits of bfloat16 into whole numbers of the same order, or back."""
    return bits ^ ((bits >> 15) & np.int16(0x7FFF))


def places_of(found: Bools | NDArray[np.uint8]) -> Pairs:
    """Return where it is true, or not 0; eight at a time are looked at first, since few are."""
    flat = found.ravel()
    n_words = flat.size // 8
    words = np.flatnonzero(flat[: n_words * 8].view(np.uint64) != 0)
    within = np.flatnonzero(flat[: n_words * 8].reshape(-1, 8)[words].ravel() != 0)
    places = words[within >> 3] * 8 + (within & 7)
    left = np.flatnonzero(flat[n_words * 8 :]) + n_words * 8
    if len(left):
        places = np.concatenate([places, left])
    return Pairs(*np.divmod(places, found.shape[1]))
