"""Ids depend on content alone."""

from hypothesis import given
from hypothesis import strategies as st

from kg.ids import content_id, normalised

words = st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1)


@given(st.lists(words, min_size=1, max_size=6))
def test_white_space_makes_no_difference(parts: list[str]):
    assert content_id("stm", " ".join(parts)) == content_id("stm", "\n  ".join(parts) + "\t")


@given(words, words)
def test_different_content_gets_a_different_id(left: str, right: str):
    same = normalised(left) == normalised(right)

    assert (content_id("stm", left) == content_id("stm", right)) is same


def test_where_one_part_ends_and_the_next_begins_makes_a_difference():
    assert content_id("stm", "ab", "c") != content_id("stm", "a", "bc")


def test_an_id_is_its_prefix_and_26_characters_of_base_32():
    prefix, rest = content_id("src", "x").split("_")

    assert prefix == "src"
    assert len(rest) == 26
    assert rest.islower()
