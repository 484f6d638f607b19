import numpy as np
from numpy.typing import NDArray

class csr_array:
    data: NDArray[np.float64]
    indices: NDArray[np.int32]
    indptr: NDArray[np.int32]
    T: csr_array
    def __init__(
        self,
        arrays: tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]],
        shape: tuple[int, int],
    ) -> None: ...
    def __getitem__(self, rows: slice) -> csr_array: ...
    def __matmul__(self, other: csr_array) -> csr_array: ...
    def tocsr(self) -> csr_array: ...
