r"""The lines on which the inputs of a matrix lie where one feature alone is there.

Wherever one feature alone is there, in whatever strength, a network of linear maps and ReLU without
biases gives the matrix an input on one ray, always the same. Where inputs are sparse in their
features, that is what many rows have in common, and nothing else is. So the direction that most
rows have, to a cosine of 0.99, is a ray; these rows are set aside and the next is looked for, until
too few rows agree.

A feature that can be negative has two rays. In a first layer they are the two ends of one line.
Further in the line is bent, for a ReLU before adds something to the positive feature and not to the
negative one: in the second layer of `resid_mlp2` the two rays are at 117° to 148°, not at 180°.
Rays of different features are more or less at right angles there (at most 100°). So the two rays
that are most opposed to one another are the two sides of one line, then the two that are so of the
rest, as long as they are at more than 107°. Angles are those of the whole input: as far as the
subcomponents read it they may be anything.

The direction of a line is that in which its inputs are largest, in all: the first principal axis of
its two rays. Where one side is larger, that is nearly its ray (8° from it in the case above, as
squares count), and what is at right angles to all lines then gives little on that side. Halfway
between both sides, one subcomponent was left over that read the difference, which is much the same
for all features, and it was important on all of them.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import normalize

MOST_ROWS = 8000
"""Inputs that are looked at, at most."""

FEWEST = 8
"""Inputs that have to lie on a ray."""

CLOSE = 0.99
"""Cosine with a ray above which an input lies on it."""

OPPOSED = -0.3
"""Cosine below which two rays may be the two sides of a line."""


class InputLines(NamedTuple):
    """Lines, those on which most inputs lie first."""

    directions: Float[Tensor, "d lines"]
    """Of unit length."""

    ray: Int[Tensor, " rows"]
    """The ray on which each input lies, or -1."""

    line: list[int]
    """Whose side each ray is."""

    reach: Float[Tensor, " lines"]
    """How far along the line the inputs of its larger side are on average."""

    def seen(self, of_rows: Float[Tensor, "rows C"]) -> Float[Tensor, "lines C"]:
        """Return the mean on one side of each line of what is seen on inputs, the larger one."""
        found = of_rows.new_zeros(self.directions.shape[1], of_rows.shape[1])
        for line, means in self._sides(of_rows):
            found[line] = torch.maximum(found[line], means)
        return found

    def throughout(self, of_rows: Bool[Tensor, "rows C"], most: float) -> Bool[Tensor, "lines C"]:
        """Return what is so on most inputs of every side of a line on which anything is.

        Args:
            of_rows: What is so on each input.
            most: The share of a side's inputs that has to be exceeded.
        """
        found = torch.ones(self.directions.shape[1], of_rows.shape[1], dtype=torch.bool)
        counts = torch.zeros(len(found), 1, dtype=torch.bool)
        for line, means in self._sides(of_rows.float()):
            is_so = means > most
            if is_so.any():
                found[line] &= is_so
                counts[line] = True
        return found & counts

    def _sides(self, of_rows: Float[Tensor, "rows C"]) -> Iterator[tuple[int, Float[Tensor, " C"]]]:
        """Yield each side's line and the mean on it."""
        for ray, line in enumerate(self.line):
            yield line, of_rows[self.ray == ray].mean(dim=0)


def input_lines(x: Float[Tensor, "rows d"]) -> InputLines:
    """Return the lines on which many inputs lie; there may be none."""
    looked_at = (x != 0).any(dim=1).nonzero().flatten()[:MOST_ROWS]
    ray = torch.full((len(x),), -1)
    ray[looked_at] = _rays(normalize(x[looked_at], dim=1))
    on_rays = [x[ray == n] for n in range(int(ray.max()) + 1 if len(ray) else 0)]
    lines = _lines(on_rays)
    line = {n: number for number, sides in enumerate(lines) for n in sides}
    axes = [_axis([on_rays[n] for n in sides]) for sides in lines]
    directions = torch.stack(axes, dim=1) if axes else x.new_zeros(x.shape[1], 0)
    along = [
        [(on_rays[n] @ axis).abs().mean() for n in of] for axis, of in zip(axes, lines, strict=True)
    ]
    reach = torch.tensor([max(sides) for sides in along])
    return InputLines(directions, ray, [line[n] for n in range(len(on_rays))], reach)


def _rays(u: Float[Tensor, "rows d"]) -> Int[Tensor, " rows"]:
    """Return the ray of each row of unit length, or -1."""
    ray, n = torch.full((len(u),), -1), 0
    near = u @ u.T > CLOSE
    counts = near.sum(dim=1)
    while len(u) and int(counts.max()) >= FEWEST:
        mine = near[int(counts.argmax())] & (ray < 0)
        ray[mine] = n
        n += 1
        counts = (counts - near[:, mine].sum(dim=1)) * (ray < 0)
    return ray


def _lines(on_rays: Sequence[Float[Tensor, "_ d"]]) -> list[list[int]]:
    """Return the rays of each line, one or two, by how many rows are on it."""
    free = set(range(len(on_rays)))
    lines: list[list[int]] = []
    if on_rays:
        unit = normalize(torch.stack([rows.sum(dim=0) for rows in on_rays]), dim=1)
        cosines = unit @ unit.T
        while float(cosines.min()) < OPPOSED:
            sides = sorted(divmod(int(cosines.argmin()), len(unit)))
            lines.append(sides)
            cosines[sides] = 1
            cosines[:, sides] = 1
            free -= set(sides)
    lines += [[single] for single in sorted(free)]
    return sorted(lines, key=lambda sides: -sum(len(on_rays[n]) for n in sides))


def _axis(sides: Sequence[Float[Tensor, "_ d"]]) -> Float[Tensor, " d"]:
    """Return the direction in which rows on one or two rays are largest."""
    units = normalize(torch.stack([rows.sum(dim=0) for rows in sides]), dim=1)
    sizes = torch.stack([torch.linalg.vector_norm(rows) for rows in sides])
    _, _, right = torch.linalg.svd(units * sizes.unsqueeze(1), full_matrices=False)
    axis: Tensor = right[0] * (right[0] @ units[0]).sign()
    return axis
