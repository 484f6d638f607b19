"""Products of blocks: whoever is over a bar is found, whatever the products are made in."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

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


def test_torch_has_as_many_threads_after_products_as_before():
    products = HalfProducts()
    before = torch.get_num_threads()

    products.each(lambda _: torch.set_num_threads(1), range(3))

    later = ThreadPoolExecutor(1).submit(torch.get_num_threads).result()
    assert (torch.get_num_threads(), later) == (before, before)


def test_the_number_of_threads_changes_no_bit_of_a_product():
    vectors = np.random.default_rng(0).normal(size=(4, 300, 384)).astype(np.float32)
    products = SingleProducts()

    one, several = (
        products.each(
            lambda place: products.cosines(vectors[place], vectors[0]).copy(), range(4), n
        )
        for n in (1, 3)
    )

    np.testing.assert_array_equal(one, several)
