from typing import Any

import numpy as np
from numpy.typing import NDArray

def gammaln(x: NDArray[np.floating[Any]]) -> NDArray[np.float64]: ...
