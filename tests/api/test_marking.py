"""Marking statements in a text: nothing is lost, overlaps are cut at their edges."""

from hypothesis import given
from hypothesis import strategies as st

from api.marking import pieces_of
from api.views.sources import MarkView
from api.views.view import StatementName

TEXT = "Ablating the head removes the copying; the loss rises."


def test_a_text_without_statements_is_one_piece():
    (piece,) = pieces_of(TEXT, [])

    assert (piece.text, piece.marks, piece.begins) == (TEXT, [], [])


def test_overlapping_statements_share_the_piece_in_which_they_overlap():
    marks = [_mark("a", 0, 37), _mark("b", 25, len(TEXT))]

    pieces = pieces_of(TEXT, marks)

    assert [(piece.text, [m.mention for m in piece.marks], piece.begins) for piece in pieces] == [
        ("Ablating the head removes", ["a"], ["a"]),
        (" the copying", ["a", "b"], ["b"]),
        ("; the loss rises.", ["b"], []),
    ]


def test_two_statements_that_quote_the_same_words_both_begin_there():
    pieces = pieces_of(TEXT, [_mark("a", 0, 8), _mark("b", 0, 8)])

    assert pieces[0].begins == ["a", "b"]
    assert [m.mention for m in pieces[0].marks] == ["a", "b"]


spans = st.tuples(st.integers(0, len(TEXT) - 1), st.integers(1, 20)).map(
    lambda pair: (pair[0], min(sum(pair), len(TEXT)))
)


@given(st.lists(spans, max_size=6))
def test_the_pieces_are_the_text_and_each_statement_covers_exactly_its_quote(places):
    marks = sorted(
        (_mark(f"m{i}", *place) for i, place in enumerate(places)), key=lambda m: m.char_start
    )

    pieces = pieces_of(TEXT, marks)

    assert "".join(piece.text for piece in pieces) == TEXT
    assert all(piece.text for piece in pieces)
    for mark in marks:
        covered = "".join(piece.text for piece in pieces if mark in piece.marks)
        assert covered == TEXT[mark.char_start : mark.char_end]
        assert sum(mark.mention in piece.begins for piece in pieces) == 1


def _mark(mention: str, start: int, end: int) -> MarkView:
    statement = StatementName(id=f"stm_{mention}", kind="finding", text=TEXT[start:end])
    return MarkView(mention=mention, char_start=start, char_end=end, statement=statement)
