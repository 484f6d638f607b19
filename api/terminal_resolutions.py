"""How the resolutions of a graph look in a terminal."""

from collections.abc import Iterator
from math import log

from api.counting import count_of
from api.views.resolutions import PlateauView, ResolutionsView

_WIDEST = 30
"""Characters of the longest bar."""


def resolutions(view: ResolutionsView) -> Iterator[str]:
    """Draw the plateaus one a line, each with a bar as long as it is wide by its logarithm."""
    yield (
        f"run {view.run} ({view.method}) was cut at resolution {view.resolution:g}; "
        f"{count_of(view.cuts, 'cut')} of its graph give:"
    )
    yield f"{'from':>10} {'to':>10} {'communities':>12} {'alone':>8} {'modularity':>11}"
    widest = max(map(_width, view.plateaus))
    for each in view.plateaus:
        bar = "#" * round(_WIDEST * _width(each) / widest)
        yield (
            f"{each.low:>10.4g} {each.high:>10.4g} {each.communities:>12,} {each.alone:>8,} "
            f"{each.modularity:>11.3f}  {bar}".rstrip()
        )
    parted = [each for each in view.plateaus if each.communities > 1]
    if parted:
        chosen = max(parted, key=_width)
        yield (
            "a long bar is a scale of its own; for that of "
            f"{count_of(chosen.communities, 'community', 'communities')}: "
            f"claimgraph cluster --method {view.method} --resolution {chosen.middle:g}"
        )


def _width(plateau: PlateauView) -> float:
    return log(plateau.high / plateau.low)
