"""The picture of a community: where each statement stands, as numbers for an SVG.

The server draws it, so it shows without scripts and every node is a link. Nodes are placed
by Kamada & Kawai (1989), An Algorithm for Drawing General Undirected Graphs,
doi:10.1016/0020-0190(89)90102-6, from a circle: no random numbers, so the picture of a
community never changes. Only the strongest ties of each statement pull at it, since a dense
graph would be drawn as a ring. The widest extent is turned into the horizontal.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from api.strokes import Pen, Stroke, stroke, strongest_of_either
from api.views.communities import CommunityView, EdgeView, MemberView

N_NODES = 300
"""Statements drawn, at most: what a picture of links can carry."""

N_EDGES = 1500
"""Ties drawn, at most."""

N_PULLING = 4
"""Ties of each statement that decide where it stands."""

N_COLOURS = 8
"""Sub-communities told apart by colour; further ones start again."""

WIDTH = 960.0
_LEAST_HEIGHT = 240.0
_MOST_HEIGHT = 640.0
_MARGIN = 24.0
_PEN = Pen(0.6, 2.2, 0.15)


@dataclass(frozen=True)
class Node:
    """A statement's place in the picture."""

    statement: MemberView
    x: float
    y: float
    colour: int | None
    """Which colour, from 0; none where there are no sub-communities."""


@dataclass(frozen=True)
class Line:
    """A tie between two places."""

    source: str
    target: str
    stroke: Stroke


@dataclass(frozen=True)
class Picture:
    """A community as it is drawn."""

    width: float
    height: float
    radius: float
    nodes: list[Node]
    lines: list[Line]
    n_nodes_left_out: int
    n_lines_left_out: int


def draw(community: CommunityView) -> Picture:
    """Return the picture of a community; of a large one, its most connected statements."""
    members = [*community.claims, *community.findings]
    shown = _most_connected(members, community.edges)
    kept = {member.id for member in shown}
    edges = [edge for edge in community.edges if edge.source in kept and edge.target in kept]
    edges.sort(key=lambda edge: (-edge.weight, edge.source, edge.target))
    places, height = _places([member.id for member in shown], edges)
    colours = {child.id: i for i, child in enumerate(community.sub_communities)}
    return Picture(
        width=WIDTH,
        height=height,
        radius=round(max(4.5, min(10.0, 60 / max(1, len(shown)) ** 0.5)), 1),
        nodes=[
            Node(member, *places[member.id], _colour(colours, member.sub_community))
            for member in shown
        ],
        lines=_lines(edges[:N_EDGES], places),
        n_nodes_left_out=len(members) - len(shown),
        n_lines_left_out=max(0, len(edges) - N_EDGES),
    )


def _most_connected(members: list[MemberView], edges: list[EdgeView]) -> list[MemberView]:
    """Return the members with the largest sum of weights, in the order in which they came."""
    strength = dict.fromkeys((member.id for member in members), 0.0)
    for edge in edges:
        strength[edge.source] += edge.weight
        strength[edge.target] += edge.weight
    ranked = sorted(strength, key=lambda identifier: (-strength[identifier], identifier))
    kept = set(ranked[:N_NODES])
    return [member for member in members if member.id in kept]


def _colour(colours: dict[str, int], sub_community: str | None) -> int | None:
    return None if sub_community is None else colours[sub_community] % N_COLOURS


def _places(
    identifiers: list[str], edges: list[EdgeView]
) -> tuple[dict[str, tuple[float, float]], float]:
    """Return where each statement stands, and how high the picture is."""
    import igraph as ig  # brings matplotlib with it where that is installed: a second

    order = sorted(identifiers)
    index = {identifier: i for i, identifier in enumerate(order)}
    strongest = strongest_of_either(edges, lambda edge: (edge.source, edge.target), N_PULLING)
    pulling = [(index[edge.source], index[edge.target]) for edge in strongest]
    graph = ig.Graph(n=len(order), edges=pulling)
    placed = graph.layout("kk").coords  # type: ignore[attr-defined]  # not in our stub
    xy = _turned(np.array(placed, dtype=np.float64).reshape(-1, 2))
    extent = np.ptp(xy, axis=0) if len(order) > 1 else np.ones(2)
    inner = WIDTH - 2 * _MARGIN
    wanted = float(inner * extent[1] / max(extent[0], 1e-9)) + 2 * _MARGIN
    most = min(_MOST_HEIGHT, _LEAST_HEIGHT + 14.0 * len(order))
    height = min(max(wanted, _LEAST_HEIGHT), most)
    scale = min(inner / max(extent[0], 1e-9), (height - 2 * _MARGIN) / max(extent[1], 1e-9))
    xy = xy * scale + np.array([WIDTH / 2, height / 2])
    places = {
        identifier: (round(float(xy[i, 0]), 1), round(float(xy[i, 1]), 1))
        for identifier, i in index.items()
    }
    return places, round(height, 1)


def _turned(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turn points about their middle so that they spread most from left to right."""
    if len(xy) < 2:
        return np.zeros((len(xy), 2))
    centred = xy - (xy.max(axis=0) + xy.min(axis=0)) / 2
    axes = np.linalg.svd(centred - centred.mean(axis=0), full_matrices=True)[2]
    turned: npt.NDArray[np.float64] = centred @ axes.T
    turned -= (turned.max(axis=0) + turned.min(axis=0)) / 2
    return turned


def _lines(edges: list[EdgeView], places: dict[str, tuple[float, float]]) -> list[Line]:
    """Return the ties to draw, weakest first, so that strong ones lie on top."""
    heaviest = max((edge.weight for edge in edges), default=1.0) or 1.0
    return [
        Line(
            edge.source,
            edge.target,
            stroke(places[edge.source], places[edge.target], edge.weight / heaviest, _PEN),
        )
        for edge in reversed(edges)
    ]
