"""Where each vertex is at home in a hierarchy that stands, as arrays.

The deepest communities in the order of their paths have those of every community beside each
other, and so their members are, once vertices are in the order of their homes. So the members of
any community are one slice, and its parts are read off the paths in that slice; no table of all
communities is made.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]
Path = tuple[int, ...]
"""The ordinals from the top to a community."""


class Standing:
    """The deepest communities, and which of them holds each vertex."""

    def __init__(self, paths: Sequence[Path], home: Places) -> None:
        """Take a hierarchy as it is.

        Args:
            paths: Of the deepest communities, ascending; nobody has to be left in one.
            home: The number among these of the one that holds each vertex; -1 for a new one.
        """
        self.paths = paths
        self.home = home

    @cached_property
    def _order(self) -> Places:
        n = max(1, len(self.home))
        keys = self.home * n + np.arange(len(self.home))
        keys.sort()
        return np.asarray(keys % n)

    @cached_property
    def _starts(self) -> Places:
        counts = np.bincount(self.home[self.home >= 0], minlength=len(self.paths))
        new = np.count_nonzero(self.home < 0)
        return np.concatenate([[0], np.cumsum(counts)]) + new

    @cached_property
    def _tops(self) -> Places:
        return np.array([*(path[0] for path in self.paths), -1], dtype=np.intp)

    def top(self) -> Places:
        """Return the ordinal of the top community of each vertex, -1 for a new one."""
        return self._tops[self.home]

    def path_of(self, vertex: int) -> Path | None:
        """Return the path of the deepest community of a vertex; none for a new one."""
        number = self.home[vertex]
        return self.paths[number] if number >= 0 else None

    def number_of(self, path: Path) -> int:
        """Return the number of a deepest community, -1 if it is none."""
        at = bisect_left(self.paths, path)
        return at if at < len(self.paths) and self.paths[at] == path else -1

    def parts(self, path: Path) -> set[int]:
        """Return the ordinals of the parts of a community; of the empty path, those of the top."""
        first, last = self._slice(path)
        depth = len(path)
        return {each[depth] for each in self.paths[first:last] if len(each) > depth}

    def members(self, path: Path) -> Places:
        """Return the vertices of a community, ascending within each deepest one."""
        first, last = self._slice(path)
        return self._order[self._starts[first] : self._starts[last]]

    def held_by(self, communities: Sequence[Path]) -> Places:
        """Return the number of the community that holds each vertex, -1 if none of these does.

        Args:
            communities: At one depth.
        """
        number = np.full(len(self.paths) + 1, -1, dtype=np.intp)  # the last for new vertices
        for at, path in enumerate(communities):
            number[slice(*self._slice(path))] = at
        return number[self.home]

    def moved_to(self, place: Places, n: int) -> "Standing":
        """Return the same communities once vertices have other places, -1 for those that left.

        Args:
            place: The new place of each vertex.
            n: How many vertices there are then.
        """
        home = np.full(n, -1, dtype=np.intp)
        home[place[place >= 0]] = self.home[place >= 0]
        return Standing(self.paths, home)

    def _slice(self, path: Path) -> tuple[int, int]:
        if not path:
            return 0, len(self.paths)
        after = (*path[:-1], path[-1] + 1)
        return bisect_left(self.paths, path), bisect_left(self.paths, after)
