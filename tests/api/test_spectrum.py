"""The mean importance spectrum: where each subcomponent is drawn."""

import pytest

from api.spectrum import HEIGHT, MARKS, MOST, height_of, spectra
from api.views.decompositions import SubcomponentItem


def _item(matrix: str, index: int, importance: float) -> SubcomponentItem:
    return SubcomponentItem(
        id=f"{matrix}:{index}",
        matrix=matrix,
        index=index,
        mean_importance=importance,
        is_alive=importance > 0.01,
        norm=1.0,
        top_inputs=[],
        reads=[],
        writes=[],
    )


@pytest.mark.parametrize(
    ("importance", "height"), [(1.0, 0), (0.01, HEIGHT / 2), (1e-4, HEIGHT), (0.0, HEIGHT)]
)
def test_importance_is_drawn_on_a_logarithmic_scale(importance: float, height: float):
    assert height_of(importance) == height


def test_each_matrix_has_its_own_with_the_largest_first():
    items = [_item("a", 0, 0.001), _item("a", 1, 0.5), _item("a", 2, 0.001), _item("b", 0, 0.0)]

    first, second = spectra(items)

    assert [dot.item.id for dot in first.dots] == ["a:1", "a:0", "a:2"]
    assert [dot.x for dot in first.dots] == sorted({dot.x for dot in first.dots})
    assert (first.n_alive, second.n_alive) == (1, 0)
    assert all(0 < dot.x < first.width for dot in first.dots)


def test_thousands_fit_on_the_page():
    (spectrum,) = spectra([_item("a", at, 1 / (at + 1)) for at in range(4000)])

    assert spectrum.width <= 480
    assert (spectrum.n, len(spectrum.dots)) == (4000, MOST)


def test_the_scale_goes_from_one_to_the_lowest():
    assert [y for _, y in MARKS] == [0, 35, 70, 105, 140]
