"""Which pairs of a tile have a score over a bar: asked of products in bfloat16, or of bytes.

To make a million scores and to look which of them are over a bar costs more for writing and reading
the scores than for the products. In bytes there is half as much of that: vectors are rounded to
whole numbers of eight bits, the processor multiplies and adds these exactly, and what is written
is, for each pair, how far it is over the bar of its column, as a byte that is 0 for all that are
not. (The bar goes in as the bias of a quantised layer of a neural network, which torch has for
that.) So what is not 0 is over.

Rounding to 159 or 255 steps changes a score by some thousandths, as bfloat16 does. But the vectors
can be rounded before anything is fitted to their scores (`as_bytes_hold`), and is then fitted to
what the search will see.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kg.embedders import Vectors
from kg.processor import steps_of_bytes
from kg.products import Pairs, Places, Products, Singles, places_of

_OUT = 0.01
"""A step of what is written; how far a pair is over its bar is not used."""

_ZERO = 128
"""The byte without sign that stands for 0.

oneDNN multiplies bytes with a sign by bytes with a sign some thousand times slower where there is
AVX-512 and no matrix unit: one of the two must have no sign.
"""

COLUMNS = 1024
"""Of a tile."""

_NEVER = 1e6
"""A bar that nothing is over."""


class Screen(Protocol):
    """Vectors in some order, each with a bar."""

    rows: int
    """Of a tile."""

    def over(self, first: int, second: int) -> Pairs:
        """Return the pairs whose score is over the column's bar, and maybe some just below.

        Args:
            first: Row of a tile of so many rows, and of 1024 columns; or of as many as are left.
            second: Its first column.
        """
        ...


class ProductScreen:
    """By the products that are used for all else."""

    rows = 1024

    def __init__(
        self, vectors: Vectors, order: Places, bars: Singles, products: Products[Any, Any]
    ) -> None:
        self._bars = bars
        self._products = products
        self._loaded = products.load(vectors, order)

    def over(self, first: int, second: int) -> Pairs:
        """Return the pairs of a tile whose score is over the column's bar, or just below."""
        n = len(self._bars)
        stop, end = min(first + self.rows, n), min(second + COLUMNS, n)
        numbers = self._products.cosines(
            self._products.cut(self._loaded, first, stop),
            self._products.cut(self._loaded, second, end),
        )[: stop - first, : end - second]
        return self._products.over(numbers, self._bars[second:end].astype(np.float64))


class ByteScreen:
    """By whole numbers of eight bits; vectors of zeros are added for whole tiles.

    For each shape of a product a program would be made.
    """

    rows = 2048

    def __init__(self, vectors: Vectors, order: Places, bars: Singles) -> None:
        import torch

        self._torch = torch
        self._n = len(order)
        self._step = _step_of(vectors)
        missing = -self._n % self.rows
        self._bars = np.append(bars, np.full(missing, _NEVER, dtype=np.float32))
        bytes_ = np.full((len(self._bars), vectors.shape[1]), _ZERO, dtype=np.uint8)
        for start in range(0, self._n, COLUMNS):
            block = slice(start, min(start + COLUMNS, self._n))
            bytes_[block] = _whole(vectors[order[block]], self._step).view(np.uint8) ^ _ZERO
        self._bytes = torch.from_numpy(bytes_)
        self._steps = torch.full((COLUMNS,), self._step)
        self._zeros = torch.zeros(COLUMNS, dtype=torch.int64)
        self._packed: tuple[int, Any, Any] = (-1, None, None)

    def over(self, first: int, second: int) -> Pairs:
        """Return the pairs of a tile whose score is over the column's bar."""
        columns, bias = self._columns(second)
        found = self._torch.ops.onednn.qlinear_pointwise(
            self._bytes[first : first + self.rows],
            self._step,
            _ZERO,
            columns,
            self._steps,
            self._zeros,
            bias,
            _OUT,
            0,
            self._torch.uint8,
            "none",
            [],
            "",
        )
        bytes_: NDArray[np.uint8] = found.numpy()
        return places_of(bytes_[: self._n - first])

    def _columns(self, second: int) -> tuple[Any, Any]:
        """Return the columns of a tile as they are multiplied, and their bars; the last are kept.

        To put them in that form takes as long as some tiles.
        """
        held, columns, bias = self._packed
        if held != second:
            block = slice(second, second + COLUMNS)
            whole = (self._bytes[block] ^ _ZERO).view(self._torch.int8)
            shape = [self.rows, whole.shape[1]]
            columns = self._torch.ops.onednn.qlinear_prepack(whole, shape)
            bias = self._torch.from_numpy(_OUT / 2 - self._bars[block])  # half a step rounds to 0
            self._packed = second, columns, bias
        return columns, bias


def screen_of(
    vectors: Vectors, order: Places, bars: Singles, products: Products[Any, Any]
) -> Screen:
    """Return the faster screen.

    Args:
        vectors: [n, d], the product of two of which is their score.
        order: All of them.
        bars: In this order.
        products: Used where bytes are not fast.
    """
    if steps_of_bytes():
        return ByteScreen(vectors, order, bars)
    return ProductScreen(vectors, order, bars, products)


def as_bytes_hold(vectors: Vectors) -> Vectors:
    """Return vectors as the faster screen has them: rounded, if it goes by bytes."""
    if not steps_of_bytes():
        return vectors
    step = _step_of(vectors)
    for start in range(0, len(vectors), COLUMNS):
        block = slice(start, start + COLUMNS)
        vectors[block] = _whole(vectors[block], step) * np.float32(step)
    return vectors


def _step_of(vectors: Vectors) -> float:
    return float(max(vectors.max(initial=0), -vectors.min(initial=0), 1e-9)) / steps_of_bytes()


def _whole(vectors: Vectors, step: float) -> NDArray[np.int8]:
    whole: NDArray[np.int8] = np.rint(vectors / np.float32(step)).astype(np.int8)
    return whole
