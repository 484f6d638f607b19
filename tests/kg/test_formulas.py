"""One sentence that a source and a PDF set in two ways is one, and no other sentence is."""

import pytest

from kg.duplicates import DuplicateConfig, Relation, Saying, compared
from kg.formulas import are_one_sentence, in_print

SAME = [
    (
        r"It falls (monotonic, $p{=}7.6{\times}10^{-6}$) at once.",
        "It falls (monotonic, p=7.6×10−6 ) at once.",
    ),
    (r"It fails on $0/20$ runs at $\alpha=0.70$.", "It fails on 0/20 runs at α = 0.70."),
    (r"$P(\texttt{finish})$ moves by $-0.001$.", "P(finish) moves by −0.001."),
    (r"The gain is $\sim$20$\times$, $\approx 0$ before.", "The gain is ∼20×, ≈ 0 before."),
    (r"With $n{=}60$ it is clear.", r"With $n = 60$ it is clear."),
    ("A slope of 2 × 10⁻⁵ is “small”.", 'A slope of 2 × 10−5 is "small".'),
    ("As [smith2024,jones-2023] show, heads copy.", "As [7, 11] show, heads copy."),
    ("At 𝛼 = 2 heads copy.", "At α = 2 heads copy."),
]
OTHERS = [
    (r"It fails on $0/20$ runs.", "It fails on 12/20 runs."),
    (r"$P(x)$ moves by $-0.001$.", "P(x) moves by 0.001."),
    (r"The cost is $n^2$ here.", r"The cost is $n_2$ here."),
    ("Values in [0, 1] suffice.", "Values in [0, 2] suffice."),
    ("As [smith2024] shows, heads copy.", "Heads copy."),
    ("It costs $5 and $10.", "It costs $5 and $11."),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_a_sentence_set_in_another_way_is_the_same(a: str, b: str):
    assert are_one_sentence(a, b)
    assert are_one_sentence(b, a)
    found = compared(Saying(a), Saying(b), 0.6, {}, DuplicateConfig())
    assert (found.relation, found.score) == (Relation.SAME, 1.0)


@pytest.mark.parametrize(("a", "b"), OTHERS)
def test_what_differs_in_more_than_its_looks_is_another(a: str, b: str):
    assert not are_one_sentence(a, b)


def test_formulas_are_compared_as_they_are_printed():
    a, b = (
        Saying("Clamping the feature up moves the logit by −0.001 only."),
        Saying(r"Clamping this feature up moves the logit by $-0.001$ only."),
    )

    assert compared(a, b, 0.95, {}, DuplicateConfig()).relation is Relation.SAME


@pytest.mark.parametrize("text", ["$5 and $10", "a lone $", r"a macro $\ours{x}$ stays", "none"])
def test_what_is_no_formula_is_printed_as_it_stands(text: str):
    assert in_print(text) == text
