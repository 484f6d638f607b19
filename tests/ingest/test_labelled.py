"""Files of labelled lines: what is taken, and what is said of the rest."""

import json
from pathlib import Path

import pytest

from ingest.labelled import LabelledSentence, passages, read_lines
from kg.errors import DocumentError

GOOD = '{"text": "Probes succeed.", "label": "claim"}'


def _sentence(text: str, source: str | None = None, section: str | None = None, previous: str = ""):
    return LabelledSentence(
        text=text, label="claim", source=source, section=section, previous=previous
    )


def test_only_text_and_label_are_asked_for(tmp_path: Path):
    path = tmp_path / "gold.jsonl"
    path.write_text(
        f'{GOOD}\n\n{{"text": "It\u2028fell.", "label": "other", "salience": 3}}\n', "utf-8"
    )

    first, second = read_lines(path, LabelledSentence)

    assert (first.text, first.label, first.source) == ("Probes succeed.", "claim", None)
    assert (second.text, second.label) == ("It fell.", "other")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{GOOD}\n{{oops", "line 2, column 2: not JSON"),
        (f'{GOOD}\n\n{{"text": "It fell."}}', "line 3: label: Field required"),
        ('{"label": "claim"}', "line 1: text: Field required"),
        ('{"text": " ", "label": "claim"}', "line 1: text: is empty"),
        ('{"text": "It fell.", "label": "opinion"}', "line 1: label: Input should be 'claim'"),
        ('{"text": 7, "label": "claim"}', "line 1: text: Input should be a valid string"),
        ('["It fell.", "claim"]', "line 1: not a JSON object, as each line has to be"),
        ("[" * 100_000, "line 1: not JSON that can be read"),
        ("", "the file is empty: get it anew"),
        ("\n \n", "nothing but blanks in it: get it anew"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(tmp_path: Path, content: str, said: str):
    path = tmp_path / "gold.jsonl"
    path.write_text(content)

    with pytest.raises(DocumentError) as error:
        read_lines(path, LabelledSentence)

    assert str(error.value).startswith(f"{path}: {said}")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path):
    with pytest.raises(DocumentError, match="there is no such file"):
        read_lines(tmp_path / "none.jsonl", LabelledSentence)
    with pytest.raises(DocumentError, match="a folder, not a file"):
        read_lines(tmp_path, LabelledSentence)


def test_what_is_not_text_is_refused_with_its_line(tmp_path: Path):
    path = tmp_path / "gold.jsonl"
    path.write_bytes(GOOD.encode() + b"\n" + json.dumps({"text": "x"}).encode() + b"\xff")

    with pytest.raises(DocumentError, match=r"0xff .*\(line 2\)"):
        read_lines(path, LabelledSentence)


def test_passages_are_runs_of_one_section_of_one_source():
    sentences = [
        _sentence("a", "one", "Results"),
        _sentence("b", "one", "Results", previous="a"),
        _sentence("c", "one", "Limits"),
        _sentence("d", "two", "Limits"),
    ]

    found = passages(sentences)

    assert [(each.source, each.heading, each.indices) for each in found] == [
        ("one", "Results", [0, 1]),
        ("one", "Limits", [2]),
        ("two", "Limits", [3]),
    ]


def test_a_line_without_a_source_stands_alone_behind_what_came_before_it():
    found = passages([_sentence("a", section="Results", previous="z"), _sentence("b")])

    assert [(each.heading, each.before, each.indices) for each in found] == [
        ("Results", "z", [0]),
        ("", "", [1]),
    ]
    assert found[0].source != found[1].source
