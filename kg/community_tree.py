"""The tree of communities while statements join, move and leave.

A statement is at home in the deepest community that holds it. After every change the tree is as a
run makes it: the children of a community partition it, there are two or more of them, and below
the top nobody is alone. So a community that nobody is left in is removed; whoever is left alone
goes to the sibling that they are tied to most; and a community with one part left takes the place
of that part, whose own parts move up and get new places. Places are never given twice.

A community whose members left, or lost ties, may no longer be connected. Then its largest piece
stays, and the others go to what they are tied to most.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import igraph as ig
import numpy as np

from kg.placing import NOWHERE, Places, Ties, placed_below

Path = tuple[int, ...]
"""The ordinals from the top to a community."""


class CommunityTree:
    """Communities by path, and where each vertex is at home."""

    def __init__(
        self,
        communities: Iterable[Path],
        homes: Sequence[Path | None],
        last_used: Mapping[Path, int],
    ) -> None:
        """Begin with what stands.

        Args:
            communities: Every community.
            homes: The deepest of each vertex; none for one that is new.
            last_used: By parent, the highest ordinal that a part of it ever had.
        """
        self.children: dict[Path, set[int]] = {(): set()}
        self.homes = list(homes)
        self.renamed: dict[Path, Path] = {}
        """What became of communities whose place changed, by where they were at first."""

        self._last_used = defaultdict(lambda: -1, last_used)
        for path in communities:
            self._add(path)

    def _add(self, path: Path) -> None:
        self.children.setdefault(path, set())
        self.children.setdefault(path[:-1], set()).add(path[-1])
        self._last_used[path[:-1]] = max(self._last_used[path[:-1]], path[-1])

    def communities(self) -> set[Path]:
        """Return every community that there is."""
        return set(self.children) - {()}

    def top(self) -> Places:
        """Return the ordinal of each vertex's top community, `NOWHERE` for one without a home."""
        tops = (home[0] if home else NOWHERE for home in self.homes)
        return np.fromiter(tops, dtype=np.intp, count=len(self.homes))

    def move(self, ties: Ties, top: Places, resolution: float) -> list[int]:
        """Bring each vertex into its new top community and down in it; return who went.

        Args:
            ties: The graph.
            top: The top community of each vertex; numbers that are no ordinal yet are new ones.
            resolution: Gamma.
        """
        before = self.top()
        went = np.flatnonzero(top != before).tolist()
        new: dict[int, list[int]] = {}
        for vertex in went:
            if (int(top[vertex]),) not in self.children:
                new.setdefault(int(top[vertex]), []).append(vertex)
        for members in sorted(new.values(), key=lambda one: (-len(one), one[0])):
            path = self._next_part_of(())
            self._add(path)
            for vertex in members:
                self.homes[vertex] = path
        for vertex in went:
            if int(top[vertex]) not in new:
                self.homes[vertex] = (int(top[vertex]),)
        self._descend(ties, went, resolution)
        return went

    def tidy(self, ties: Ties, lost: Iterable[Path], resolution: float) -> list[int]:
        """Put the tree in order where communities lost somebody; return who had to move.

        Args:
            ties: The graph.
            lost: The deepest communities that lost a member.
            resolution: Gamma.
        """
        moved: list[int] = []
        waiting = set(lost)
        while waiting:
            count = Counter(self.homes)
            left = {
                path
                for path in waiting
                if self.children.get(path) == set() and count[path] < min(len(path), 2)
            }
            outside = [vertex for vertex, home in enumerate(self.homes) if home in left]
            self._remove(left, {self._home(vertex)[:-1] for vertex in outside})
            for vertex in outside:
                self.homes[vertex] = self._home(vertex)[:-1]
            above = {path[:depth] for path in left for depth in range(1, len(path))}
            for path in sorted(above, reverse=True):
                self._merge_only_part(path)
            self._descend(ties, outside, resolution)
            waiting = {self._home(vertex) for vertex in outside}
            moved += outside
        return moved

    def reconnect(self, ties: Ties, touched: Iterable[Path], resolution: float) -> list[int]:
        """Take off the pieces of communities that are not connected; return who had to move.

        Args:
            ties: The graph.
            touched: The deepest communities that lost members or ties; one may be gone.
            resolution: Gamma.
        """
        suspects = {path[:depth] for path in touched for depth in range(1, len(path) + 1)}
        moved: set[int] = set()
        for depth in range(1, max(map(len, suspects), default=0) + 1):
            at_depth = sorted(path for path in suspects if len(path) == depth)
            pieces = self._loose_pieces(ties, at_depth)
            loose = [vertex for piece in pieces for vertex in piece]
            suspects |= {
                self._home(vertex)[:below]
                for vertex in loose
                for below in range(depth + 1, len(self._home(vertex)) + 1)
            }
            if depth == 1 and loose:
                self.move(ties, self._beside(ties, pieces), resolution)
            elif loose:
                for vertex in loose:
                    self.homes[vertex] = self._home(vertex)[: depth - 1]
                self._descend(ties, loose, resolution)
            moved.update(loose)
        return sorted(moved)

    def _loose_pieces(self, ties: Ties, communities: Sequence[Path]) -> list[list[int]]:
        """Return the connected pieces of communities at one depth, but the largest of each."""
        place = {path: at for at, path in enumerate(communities)}
        tops = {path[0] for path in communities}
        near = [v for v, home in enumerate(self.homes) if home and home[0] in tops]
        depth = len(communities[0]) if communities else 0
        community = np.full(ties.n, NOWHERE, dtype=np.intp)
        community[near] = [place.get(self._home(v)[:depth], NOWHERE) for v in near]
        inside = ties.inside(community)
        graph = ig.Graph(ties.n, list(zip(inside.head.tolist(), inside.tail.tolist(), strict=True)))
        part = np.array(graph.connected_components().membership, dtype=np.intp)
        held = np.flatnonzero(community != NOWHERE)
        order = held[np.argsort(part[held], kind="stable")]
        cuts = np.flatnonzero(np.diff(part[order])) + 1
        found: dict[int, list[list[int]]] = {}
        for piece in np.split(order, cuts) if len(order) else ():
            found.setdefault(int(community[piece[0]]), []).append(piece.tolist())
        return [
            piece
            for _, pieces in sorted(found.items())
            for piece in sorted(pieces, key=lambda one: (-len(one), one[0]))[1:]
        ]

    def _beside(self, ties: Ties, pieces: Sequence[Sequence[int]]) -> Places:
        """Return the top communities once each piece is where it is tied to most, or its own."""
        top = self.top()
        neighbours = ties.of(np.array(sorted(v for one in pieces for v in one), dtype=np.intp))
        after, new = top.copy(), self._last_used[()] + 1
        for piece in pieces:
            weights: dict[int, float] = {}
            for vertex in piece:
                for other, weight in neighbours[vertex]:
                    weights[int(top[other])] = weights.get(int(top[other]), 0.0) + weight
            weights.pop(int(top[piece[0]]), None)
            best = min(weights, key=lambda one: (-weights[one], one), default=NOWHERE)
            if best == NOWHERE:
                best, new = new, new + 1
            after[list(piece)] = best
        return after

    def _next_part_of(self, parent: Path) -> Path:
        self._last_used[parent] += 1
        return (*parent, self._last_used[parent])

    def _remove(self, paths: set[Path], still_held: set[Path]) -> None:
        """Remove communities without parts, and all above them that nobody is left in."""
        for path in sorted(paths, reverse=True):
            while path and not self.children[path] and path not in still_held:
                del self.children[path]
                path = path[:-1]
                self.children[path] = {
                    part for part in self.children[path] if (*path, part) in self.children
                }

    def _merge_only_part(self, parent: Path) -> None:
        """Let a community with one part left take that part's place."""
        parts = self.children.get(parent, set())
        if not parent or len(parts) != 1:
            return
        only = (*parent, *parts)
        names = {only: parent}
        for part in sorted(self.children[only]):
            names[*only, part] = self._next_part_of(parent)
        self._rename(parent, names)

    def _rename(self, parent: Path, names: Mapping[Path, Path]) -> None:
        """Give communities below one another place, and all below them."""
        depth = len(parent)
        below = [path for path in self.children if path[:depth] == parent]
        old = [path for path in below if _renamed(path, names) != path]
        was = {now: before for before, now in self.renamed.items()}
        for path in old:
            if _renamed(path, names) not in self.children:
                self.renamed[was.get(path, path)] = _renamed(path, names)
        for path in old:
            del self.children[path]
        for parts in {path[:-1] for path in old} & self.children.keys():
            self.children[parts] = {
                part for part in self.children[parts] if (*parts, part) in self.children
            }
        for path in sorted((_renamed(path, names) for path in old), key=len):
            self._add(path)
        for vertex, home in enumerate(self.homes):
            if home is not None and home[:depth] == parent:
                self.homes[vertex] = _renamed(home, names)

    def _descend(self, ties: Ties, vertices: Sequence[int], resolution: float) -> None:
        """Bring vertices from the community they are in down to one without parts."""
        waiting = [v for v in vertices if self.children[self._home(v)]]
        tops = {self._home(vertex)[0] for vertex in waiting}
        beside = [v for v, home in enumerate(self.homes) if home and home[0] in tops]
        while waiting:
            depth = min(len(self._home(vertex)) for vertex in waiting)
            now = sorted(v for v in waiting if len(self._home(v)) == depth)
            for vertex, path in zip(
                now, self._parts_for(ties, now, beside, resolution), strict=True
            ):
                self.homes[vertex] = path
            waiting = [v for v in waiting if self.children[self._home(v)]]

    def _home(self, vertex: int) -> Path:
        home = self.homes[vertex]
        assert home is not None
        return home

    def _parts_for(
        self, ties: Ties, vertices: Sequence[int], beside: Sequence[int], resolution: float
    ) -> list[Path]:
        """Return the part of its home that each vertex goes to; all homes are at one depth.

        Those beside them, in the same communities of the top level, are all that matter.
        """
        depth = len(self._home(vertices[0]))
        parents = {path: at for at, path in enumerate(sorted({self._home(v) for v in vertices}))}
        parts = sorted((*path, part) for path in parents for part in self.children[path])
        number = {path: at for at, path in enumerate(parts)}
        places: dict[Path, tuple[int, int]] = {}
        parent = np.full(ties.n, NOWHERE, dtype=np.intp)
        child = np.full(ties.n, NOWHERE, dtype=np.intp)
        homes = [self._home(vertex) for vertex in beside]
        for home in {home for home in homes if len(home) >= depth}:
            at = parents.get(home[:depth], NOWHERE)
            places[home] = at, number.get(home[: depth + 1], NOWHERE)
        nowhere = (NOWHERE, NOWHERE)
        held = np.array([places.get(home, nowhere) for home in homes], dtype=np.intp)
        parent[beside], child[beside] = held.reshape(-1, 2).T
        chosen = placed_below(ties, parent, child, np.array(vertices), resolution)
        return [
            parts[at] if at != NOWHERE else (*self._home(v), min(self.children[self._home(v)]))
            for v, at in zip(vertices, chosen.tolist(), strict=True)
        ]


def _renamed(path: Path, names: Mapping[Path, Path]) -> Path:
    """Return where a community is once it, or one above it, has another place."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in names:
            return (*names[path[:depth]], *path[depth:])
    return path
