import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

def min_weight_full_bipartite_matching(
    biadjacency: csr_array, maximize: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int32]]: ...
def minimum_spanning_tree(csgraph: csr_array, overwrite: bool = False) -> csr_array: ...
def connected_components(
    csgraph: csr_array, directed: bool = True
) -> tuple[int, NDArray[np.int32]]: ...
