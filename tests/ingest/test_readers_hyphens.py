"""Hyphens at a line's end are kept or undone by what the document itself says."""

import pytest

from ingest.readers.hyphens import count_words, join_lines


def _join(first: str, second: str, elsewhere: str = "") -> str:
    lines = [first, second]
    return join_lines(lines, count_words([*lines, *elsewhere.split("\n")]))


@pytest.mark.parametrize(
    ("first", "second", "elsewhere", "expected"),
    [
        ("an interpre-", "tation of it", "", "an interpretation of it"),
        ("an edit-", "donor patch", "the edit-donor patch", "an edit-donor patch"),
        ("a down-", "stream task", "downstream tasks are downstream", "a downstream task"),
        ("a two-", "sided test", "", "a two-sided test"),
        ("the k-", "means of it", "", "the k-means of it"),
        ("an out-", "of-distribution test", "", "an out-of-distribution test"),
        ("the state-of-the-", "art model", "the model", "the state-of-the-art model"),
        ("the Qwen-", "Base model", "", "the Qwen-Base model"),
        ("the GPT-", "2 model", "", "the GPT-2 model"),
        ("rates of 10-", "20 percent", "", "rates of 10-20 percent"),
        ("see https://example.org/a-", "b for it", "", "see https://example.org/a-b for it"),
        ("a retrieval-", "based score", "retrieval of facts", "a retrieval-based score"),
        ("it is consist-", "ently so", "they consist of parts", "it is consistently so"),
        ("a data-", "driven search", "", "a data-driven search"),
        ("the decom-", "position of it", "a position to decompose", "the decomposition of it"),
        ("at https://a.org/na", "me9/b.git.", "", "at https://a.org/name9/b.git."),
        ("at https://a.org/b.", "It is/was so.", "", "at https://a.org/b. It is/was so."),
        ("at https://a.org/b", "or elsewhere", "", "at https://a.org/b or elsewhere"),
        ("with-", "out a head", "with it", "without a head"),
        ("heads —", "all of them", "", "heads — all of them"),
        ("heads—", "all of them", "", "heads—all of them"),
        ("x -", "y", "", "x - y"),
        ("plain line", "goes on", "", "plain line goes on"),
    ],
)
def test_two_lines_are_joined(first: str, second: str, elsewhere: str, expected: str):
    assert _join(first, second, elsewhere) == expected


def test_a_broken_word_does_not_count_as_evidence_for_itself():
    counts = count_words(["a re-", "sult of it", "a result"])

    assert counts["re"] == counts["sult"] == 0
    assert counts["result"] == 1


def test_a_compound_counts_as_itself_and_as_its_parts():
    counts = count_words(["one edit-donor"])

    assert (counts["edit-donor"], counts["edit"], counts["donor"]) == (1, 1, 1)
