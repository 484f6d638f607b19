"""From an offset to a page and a box, through as few bytes as that takes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kg.printed import PageBox, PrintedLine, boxes_of, packed, unpacked

TENTHS = st.integers(0, 15_000).map(lambda n: n / 10)


def _edges(pairs: list[tuple[float, float]]) -> NDArray[np.float64]:
    return np.array(pairs, np.float64).reshape(-1, 2)


LINES = st.lists(
    st.builds(
        PrintedLine,
        st.integers(0, 10**6),
        st.integers(1, 1000),
        st.sampled_from((0, 90, 180, 270)),
        TENTHS,
        TENTHS,
        st.lists(st.tuples(TENTHS, TENTHS), max_size=20).map(_edges),
    )
)


@given(LINES)
def test_what_is_packed_comes_back(lines: list[PrintedLine]):
    for line, again in zip(lines, unpacked(packed(lines)), strict=True):
        assert again[:3] == line[:3]
        before = [line.bottom, line.top, *(edge for pair in line.edges for edge in pair)]
        after = [again.bottom, again.top, *(edge for pair in again.edges for edge in pair)]
        assert [round(each, 1) for each in after] == before


def test_no_lines_are_packed_as_nothing():
    assert packed([]) == ""
    assert unpacked("") == []


def test_a_span_has_a_box_on_each_of_its_lines():
    lines = [
        PrintedLine(0, 3, 0, 700, 710, _edges([(10, 15), (15, 20), (20, 25)])),
        PrintedLine(4, 4, 0, 50, 60, _edges([(10, 16), (16, 20)])),
    ]

    assert boxes_of(lines, 1, 5) == [PageBox(3, 15, 700, 25, 710), PageBox(4, 10, 50, 16, 60)]
    assert boxes_of(lines, 3, 4) == []


def test_the_box_on_a_turned_page_is_turned_with_it():
    (box,) = boxes_of([PrintedLine(0, 1, 90, -30, -20, _edges([(100, 105)]))], 0, 1)

    assert box == PageBox(1, 20, 100, 30, 105)
