import pytest

from decomposition.wording import Sign, asserts, touches

SIGNS = (Sign(r"\bunlike\b", -1), Sign(r"\bmatch\w*", 1), Sign(r"\bwell\b", 1, tells=False))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("They match.", True),
        ("They do not match.", False),
        ("They don't match.", False),
        ("They cannot match.", False),
        ("They never match.", False),
        ("None of them match.", False),
        ("Neither these nor those match.", False),
        ("They fail to match.", False),
        ("They do not fail to match.", True),
        ("It is not true that they never match.", True),
        ("It is false that they match.", False),
        ("They are unlike.", False),
        ("They are not unlike.", True),
        ("Not only do they match.", True),
        ("They match with no labels.", True),
        ("They match, and they do not cost much.", True),
        ("They match but they do not match.", None),
        ("We find that they do not match.", False),
        ("They do well.", None),
        ("", None),
    ],
)
def test_negations_turn_a_clause_round_and_cancel_in_pairs(text: str, expected: bool | None):
    assert asserts(text, SIGNS) is expected


def test_what_one_sign_has_read_is_not_read_again():
    signs = (Sign("no better than chance", -1), Sign("better", 1))

    assert asserts("It is no better than chance.", signs) is False


def test_a_term_is_the_beginning_of_a_word():
    assert touches("Known Mechanisms", ["mechanism"])
    assert not touches("biomechanisms", ["mechanism"])
    assert touches("the ground-truth features", ["ground truth", "ground-truth"])
