from collections.abc import Sequence

from igraph import Graph

class RBConfigurationVertexPartition:
    membership: list[int]
    def quality(self) -> float: ...

def find_partition(
    graph: Graph,
    partition_type: type[RBConfigurationVertexPartition],
    initial_membership: Sequence[int] | None = ...,
    weights: str | Sequence[float] | None = ...,
    n_iterations: int = ...,
    max_comm_size: int = ...,
    seed: int | None = ...,
    *,
    resolution_parameter: float = ...,
) -> RBConfigurationVertexPartition: ...
