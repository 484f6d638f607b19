from collections.abc import Sequence

from igraph import Graph

class CPMVertexPartition:
    membership: list[int]
    resolution_parameter: float
    def __init__(
        self,
        graph: Graph,
        *,
        weights: Sequence[float] | None = ...,
        node_sizes: Sequence[float] | None = ...,
        resolution_parameter: float = ...,
    ) -> None: ...

class RBConfigurationVertexPartition:
    membership: list[int]
    resolution_parameter: float
    def __init__(
        self,
        graph: Graph,
        *,
        weights: Sequence[float] | None = ...,
        resolution_parameter: float = ...,
    ) -> None: ...

class Optimiser:
    def __init__(self) -> None: ...
    def set_rng_seed(self, value: int) -> None: ...
    def optimise_partition_multiplex(
        self,
        partitions: Sequence[CPMVertexPartition],
        layer_weights: Sequence[float] | None = ...,
        n_iterations: int = ...,
    ) -> float: ...

def find_partition(
    graph: Graph,
    partition_type: type[RBConfigurationVertexPartition],
    *,
    weights: Sequence[float] | None = ...,
    resolution_parameter: float = ...,
    n_iterations: int = ...,
    seed: int | None = ...,
) -> RBConfigurationVertexPartition: ...
