"""The tree of communities while statements join, move and leave.

A statement is at home in the deepest community that holds it. After every change the tree is as a
run makes it: the children of a community partition it, there are two or more of them, and below
the top nobody is alone. So a community that nobody is left in is removed; whoever is left alone
goes to the sibling that they are tied to most; and a community with one part left takes the place
of that part, whose own parts move up and get new places. Places are never given twice.

A community whose members left, or lost ties, may no longer be connected. Then its largest piece
stays, and the others go to what they are tied to most.

A run may have tens of thousands of communities, of which an update touches some hundreds. So what
stands is kept as it was read, in arrays, and only what is different is written beside it.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from kg.placing import NOWHERE, Places, Ties, placed_below
from kg.standing import Path, Standing


class CommunityTree:
    """Communities by path, and where each vertex is at home."""

    def __init__(self, standing: Standing, last_used: Mapping[Path, int]) -> None:
        """Begin with what stands.

        Args:
            standing: The deepest communities, and which of them holds each vertex.
            last_used: By parent, the highest ordinal that a part of it ever had, if it has that
                part no longer.
        """
        self._standing = standing
        self._parts: dict[Path, set[int]] = {}
        """Of the communities that were asked about; those of others are as they stood."""

        self._inside: dict[Path, set[int]] = {}
        """By community: who came into it or into a part of it."""

        self._is_moved = np.zeros(len(standing.home), dtype=bool)
        self._homes: dict[int, Path] = {}
        """Of those who are not where they stood."""

        self.added: set[Path] = set()
        """Communities that there were not."""

        self.removed: set[Path] = set()
        """Communities that stood and are gone."""

        self.renamed: dict[Path, Path] = {}
        """What became of communities whose place changed, by where they were at first."""

        self._last_used = dict(last_used)

    def home(self, vertex: int) -> Path | None:
        """Return the deepest community of a vertex; none if it has not been placed yet."""
        return self._homes[vertex] if vertex in self._homes else self._standing.path_of(vertex)

    def parts(self, path: Path) -> set[int]:
        """Return the ordinals of the parts of a community; of the empty path, those of the top."""
        if path not in self._parts:
            standing = self._standing.parts(path)
            self._parts[path] = {part for part in standing if (*path, part) not in self.removed}
        return self._parts[path]

    def members(self, path: Path) -> Places:
        """Return the vertices of a community, ascending."""
        stayed = self._standing.members(path)
        stayed = stayed[~self._is_moved[stayed]]
        came = self._inside.get(path)
        return np.sort(np.append(stayed, sorted(came))) if came else stayed

    def _held_by(self, communities: Sequence[Path]) -> tuple[Places, Places]:
        """Return the members of communities at one depth, ascending, and the number of each's."""
        number = self._standing.held_by(communities)
        if communities:
            depth, place = len(communities[0]), {path: at for at, path in enumerate(communities)}
            for vertex, home in self._homes.items():
                number[vertex] = place.get(home[:depth], NOWHERE)
        held = np.flatnonzero(number != NOWHERE)
        return held, number[held]

    def moved(self) -> list[int]:
        """Return who is in a community with another path than before, ascending."""
        return sorted(v for v, home in self._homes.items() if home != self._standing.path_of(v))

    def top(self) -> Places:
        """Return the ordinal of each vertex's top community, `NOWHERE` for one without a home."""
        top = self._standing.top()
        for vertex, home in self._homes.items():
            top[vertex] = home[0]
        return top

    def numbered(self) -> Places:
        """Return a number of the deepest community of each vertex; which one says nothing."""
        number = self._standing.home.copy()
        new: dict[Path, int] = {}
        for vertex, home in self._homes.items():
            at = self._standing.number_of(home)
            number[vertex] = at if at >= 0 else new.setdefault(home, len(number) + len(new))
        return number

    def move(self, ties: Ties, top: Places, resolution: float) -> list[int]:
        """Bring each vertex into its new top community and down in it; return who went.

        Args:
            ties: The graph.
            top: The top community of each vertex; numbers that are no ordinal yet are new ones.
            resolution: Gamma.
        """
        went = np.flatnonzero(top != self.top()).tolist()
        standing = self.parts(())
        new: dict[int, list[int]] = {}
        for vertex in went:
            if int(top[vertex]) in standing:
                self._settle(vertex, (int(top[vertex]),))
            else:
                new.setdefault(int(top[vertex]), []).append(vertex)
        for members in sorted(new.values(), key=lambda one: (-len(one), one[0])):
            path = self._next_part_of(())
            self._add(path)
            for vertex in members:
                self._settle(vertex, path)
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
            held = {path: self.members(path) for path in waiting if self._is_leaf(path)}
            left = {path for path, members in held.items() if len(members) < min(len(path), 2)}
            outside = sorted(vertex for path in left for vertex in held[path].tolist())
            above_of = {vertex: self._home(vertex)[:-1] for vertex in outside}
            self._remove(left, set(above_of.values()))
            for vertex, path in above_of.items():
                self._settle(vertex, path)
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
                    self._settle(vertex, self._home(vertex)[: depth - 1])
                self._descend(ties, loose, resolution)
            moved.update(loose)
        return sorted(moved)

    def _loose_pieces(self, ties: Ties, communities: Sequence[Path]) -> list[list[int]]:
        """Return the connected pieces of communities at one depth, but the largest of each."""
        held, number = self._held_by(communities)
        part = ties.among(held).inside(number).parts()
        first = np.unique(part, return_index=True)[1]
        in_pieces = (np.bincount(number[first], minlength=len(communities)) > 1)[number]
        held, number, part = held[in_pieces], number[in_pieces], part[in_pieces]
        order = np.argsort(part, kind="stable")
        cuts = np.flatnonzero(np.diff(part[order])) + 1
        found: dict[int, list[list[int]]] = {}
        for piece in np.split(order, cuts) if len(order) else ():
            found.setdefault(int(number[piece[0]]), []).append(sorted(held[piece].tolist()))
        return [
            piece
            for _, pieces in sorted(found.items())
            for piece in sorted(pieces, key=lambda one: (-len(one), one[0]))[1:]
        ]

    def _beside(self, ties: Ties, pieces: Sequence[Sequence[int]]) -> Places:
        """Return the top communities once each piece is where it is tied to most, or its own."""
        top = self.top()
        neighbours = ties.around(np.array(sorted(v for one in pieces for v in one), dtype=np.intp))
        after, new = top.copy(), max(self._last_used_of(()), int(top.max(initial=0))) + 1
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

    def _is_leaf(self, path: Path) -> bool:
        return path[-1] in self.parts(path[:-1]) and not self.parts(path)

    def _home(self, vertex: int) -> Path:
        home = self.home(vertex)
        assert home is not None
        return home

    def _settle(self, vertex: int, path: Path) -> None:
        before = self._homes.get(vertex, ())
        for depth in range(1, len(before) + 1):
            self._inside[before[:depth]].discard(vertex)
        for depth in range(1, len(path) + 1):
            self._inside.setdefault(path[:depth], set()).add(vertex)
        self._homes[vertex] = path
        self._is_moved[vertex] = True

    def _add(self, path: Path) -> None:
        self._last_used[path[:-1]] = max(self._last_used_of(path[:-1]), path[-1])
        self.parts(path[:-1]).add(path[-1])
        self._parts.setdefault(path, set())
        self.added.add(path)

    def _delete(self, path: Path) -> None:
        self.parts(path[:-1]).discard(path[-1])
        self._parts.pop(path, None)
        if path in self.added:
            self.added.remove(path)
        else:
            self.removed.add(path)

    def _last_used_of(self, parent: Path) -> int:
        used = self._last_used.get(parent, -1)
        return max(used, max(self._standing.parts(parent), default=-1))

    def _next_part_of(self, parent: Path) -> Path:
        self._last_used[parent] = self._last_used_of(parent) + 1
        return (*parent, self._last_used[parent])

    def _remove(self, paths: set[Path], still_held: set[Path]) -> None:
        """Remove communities without parts, and all above them that nobody is left in."""
        for path in sorted(paths, reverse=True):
            while path and not self.parts(path) and path not in still_held:
                self._delete(path)
                path = path[:-1]

    def _merge_only_part(self, parent: Path) -> None:
        """Let a community with one part left take that part's place."""
        if parent[-1] not in self.parts(parent[:-1]) or len(self.parts(parent)) != 1:
            return
        only = (*parent, *self.parts(parent))
        names = {only: parent}
        for part in sorted(self.parts(only)):
            names[*only, part] = self._next_part_of(parent)
        self._rename(parent, names)

    def _rename(self, parent: Path, names: Mapping[Path, Path]) -> None:
        """Give communities below one another place, and all below them."""
        homes = {vertex: self._home(vertex) for vertex in self.members(parent).tolist()}
        below = [parent]
        for path in below:
            below += [(*path, part) for part in sorted(self.parts(path))]
        old = [path for path in below if _renamed(path, names) != path]
        was = {now: before for before, now in self.renamed.items()}
        for path in old:
            if _renamed(path, names) != parent:
                self.renamed[was.get(path, path)] = _renamed(path, names)
        for path in sorted(old, key=len, reverse=True):
            self._delete(path)
        for path in sorted((_renamed(path, names) for path in old), key=len):
            if path != parent:
                self._add(path)
        for vertex, home in homes.items():
            self._settle(vertex, _renamed(home, names))

    def _descend(self, ties: Ties, vertices: Sequence[int], resolution: float) -> None:
        """Bring vertices from the community they are in down to one without parts."""
        waiting = [v for v in vertices if self.parts(self._home(v))]
        while waiting:
            depth = min(len(self._home(vertex)) for vertex in waiting)
            now = sorted(v for v in waiting if len(self._home(v)) == depth)
            for vertex, path in zip(now, self._parts_for(ties, now, resolution), strict=True):
                self._settle(vertex, path)
            waiting = [v for v in waiting if self.parts(self._home(v))]

    def _parts_for(self, ties: Ties, vertices: Sequence[int], resolution: float) -> list[Path]:
        """Return the part of its home that each vertex goes to; all homes are at one depth."""
        parents = sorted({self._home(vertex) for vertex in vertices})
        parts = [(*path, part) for path in parents for part in sorted(self.parts(path))]
        held, number = self._held_by(parts)
        above = {path: at for at, path in enumerate(parents)}
        parent_of = np.array([above[path[:-1]] for path in parts], dtype=np.intp)
        own = [above[self._home(vertex)] for vertex in vertices]
        chosen = placed_below(
            ties.among(np.append(held, vertices).astype(np.intp)),
            np.append(parent_of[number], own),
            np.append(number, np.full(len(vertices), NOWHERE)),
            np.arange(len(held), len(held) + len(vertices)),
            resolution,
        )
        return [
            parts[at] if at != NOWHERE else (*self._home(v), min(self.parts(self._home(v))))
            for v, at in zip(vertices, chosen.tolist(), strict=True)
        ]


def _renamed(path: Path, names: Mapping[Path, Path]) -> Path:
    """Return where a community is once it, or one above it, has another place."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in names:
            return (*names[path[:depth]], *path[depth:])
    return path
