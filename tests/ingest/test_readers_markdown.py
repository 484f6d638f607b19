"""Markdown: the words that a reader of the rendered page reads, and nothing else."""

from pathlib import Path

import pytest

from ingest.documents import Document
from ingest.readers import read
from kg.errors import DocumentError

NOTE = Path(__file__).parents[1] / "data" / "documents" / "probe_note.md"


def _read(tmp_path: Path, text: str) -> Document:
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    return read(path)[0]


def test_front_matter_gives_title_authors_year_and_address():
    (document,) = read(NOTE)

    assert document.title == "What a probe can and cannot show"
    assert document.authors == ("Ida Roth", "Tomás Vega")
    assert document.year == 2025
    assert document.url == "https://example.org/probe-note"


@pytest.mark.parametrize(
    ("field", "identifiers"),
    [
        ("arxiv: 2506.20790v1", {"arxiv": "2506.20790", "arxiv_version": "1"}),
        ("doi: https://doi.org/10.7554/eLife.56337", {"doi": "10.7554/elife.56337"}),
        ("url: https://arxiv.org/abs/2506.20790", {"arxiv": "2506.20790"}),
        ('url: "https://doi.org/10.7554/eLife.56337"', {"doi": "10.7554/elife.56337"}),
        ("arxiv: 2506.20790\ndoi: 10.1234/abc", {"arxiv": "2506.20790", "doi": "10.1234/abc"}),
        ("url: https://example.org/2506.20790", {}),
    ],
)
def test_front_matter_gives_identifiers(tmp_path: Path, field: str, identifiers: dict[str, str]):
    document = _read(tmp_path, f"---\ntitle: A\n{field}\n---\nText.")

    assert dict(document.identifiers) == identifiers


def test_sections_have_text_without_markup():
    (document,) = read(NOTE)

    assert [(s.heading, s.level, s.kind) for s in document.sections] == [
        ("", 0, "body"),
        ("1. Reading is not using", 1, "body"),
        ("1.1 Limits", 2, "body"),
        ("References", 1, "references"),
        ("Captions", 1, "captions"),
        ("Footnotes", 1, "captions"),
    ]
    assert document.sections[0].text == (
        "A linear probe reads a feature off an activation. It does not show that the model uses "
        "the feature. Earlier notes blurred this line."
    )
    assert document.sections[1].text.split("\n\n")[1:] == [
        "where $p(x_i) * q(x_i)$ is the model's own estimate.",
        "Legibility is a property of activations.",
        "Causal use is a property of weights; it needs an intervention.",
    ]
    assert document.sections[4].text == "Figure 1: Probe accuracy by layer."
    assert document.sections[5].text == "This holds for linear probes only."


def test_a_fenced_block_a_table_and_an_image_are_out_of_the_flow(tmp_path: Path):
    document = _read(
        tmp_path, "Before.\n\n```\n# code\n```\n\n|a|b|\n|-|-|\n|1|2|\n\n![x](y)\n\nAfter."
    )

    assert document.sections[0].text == "Before.\n\nAfter."


def test_prices_are_not_formulas(tmp_path: Path):
    document = _read(tmp_path, "It costs $5 here and *at most* $10 there.")

    assert document.sections[0].text == "It costs $5 here and at most $10 there."


def test_asterisks_in_a_formula_are_no_emphasis(tmp_path: Path):
    document = _read(tmp_path, "Let $a*b$ and $c*d$ be *products*.")

    assert document.sections[0].text == "Let $a*b$ and $c*d$ be products."


def test_a_displayed_formula_leaves_its_sentence_whole(tmp_path: Path):
    document = _read(tmp_path, "The loss is\n$$x - y$$\nfor all x.")

    assert document.sections[0].text == "The loss is for all x."


def test_raw_html_leaves_its_words_but_not_its_tags(tmp_path: Path):
    document = _read(tmp_path, "Water is H<sub>2</sub>O.<br>Fire is hot.")

    assert document.sections[0].text == "Water is H2O. Fire is hot."


VAULT = """# Copying heads

Heads in [[Layer 5]] copy names, as [[notes/Probing#Setup|the probe]] shows. ^a1b2c3
See [[#Limits]] and ![[figure.png|300]] below. %% check this %% It holds. ^main-result

> [!important]+ Copying is *causal*.
> Ablating the head costs 0.3 nats.
> It costs more in [[2024-05-01]].

> [!note]
> Others agree.

%%
A remark to myself.

It goes on.
%%

- An item. ^ab12
- It grows with n ^2

In code `%% [[this]] %%` stays, [[1]] and [[2, 3]] are cited, and [[4]](#four) is a link.
"""


def test_what_obsidian_adds_to_markdown_reads_as_it_is_shown(tmp_path: Path):
    document = _read(tmp_path, VAULT)

    assert document.sections[0].text.split("\n\n") == [
        "Heads in Layer 5 copy names, as the probe shows. See Limits and below. It holds.",
        "Copying is causal.",
        "Ablating the head costs 0.3 nats. It costs more in 2024-05-01.",
        "Others agree.",
        "An item.",
        "It grows with n ^2",
        "In code %% [[this]] %% stays, [[1]] and [[2, 3]] are cited, and [4] is a link.",
    ]


def test_a_comment_without_an_end_takes_nothing_along(tmp_path: Path):
    document = _read(tmp_path, "Before.\n\n%% never closed\n\nAfter.")

    assert document.sections[0].text == "Before.\n\n%% never closed\n\nAfter."


def test_without_front_matter_the_first_heading_is_the_title(tmp_path: Path):
    document = _read(tmp_path, "# A title with `code`\n\nText.\n\n## Results\n\nMore.")

    assert document.title == "A title with code"
    assert [(s.heading, s.level) for s in document.sections] == [("", 0), ("Results", 1)]


def test_without_any_title_the_file_name_is_one(tmp_path: Path):
    assert _read(tmp_path, "Just a line.").title == "note"


def test_a_file_of_headings_alone_is_refused(tmp_path: Path):
    with pytest.raises(DocumentError, match="no paragraph"):
        _read(tmp_path, "# One\n\n## Two\n\n```\ncode\n```")
