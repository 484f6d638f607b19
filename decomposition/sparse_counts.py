"""Sums over pairs of a subcomponent and a symbol, in bounded memory.

A vocabulary times all subcomponents is too much to hold (38,912 x 50,277 is 16 GB), but few pairs
ever occur. Only these are kept, and when they are too many, the half with the least sums is
dropped (after lossy counting, Manku & Motwani 2002, Approximate Frequency Counts over Data
Streams). How many were dropped is counted, so that a result says whether it is exact.
"""

import torch
from torch import Tensor


class SparseCounts:
    """Sums by key, keys ascending."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.keys = torch.empty(0, dtype=torch.long)
        self.sums = torch.empty(0, dtype=torch.float64)
        self.dropped = 0

    def add(self, keys: Tensor, weights: Tensor) -> None:
        """Add weights at these keys, which may repeat."""
        together = torch.cat([self.keys, keys.flatten()])
        weights = torch.cat([self.sums, weights.flatten().double()])
        self.keys, where = torch.unique(together, return_inverse=True)
        self.sums = torch.zeros(len(self.keys), dtype=torch.float64).index_add_(0, where, weights)
        if len(self.keys) > self.most:
            kept = self.sums.argsort(descending=True, stable=True)[: self.most // 2].sort().values
            self.dropped += len(self.keys) - len(kept)
            self.keys, self.sums = self.keys[kept], self.sums[kept]

    def between(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Return keys from the first on and below the last, counted from the first, and sums."""
        low, high = torch.searchsorted(self.keys, torch.tensor([first, last])).tolist()
        return self.keys[low:high] - first, self.sums[low:high]

    def at(self, keys: Tensor) -> Tensor:
        """Return the sums at these keys, 0 where there is none."""
        if not len(self.keys):
            return torch.zeros(keys.shape, dtype=torch.float64)
        where = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return torch.where(self.keys[where] == keys, self.sums[where], 0.0)
