from typing import Any

import numpy as np
from numpy.typing import NDArray

_Coordinates = tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]

class csr_array:
    data: NDArray[np.float64]
    indices: NDArray[np.int32]
    indptr: NDArray[np.int32]
    shape: tuple[int, int]
    T: csr_array
    def __init__(
        self,
        arrays: csr_array
        | tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]
        | tuple[NDArray[np.float64], _Coordinates],
        shape: tuple[int, int] = ...,
    ) -> None: ...
    def __getitem__(self, rows: slice | NDArray[np.integer[Any]]) -> csr_array: ...
    def __add__(self, other: csr_array) -> csr_array: ...
    def __matmul__(self, other: csr_array) -> csr_array: ...
    def multiply(self, other: csr_array | NDArray[np.float64]) -> csr_array: ...
    def sum(self, axis: int) -> NDArray[np.float64]: ...
    def tocsr(self) -> csr_array: ...
    def sum_duplicates(self) -> None: ...

class coo_array:
    coords: tuple[NDArray[np.int32], NDArray[np.int32]]
    def __init__(self, array: csr_array) -> None: ...
