from collections.abc import Iterable, Sequence
from random import Random
from types import ModuleType
from typing import Literal

def set_random_number_generator(generator: Random | ModuleType) -> None: ...

class VertexClustering:
    membership: list[int]

class EdgeSeq:
    def __getitem__(self, attribute: str) -> list[float]: ...
    def __setitem__(self, attribute: str, values: Sequence[float]) -> None: ...
    def attributes(self) -> list[str]: ...

class GraphBase:
    def community_leiden(
        self,
        *,
        edge_weights: Sequence[float] | None = ...,
        node_weights: Sequence[float] | None = ...,
        resolution: float = ...,
        normalize_resolution: bool = ...,
        n_iterations: int = ...,
        initial_membership: Sequence[int] | None = ...,
    ) -> tuple[list[int], float]: ...

class Graph(GraphBase):
    es: EdgeSeq
    def __init__(
        self,
        n: int = ...,
        edges: Iterable[tuple[int, int]] = ...,
        *,
        edge_attrs: dict[str, Sequence[float]] = ...,
    ) -> None: ...
    def biconnected_components(
        self, return_articulation_points: Literal[True]
    ) -> tuple[Iterable[list[int]], list[int]]: ...
    def connected_components(self) -> VertexClustering: ...
    def vcount(self) -> int: ...
    def ecount(self) -> int: ...
    def copy(self) -> Graph: ...
    def delete_edges(self, edges: Sequence[int]) -> None: ...
    def get_edgelist(self) -> list[tuple[int, int]]: ...
    def induced_subgraph(self, vertices: Sequence[int]) -> Graph: ...
    def modularity(
        self,
        membership: Sequence[int],
        weights: str | Sequence[float] | None = ...,
        resolution: float = ...,
        directed: bool = ...,
    ) -> float: ...
    def spanning_tree(self, *, return_tree: bool = ...) -> list[int]: ...
    def mincut(self) -> Cut: ...

class Cut:
    value: float
