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


PAPER = Titled("src_a", "Which heads copy names", {}, ["Ada Lark", "Bo Reed"], 2024)
LONG = "Which heads copy names: a study of induction"


@pytest.mark.parametrize(
    "other",
    [
        Titled("src_b", LONG, {}, ["Lark, Ada", "Reed, Bo"], 2024),
        Titled("src_b", "Which Heads Copy Names? A study of induction", {}, ["A. Lark"], 2025),
        Titled("src_b", LONG, {"doi": "10.1/x"}, ["Ada Lark", "Bo Reed", "Cy Finch"], 2023),
    ],
)
def test_a_version_may_have_a_subtitle_if_its_authors_are_the_same(other: Titled):
    assert work_links([PAPER, other]) == [WorkLink("src_a", "src_b", WorkTie.VERSION)]
    assert work_links([other, PAPER]) == work_links([PAPER, other])


@pytest.mark.parametrize(
    "other",
    [
        Titled("src_b", LONG, {}, ["Cy Finch", "Bo Reed", "Di Wren"], 2024),
        Titled("src_b", LONG, {}, [], 2024),
        Titled("src_b", LONG, {}, PAPER.authors, None),
        Titled("src_b", LONG, {}, PAPER.authors, 2026),
        Titled("src_b", "Which heads copy names: Part II", {}, PAPER.authors, 2024),
        Titled("src_b", "Which heads copy names: a reply", {}, PAPER.authors, 2024),
        Titled("src_b", "Which heads copy names — 2", {}, PAPER.authors, 2024),
        Titled("src_b", "Which heads copy dates: a study", {}, PAPER.authors, 2024),
    ],
)
def test_a_subtitle_alone_does_not_make_a_version(other: Titled):
    assert work_links([PAPER, other]) == []


def test_two_parts_are_two_papers_and_so_are_two_subtitles():
    first = PAPER._replace(id="src_1", title="Heads that copy names: Part I")
    second = PAPER._replace(id="src_2", title="Heads that copy names: Part II")
    third = PAPER._replace(id="src_3", title="Heads that copy names: in small models")
    fourth = PAPER._replace(id="src_4", title="Heads that copy names: a closer look")

    assert work_links([first, second, third, fourth]) == []


def test_differing_identifiers_of_one_scheme_are_two_papers_whatever_the_subtitle():
    one = PAPER._replace(identifiers={"arxiv": "2401.00001"})
    two = PAPER._replace(id="src_b", title=LONG, identifiers={"arxiv": "2402.00009"})

    assert work_links([one, two]) == []
