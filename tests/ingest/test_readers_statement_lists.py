"""Statement lists: a document for each source, and every broken line named."""

import json
from pathlib import Path

import pytest

from ingest.provenance import locate_quotes
from ingest.readers import read
from ingest.readers.statement_lists import drafts_of
from kg.errors import DocumentError

LIST = Path(__file__).parents[1] / "data" / "documents" / "statements.jsonl"
GOOD = {"kind": "claim", "text": "Heads copy.", "source": {"title": "A note"}}


def _write(tmp_path: Path, *lines: object) -> Path:
    path = tmp_path / "list.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts), encoding="utf-8")
    return path


def test_each_source_becomes_a_document():
    sinks, circuit = read(LIST)

    assert (sinks.title, sinks.authors, sinks.year) == (
        "Lab notes on attention sinks",
        ("Ada Okafor",),
        2025,
    )
    assert circuit.title == "A small circuit"
    assert sinks.format == circuit.format == "statements"
    assert sinks.sections[0].kind == "statements"
    assert sinks.sections[0].text == (
        "Sinks are a matter of position\n\n"
        "The first token collects most of the attention in layers 3 to 9."
    )


def test_every_statement_of_a_list_quotes_its_section_verbatim():
    for document in read(LIST):
        located, refused = locate_quotes(document, drafts_of(document))

        assert refused == []
        assert [each.draft.text for each in located] == [d.text for d in document.drafts]
        text = document.sections[0].text
        assert all(text[each.span.start : each.span.end] == each.draft.quote for each in located)


def test_a_statement_keeps_its_kind_note_and_quote():
    claim, finding = drafts_of(read(LIST)[0])

    assert (claim.kind, claim.note) == ("claim", "Against the view that words matter.")
    assert claim.quote == claim.text == "Sinks are a matter of position"
    assert finding.kind == "finding"
    assert finding.quote == "The first token collects most of the attention in layers 3 to 9."


def test_the_same_words_twice_stay_two_statements(tmp_path: Path):
    (document,) = read(_write(tmp_path, GOOD, {**GOOD, "kind": "finding"}))

    located, _ = locate_quotes(document, drafts_of(document))

    assert [each.span.start for each in located] == [0, 13]


def test_a_source_s_identity_does_not_depend_on_the_other_sources(tmp_path: Path):
    alone = read(_write(tmp_path, GOOD))[0]
    among = read(_write(tmp_path, {**GOOD, "source": {"title": "B"}}, GOOD))[1]

    assert alone.sha256 == among.sha256


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"kind": "claim", "text": }', r"line 2, column 27: not JSON"),
        ('["claim"]', r"line 2: not a JSON object"),
        ({**GOOD, "kind": "opinion"}, r"line 2: kind: Input should be 'claim' or 'finding'"),
        ({**GOOD, "text": " \u200b "}, r"line 2: text: .*is empty"),
        ({**GOOD, "text": 7}, r"line 2: text: Input should be a valid string"),
        ({"kind": "claim", "text": "x"}, r"line 2: source: Field required"),
        ({**GOOD, "source": {}}, r"line 2: source.title: Field required"),
        ("[" * 100_000, r"line 2: not JSON"),
        ('{"kind": ' + "9" * 5000 + "}", r"line 2: not JSON"),
    ],
)
def test_a_broken_line_is_refused_with_its_number_and_what_is_wrong(
    line: object, complaint: str, tmp_path: Path
):
    with pytest.raises(DocumentError, match=complaint):
        read(_write(tmp_path, GOOD, line))


def test_a_line_separator_inside_a_string_does_not_break_the_line(tmp_path: Path):
    line = json.dumps({**GOOD, "text": "One\u2028two."}, ensure_ascii=False)

    assert drafts_of(read(_write(tmp_path, line))[0])[0].text == "One two."
