"""The picture of an attribution graph: inputs at the bottom, outputs at the top.

A row is a matrix, a column a position, a line a direct effect: the wider, the larger its share of
what enters its target. The server draws it, so it shows without scripts and never changes.
"""

from dataclasses import dataclass

from api.strokes import Pen, Stroke, stroke
from decomposition.reports import AttributionGraph, Edge, Node

_ROW = 58.0
_SLOT = 34.0
_LEFT = 170.0
_MARGIN = 26.0
_LEAST_WIDTH = 520.0
_PEN = Pen(width=0.6, more_width=3.4, opacity=0.2, more_opacity=0.6)


@dataclass(frozen=True)
class Mark:
    """A node in its place."""

    node: Node
    x: float
    y: float
    label: str
    """What is written beside it: a number, or a word."""

    words: str
    """What it says when it is pointed at."""


@dataclass(frozen=True)
class Arrow:
    """An edge between two places."""

    stroke: Stroke
    is_positive: bool
    is_confirmed: bool
    """The ablation moved the target the way the attribution says."""

    words: str


@dataclass(frozen=True)
class Row:
    """A matrix, or the inputs, or the outputs."""

    name: str
    y: float


@dataclass(frozen=True)
class Column:
    """A position with what stands there."""

    word: str
    x: float


@dataclass(frozen=True)
class GraphPicture:
    """An attribution graph as it is drawn."""

    width: float
    height: float
    rows: list[Row]
    columns: list[Column]
    marks: list[Mark]
    arrows: list[Arrow]


def draw_attributions(graph: AttributionGraph) -> GraphPicture:
    """Return the picture of an attribution graph; only positions and matrices with a node."""
    positions = sorted({node.position for node in graph.nodes})
    layers = sorted({node.layer for node in graph.nodes}, reverse=True)
    cells: dict[tuple[int, int], list[Node]] = {}
    for node in graph.nodes:
        cells.setdefault((node.layer, node.position), []).append(node)
    widths = [
        _SLOT * max(len(cells.get((layer, position), [])) for layer in layers) + _SLOT
        for position in positions
    ]
    stretch = max(1.0, (_LEAST_WIDTH - _LEFT) / max(1.0, sum(widths)))
    widths = [width * stretch for width in widths]
    starts = [_LEFT + sum(widths[:i]) for i in range(len(widths))]
    middles = {p: s + w / 2 for p, s, w in zip(positions, starts, widths, strict=True)}
    heights = {layer: _MARGIN + _ROW * row for row, layer in enumerate(layers)}
    marks = [
        _mark(node, middles[position] + _SLOT * stretch * (i - (len(cell) - 1) / 2), heights[layer])
        for (layer, position), cell in cells.items()
        for i, node in enumerate(cell)
    ]
    places = {mark.node.id: mark for mark in marks}
    return GraphPicture(
        width=round(_LEFT + sum(widths) + _MARGIN, 1),
        height=round(2 * _MARGIN + _ROW * max(0, len(layers) - 1) + 24 * bool(graph.words), 1),
        rows=[Row(_row_name(cells, layer), heights[layer]) for layer in layers],
        columns=[Column(graph.words[p], round(middles[p], 1)) for p in positions if graph.words],
        marks=marks,
        arrows=_arrows(graph.edges, places),
    )


def _mark(node: Node, x: float, y: float) -> Mark:
    label = node.name if node.kind != "subcomponent" else node.name.rpartition(":")[2]
    if node.kind == "remainder":
        label = "rest"
    importance = "" if node.importance is None else f", importance {node.importance:.2f}"
    where = f" at position {node.position}" if node.position else ""
    words = f"{node.name}{where}: {node.value:.4g}{importance}"
    return Mark(node, round(x, 1), round(y, 1), label.split(" ")[-1], words)


def _row_name(cells: dict[tuple[int, int], list[Node]], layer: int) -> str:
    node = next(cell[0] for (at, _), cell in cells.items() if at == layer)
    if node.kind in {"input", "output"}:
        return node.kind
    return node.name.removeprefix("rest of ").rpartition(":")[0] or node.name.removeprefix(
        "rest of "
    )


def _arrows(edges: list[Edge], places: dict[str, Mark]) -> list[Arrow]:
    """Return the edges to draw, weakest first, so that strong ones lie on top."""
    largest: dict[str, float] = {}
    for edge in edges:
        largest[edge.target] = max(largest.get(edge.target, 1e-30), abs(edge.attribution))
    arrows = []
    for edge in reversed(edges):
        one, other = places[edge.source], places[edge.target]
        share = abs(edge.attribution) / largest[edge.target]
        tried = "" if edge.direct is None else f", ablated {edge.direct:.3g}"
        arrows.append(
            Arrow(
                stroke((one.x, one.y), (other.x, other.y), share, _PEN),
                is_positive=edge.attribution > 0,
                is_confirmed=edge.direct is not None and edge.direct * edge.attribution > 0,
                words=f"{one.node.name} → {other.node.name}: {edge.attribution:.3g}{tried}",
            )
        )
    return arrows
