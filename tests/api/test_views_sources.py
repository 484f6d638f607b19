"""Sources, their statements in place, and their text in stretches."""

import pytest

from api import terminal
from api.views import sources
from api.views.sources import (
    count_sources,
    place_of,
    source_text_view,
    source_view,
    sources_view,
)
from kg.errors import NotFoundError


def test_sources_are_listed_by_title_with_their_counts(session):
    listed = sources_view(session).root

    assert [(item.name, item.claims, item.findings) for item in listed] == [
        ("reply.pdf", 3, 2),
        ("notes.md", 2, 2),
        ("list.txt", 3, 0),
    ]
    assert count_sources(session) == 3


def test_a_stretch_of_the_list_leaves_out_the_rest(session):
    assert [item.name for item in sources_view(session, limit=1, offset=1).root] == ["notes.md"]


def test_a_source_gives_its_sections_and_its_statements_in_reading_order(session, library):
    view = source_view(session, library.sources["reply"])

    names = {identifier: name for name, identifier in library.statements.items()}
    assert [(s.ordinal, s.heading) for s in view.sections] == [(0, "Geometry"), (1, "Measurements")]
    assert [names[row.id] for row in view.statements] == [
        "superposition",
        "apart",
        "recover",
        "four",
        "grew",
    ]
    assert [row.places[0].page for row in view.statements] == [3, 3, 4, 4, 4]
    assert view.claims + view.findings == len(view.statements)


def test_a_stretch_of_the_statements_has_all_their_places_and_the_counts_of_all(session, library):
    source = library.sources["notes"]
    whole = source_view(session, source)

    stretches = [source_view(session, source, 1, offset) for offset in range(5)]

    assert [each.statements for each in stretches] == [*([row] for row in whole.statements), []]
    assert len(stretches[0].statements[0].places) == 2
    assert {(each.claims, each.findings) for each in stretches} == {(2, 2)}


def test_a_terminal_says_how_many_statements_it_leaves_out(session, library):
    shown = "\n".join(terminal.source(source_view(session, library.sources["reply"], 2)))

    assert "Statements (5)" in shown
    assert "and 3 more: see them with --limit" in shown


def test_a_statement_made_twice_in_a_source_is_one_with_two_places(session, library):
    view = source_view(session, library.sources["notes"])

    twice = view.statements[0]
    assert twice.id == library.statements["superposition"]
    assert [place.section for place in twice.places] == [section.id for section in view.sections]
    assert len(view.statements) == 4


def test_marks_lie_where_the_text_says_so(session, library):
    view = source_text_view(session, library.sources["notes"])

    quotes = [
        section.text[mark.char_start : mark.char_end]
        for section in view.sections
        for mark in section.marks
    ]
    assert quotes == [mark.statement.text for s in view.sections for mark in s.marks]
    assert len(quotes) == 5
    assert (view.first, view.next) == (0, None)


def test_a_long_text_comes_in_stretches_of_whole_sections(session, library, monkeypatch):
    monkeypatch.setattr(sources, "N_TEXT", 50)

    opening = source_text_view(session, library.sources["notes"])
    rest = source_text_view(session, library.sources["notes"], first=opening.next)

    assert [section.heading for section in opening.sections] == ["Introduction"]
    assert [section.heading for section in rest.sections] == ["Results"]
    assert (opening.next, rest.first, rest.next) == (1, 1, None)


def test_a_mention_is_found_in_the_stretch_that_shows_it(session, library, monkeypatch):
    view = source_view(session, library.sources["notes"])
    first, last = view.statements[0].places[0].mention, view.statements[-1].places[0].mention

    assert place_of(session, last) == (library.sources["notes"], 0)
    monkeypatch.setattr(sources, "N_TEXT", 50)
    assert place_of(session, first) == (library.sources["notes"], 0)
    assert place_of(session, last) == (library.sources["notes"], 1)


@pytest.mark.parametrize("view", [source_view, source_text_view, place_of])
def test_an_unknown_source_is_not_found(session, view):
    with pytest.raises(NotFoundError, match="src_unknown"):
        view(session, "src_unknown")
