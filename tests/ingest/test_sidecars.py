"""What the user says about a file wins, if it is this file that is meant."""

import json
from pathlib import Path

import pytest

from ingest.documents import Document
from ingest.isolated import read_isolated
from ingest.readers import read
from ingest.sidecars import Sidecars
from kg.errors import DocumentError

BIBTEX = r"""@string{venue = {A venue}}
@article{spd,
  title = {{Stochastic} decomposition: {\"U}ber {$\alpha$} \& more},
  author = {Brandt, Lena and {van der Berg}, Jan and Erd{\H o}s, P{\'a}l and {Open Lab} and others},
  journal = venue, date = {2025-06-25}, eprint = {2506.20790}, doi = {https://doi.org/10.1000/AB},
%s}
"""
CSL = {
    "type": "article-journal",
    "title": "From CSL",
    "author": [{"given": "Lena", "family": "Brandt"}, {"literal": "Open Lab"}],
    "issued": {"date-parts": [[2024, 5]]},
    "DOI": "10.1000/ab",
    "URL": "https://example.org/x",
}


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "my_paper.md"
    path.write_text("# From the file\n\nSome text.", encoding="utf-8")
    return path


def _read(paper: Path, top: Path | None = None) -> Document:
    return read(paper, Sidecars().of(paper, top or paper.parent))[0]


def test_bibtex_of_the_same_stem_gives_every_field(paper: Path):
    paper.with_suffix(".bib").write_text(BIBTEX % "", encoding="utf-8")

    document = _read(paper)

    assert document.title == "Stochastic decomposition: Über $\\alpha$ & more"
    assert document.authors == ("Lena Brandt", "Jan van der Berg", "Pál Erdős", "Open Lab")
    assert document.year == 2025
    assert document.identifiers == (("arxiv", "2506.20790"), ("doi", "10.1000/ab"))
    assert document.url == "https://arxiv.org/abs/2506.20790"
    assert set(dict(document.origins).values()) == {"my_paper.bib"}


@pytest.mark.parametrize("wrap", [lambda record: record, lambda record: [record]])
def test_csl_json_of_the_same_stem_gives_every_field(wrap: object, paper: Path):
    paper.with_suffix(".json").write_text(json.dumps(wrap(CSL)), encoding="utf-8")

    document = _read(paper)

    assert (document.title, document.year) == ("From CSL", 2024)
    assert document.authors == ("Lena Brandt", "Open Lab")
    assert document.identifiers == (("doi", "10.1000/ab"),)
    assert document.url == "https://example.org/x"
    assert dict(document.origins)["title"] == "my_paper.json"


def test_the_child_process_reads_sidecars_too(paper: Path):
    paper.with_suffix(".bib").write_text(BIBTEX % "", encoding="utf-8")
    sidecars = Sidecars().of(paper, paper.parent)

    assert read_isolated(paper, sidecars=sidecars) == read(paper, sidecars)


@pytest.mark.parametrize(
    "field",
    [
        "my_paper.md",
        r"my\_paper.md",
        ":my_paper.md:PDF",
        r"Full Text:my_paper.md:text/plain;Other:other.pdf:application/pdf",
        "/home/someone/papers/my_paper.md",
    ],
)
def test_a_shared_bibliography_describes_the_file_that_an_entry_names(field: str, paper: Path):
    other = "@article{other, title = {Another}, file = {other.md}}\n"
    entry = BIBTEX % f"  file = {{{field}}},\n"
    (paper.parent / "library.bib").write_text(other + entry, encoding="utf-8")

    assert _read(paper).authors[0] == "Lena Brandt"


def test_a_bibliography_above_describes_the_file_that_its_path_leads_to(paper: Path):
    folder = paper.parent / "files" / "12"
    folder.mkdir(parents=True)
    moved = paper.rename(folder / paper.name)
    entry = BIBTEX % "  file = {PDF:files/12/my_paper.md:text/plain},\n"
    (paper.parent / "library.bib").write_text(entry, encoding="utf-8")

    assert _read(moved, top=paper.parent).year == 2025
    assert _read(moved, top=folder).year is None


def test_a_file_of_the_same_name_in_another_folder_is_not_meant(paper: Path):
    folder = paper.parent / "else"
    folder.mkdir()
    moved = paper.rename(folder / paper.name)
    entry = BIBTEX % "  file = {files/my_paper.md},\n"
    (paper.parent / "library.bib").write_text(entry, encoding="utf-8")

    assert _read(moved, top=paper.parent).title == "From the file"


def test_a_bibliography_of_several_entries_is_no_description(paper: Path):
    text = (BIBTEX % "") + "@article{b, title = {B}}"
    paper.with_suffix(".bib").write_text(text, encoding="utf-8")

    assert _read(paper).title == "From the file"


def test_the_references_of_a_latex_paper_are_no_description(tmp_path: Path):
    path = tmp_path / "paper.tex"
    path.write_text("\\title{Own}\\begin{document}Some text.\\end{document}", encoding="utf-8")
    path.with_suffix(".bib").write_text(BIBTEX % "", encoding="utf-8")

    assert _read(path).title == "Own"


@pytest.mark.parametrize("data", [[CSL, CSL], {"title": "Loss", "values": [1]}, [1, 2], "x", None])
def test_other_json_is_no_description(data: object, paper: Path):
    paper.with_suffix(".json").write_text(json.dumps(data), encoding="utf-8")

    assert _read(paper).title == "From the file"


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        (".bib", "\n\n@article{spd, title = {Never closed", r"my_paper\.bib: line 3: "),
        (".json", "{", r"my_paper\.json: not JSON: "),
        (".json", "[" * 100_000, r"my_paper\.json: (nested too deep|not JSON)"),
        (".bib", "@article{a, author={A, B, C, D, E}}", r"my_paper\.bib: line 1: "),
    ],
)
def test_a_damaged_sidecar_is_refused_by_its_name(
    suffix: str, text: str, message: str, paper: Path
):
    paper.with_suffix(suffix).write_text(text, encoding="utf-8")

    with pytest.raises(DocumentError, match=message):
        _read(paper)


def test_a_shared_bibliography_that_does_not_name_the_file_is_not_even_parsed(paper: Path):
    (paper.parent / "old.bib").write_bytes("@article{a, title = {Naïve".encode("latin-1"))

    assert _read(paper).title == "From the file"


def test_bibtex_is_believed_before_csl_json_field_by_field(paper: Path):
    paper.with_suffix(".bib").write_text("@misc{a, title = {From BibTeX}}", encoding="utf-8")
    paper.with_suffix(".json").write_text(json.dumps(CSL), encoding="utf-8")

    document = _read(paper)

    assert (document.title, document.year) == ("From BibTeX", 2024)


def test_a_linked_sidecar_is_not_followed(paper: Path, tmp_path_factory: pytest.TempPathFactory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "a.bib"
    elsewhere.write_text(BIBTEX % "", encoding="utf-8")
    paper.with_suffix(".bib").symlink_to(elsewhere)

    assert _read(paper).title == "From the file"


def test_the_sources_of_a_statement_list_speak_for_themselves(tmp_path: Path):
    path = tmp_path / "list.jsonl"
    row = {"kind": "claim", "text": "Probes read.", "note": "", "source": {"title": "A"}}
    path.write_text(json.dumps(row), encoding="utf-8")
    path.with_suffix(".bib").write_text(BIBTEX % "", encoding="utf-8")

    assert _read(path).title == "A"
