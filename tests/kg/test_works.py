"""Which sources are one paper."""

import pytest

from kg.works import Titled, WorkLink, WorkTie, work_links


def _links(*titles: str) -> list[WorkLink]:
    return work_links([Titled(f"src_{n}", title, {}) for n, title in enumerate(titles)])


@pytest.mark.parametrize(
    "summary",
    [
        "Paper Summary: Interpreting Language Model Parameters",
        "Notes on interpreting language model parameters",
        "Interpreting Language Model Parameters (summary)",
        "Interpreting Language Model Parameters — a summary",
        "TL;DR: Interpreting Language Model Parameters",
    ],
)
def test_a_summary_is_told_from_the_paper_by_its_title(summary: str):
    found = _links("Interpreting Language Model Parameters", summary)

    assert found == [WorkLink("src_1", "src_0", WorkTie.SUMMARY)]


def test_papers_of_other_titles_and_short_titles_are_not_one():
    assert _links("Toy models of superposition", "Notes on toy models of memorisation") == []
    assert _links("Superposition", "Notes on superposition") == []


def test_an_identifier_counts_for_more_than_a_title():
    paper = Titled("src_b", "Parameter decomposition by attribution", {"arxiv": "2501.14926v1"})
    later = Titled("src_a", "Splitting networks", {"arxiv": "2501.14926v3"})
    other = Titled("src_c", "Parameter decomposition by attribution", {"arxiv": "2506.20790"})

    assert work_links([paper, later, other]) == [WorkLink("src_a", "src_b", WorkTie.VERSION)]
    assert work_links([other, later, paper]) == work_links([paper, later, other])
