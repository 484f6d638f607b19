"""Quotes are found verbatim, or refused with a reason."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents import Document, Draft, Section, Span
from ingest.provenance import locate_quotes

RESULTS = "Head 9 copies names.\n\nIt does so late. Ablating it  hurts. It does so late."
DOCUMENT = Document(
    name="note.md",
    title="A note",
    format="markdown",
    sha256="0" * 64,
    sections=(
        Section("", 0, "We study names."),
        Section("Results", 1, RESULTS, pages=((0, 3), (22, 4))),
    ),
)


def _draft(quote: str, section: int = 1, span: Span | None = None) -> Draft:
    return Draft(section, "finding", "Some statement.", quote, span=span)


def test_a_verbatim_quote_is_located_with_its_page():
    (located,), refused = locate_quotes(DOCUMENT, [_draft("It does so late.")])

    assert refused == []
    assert located.span == Span(22, 38)
    assert located.page == 4
    assert located.draft.quote == RESULTS[22:38]


def test_a_repeated_quote_is_taken_where_the_extractor_saw_it():
    second = RESULTS.rindex("It does")

    (located,), _ = locate_quotes(
        DOCUMENT, [_draft("It does so late.", span=Span(second, second + 16))]
    )

    assert located.span.start == second


def test_a_span_that_does_not_hold_the_quote_is_not_believed():
    (located,), _ = locate_quotes(DOCUMENT, [_draft("It does so late.", span=Span(0, 16))])

    assert located.span == Span(22, 38)


def test_a_quote_that_differs_in_white_space_is_taken_again_from_the_section():
    (located,), _ = locate_quotes(
        DOCUMENT, [_draft(" names.\nIt does so late. Ablating it hurts. ")]
    )

    assert located.draft.quote == "names.\n\nIt does so late. Ablating it  hurts."


def test_a_changed_word_is_refused():
    located, (refusal,) = locate_quotes(DOCUMENT, [_draft("It does so early.")])

    assert located == []
    assert refusal.document == "note.md"
    assert refusal.section == "Results"
    assert refusal.quote == "It does so early."
    assert "does not contain this quote" in refusal.reason


def test_a_quote_in_other_capitals_is_refused():
    located, refused = locate_quotes(DOCUMENT, [_draft("head 9 copies names.")])

    assert located == []
    assert len(refused) == 1


def test_the_reason_names_the_section_that_does_contain_the_quote():
    _, refused = locate_quotes(
        DOCUMENT, [_draft("Head 9 copies names.", section=0), _draft("We study names.")]
    )

    assert 'section "Results" does' in refused[0].reason
    assert "before the first heading" in refused[1].reason


def test_an_empty_quote_is_refused():
    _, (refusal,) = locate_quotes(DOCUMENT, [_draft(" \n")])

    assert refusal.reason == "the quote is empty"


def test_located_and_refused_keep_the_order_of_the_drafts():
    quotes = ["It does so late.", "absent", "Ablating it hurts.", "missing"]

    located, refused = locate_quotes(DOCUMENT, map(_draft, quotes))

    assert [each.draft.quote for each in located] == ["It does so late.", "Ablating it  hurts."]
    assert [each.quote for each in refused] == ["absent", "missing"]


TEXTS = st.text(st.sampled_from("ab. \n\t\u00a0é𝛼"), min_size=1, max_size=60)


@settings(deadline=None)
@given(TEXTS, st.data())
def test_whatever_is_located_is_the_section_s_own_text(text: str, data: st.DataObject):
    start = data.draw(st.integers(0, len(text) - 1))
    quote = text[start : data.draw(st.integers(start + 1, len(text)))]
    loose = "  ".join(quote.split()) if data.draw(st.booleans()) else quote
    document = Document("t.txt", "t", "text", "0" * 64, (Section("", 0, text),))

    located, refused = locate_quotes(document, [_draft(loose, section=0)])

    assert all(text[each.span.start : each.span.end] == each.draft.quote for each in located)
    assert len(located) == (1 if quote.strip() else 0)
    assert len(located) + len(refused) == 1
