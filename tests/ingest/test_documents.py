"""Sections know the page of each of their characters."""

from ingest.documents import Section


def test_a_character_is_on_the_page_that_began_last_before_it():
    section = Section("Results", 1, "first page second page", pages=((0, 4), (11, 5)))

    assert [section.page_at(offset) for offset in (0, 10, 11, 21)] == [4, 4, 5, 5]


def test_a_format_without_pages_has_none():
    assert Section("Results", 1, "text").page_at(2) is None
