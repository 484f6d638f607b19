"""Products of blocks: whoever is over a bar is found, whatever the products are made in."""

import numpy as np
import pytest

from kg.products import HalfProducts, Products, SingleProducts


@pytest.mark.parametrize("products", [SingleProducts(), HalfProducts()])
@pytest.mark.parametrize("lowest", [0.05, -0.2])
def test_who_is_over_the_bar_of_a_column_is_found(products: Products, lowest: float):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 128, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    bars = np.linspace(lowest, 0.4, 128)
    numbers = products.cosines(*map(products.load, vectors))

    row, column = products.over(numbers, bars)

    found = np.zeros((128, 128), dtype=bool)
    found[row, column] = True
    exact = vectors[0] @ vectors[1].T
    slack = products.error + products.rounding
    assert found[exact >= bars + slack].all()
    assert not found[exact < bars - 2 * slack - 0.004].any()
    assert 500 < len(row) < 10_000
