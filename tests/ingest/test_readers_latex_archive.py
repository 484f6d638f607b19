"""A paper in several files is read from its archive, and nothing outside of it is."""

import gzip
import io
import tarfile
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from ingest.documents import Document
from ingest.readers import read
from ingest.references import cited_in, entries_of
from kg.errors import DocumentError

MAIN = r"""\documentclass{article}
\input{macros}
\title{A paper in parts}
\begin{document}
\input{parts/intro} % \input{parts/old}
\include{parts/results}
\bibliography{refs}
\appendix
\subfile{parts/proofs}
\end{document}
"""
PAPER = {
    "main.tex": MAIN,
    "macros.tex": r"\newcommand{\sys}{SteerBench}",
    "parts/intro.tex": "\\section{Introduction}\nWe use \\sys{} \\cite{lark2024,reed}.\n",
    "parts/results.tex": "\\section{Results}\n\\input{numbers}\n\\endinput never read",
    "parts/numbers.tex": "It works in 38\\% of cases.",
    "parts/proofs.tex": "\\documentclass[../main]{subfiles}\n\\begin{document}\n"
    "\\section{Proofs}\nSee above.\n\\end{document}",
    "refs.bib": '@string{conf = "Conf. on Heads"}\n@article{lark2024, author={Lark, Ada and '
    'M{\\"o}ller, Bo}, title={Heads that copy}, journal=conf, year=2024, eprint={2401.00001}}\n'
    "@misc{reed, author={Cy Reed}, title={Probes}, doi={10.1234/abc%5}}\n"
    "@misc{uncited, title={Never cited}}\n",
    "fig.png": "\x89PNG",
}
BBL = (
    "\\begin{thebibliography}{1}\n\\bibitem[{Lark(2024)}]{lark2024}\nAda Lark.\n\\newblock Heads."
    "\n\\newblock arXiv:2401.00001.\n\\end{thebibliography}\n"
)
BIBER = r"""\refsection{0}
\entry{lark2024}{article}{}{}
  \name{author}{1}{}{{{hash=1}{family={Lark}, familyi={L\bibinitperiod}, given={Ada}}}}
  \field{title}{Heads that copy}
  \field{eprinttype}{arXiv}
  \field{year}{2024}
  \verb{eprint}
  \verb 2401.00001
  \endverb
\endentry
"""


def _tar(members: dict[str, str], *extra: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        for member in extra:
            archive.addfile(member)
    return stream.getvalue()


def _zip(members: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


def _read(tmp_path: Path, data: bytes, name: str = "paper.tar.gz") -> Document:
    path = tmp_path / name
    path.write_bytes(data)
    return read(path)[0]


def _refusal(tmp_path: Path, data: bytes, name: str = "paper.tar.gz") -> str:
    with pytest.raises(DocumentError) as caught:
        _read(tmp_path, data, name)
    return str(caught.value).removeprefix(f"{tmp_path / name}: ")


@pytest.mark.parametrize("name", ["2401.00002v3.tar.gz", "a.tgz", "a.zip", "a.tar", "a.tar.gz"])
def test_a_paper_in_parts_reads_as_one(name: str, tmp_path: Path):
    data = _zip(PAPER) if name.endswith("zip") else _tar(PAPER)
    if name in {"a.tar", "a.tar.gz"}:  # a browser has undone the gzip layer
        data = gzip.decompress(data)

    document = _read(tmp_path, data, name)

    assert document.title == "A paper in parts"
    assert document.format == "latex"
    assert [(s.heading, s.kind, s.text) for s in document.sections if s.kind != "references"] == [
        ("Introduction", "body", "We use SteerBench [lark2024,reed]."),
        ("Results", "body", "It works in 38% of cases."),
        ("Proofs", "appendix", "See above."),
    ]
    if name.startswith("2401"):
        assert dict(document.identifiers) == {"arxiv": "2401.00002", "arxiv_version": "3"}


def test_what_is_cited_by_key_is_found_in_the_databases_entries(tmp_path: Path):
    document = _read(tmp_path, _tar(PAPER))

    entries = entries_of(document)

    assert [entry.text for entry in entries] == [
        "[lark2024] Ada Lark, Bo Möller. Heads that copy. Conf. on Heads, 2024. arXiv:2401.00001.",
        "[reed] Cy Reed. Probes. doi:10.1234/abc%5.",
    ]
    assert [dict(entry.identifiers) for entry in entries] == [
        {"arxiv": "2401.00001"},
        {"doi": "10.1234/abc%5"},
    ]
    assert cited_in("We use SteerBench [lark2024,reed].", entries) == [0, 1]
    assert cited_in("Reeds differ [reeds].", entries) == []


@pytest.mark.parametrize("formatted", [BBL, BIBER])
def test_the_formatted_list_goes_before_the_database(formatted: str, tmp_path: Path):
    document = _read(tmp_path, _tar(PAPER | {"main.bbl": formatted}))

    (entry,) = entries_of(document)

    assert entry.text.startswith("[lark2024] Ada Lark. Heads")
    assert dict(entry.identifiers) == {"arxiv": "2401.00001"}


@pytest.mark.parametrize(
    "extra",
    [
        {"supplement.tex": MAIN.replace("in parts", "of proofs") + " " * 999},
        {"other.tex": r"\documentclass{standalone}\begin{document}x\end{document}"},
        {"talk/main.tex": MAIN},
        {"aaa.tex": MAIN, "00README.json": '{"sources": [{"filename": "main.tex", '
         '"usage": "toplevel"}]}'},
        {"ms.tex": MAIN.replace("in parts", "before"), "main.bbl": BBL},
        {"__MACOSX/a.tex": MAIN},
    ],
)  # fmt: skip
def test_the_main_file_is_found(extra: dict[str, str], tmp_path: Path):
    assert _read(tmp_path, _tar(extra | PAPER)).title == "A paper in parts"


OTHER = MAIN.replace("A paper in parts", "On probes")


def test_the_longest_with_its_parts_is_the_main_file_and_others_are_named(tmp_path: Path):
    body = "\\section{Work}\nWe work. " + "It is long. " * 200
    extra = {
        "short.tex": r"\documentclass{article}\title{B}\begin{document}Hi.\bibliography{b}"
        r"\end{document}",
        "long.tex": r"\documentclass{article}\title{A}\begin{document}\input{body}\bibliography{b}"
        r"\end{document}",
        "body.tex": body,
    }

    document = _read(tmp_path, _tar(extra))

    assert document.title == "A"
    assert dict(document.origins)["text"] == (
        "long.tex in the archive, not from other papers there: short.tex"
    )


def test_two_papers_of_equal_standing_are_refused_with_how_to_name_one(tmp_path: Path):
    papers = {"heads.tex": MAIN, "probes.tex": OTHER}
    parts = {name: text for name, text in PAPER.items() if name != "main.tex"}

    assert _refusal(tmp_path, _tar(papers | parts)) == (
        "it holds 2 papers (heads.tex, probes.tex), and nothing says which is meant: pack one "
        "alone, or add a file 00README with the line 'heads.tex toplevelfile'"
    )
    named = _read(tmp_path, _tar({"00README": "probes.tex toplevelfile"} | papers | parts))
    assert named.title == "On probes"
    assert "heads.tex" in dict(named.origins)["text"]


@pytest.mark.parametrize(
    "extra",
    [
        {"reply_to_reviewers.tex": OTHER, "heads.tex": MAIN},
        {"aaa.tex": OTHER, "heads.tex": MAIN, "heads.bbl": BBL},
        {"aaa.tex": OTHER.replace("\\bibliography{refs}", ""), "heads.tex": MAIN},
        {"heads.tex": MAIN, "aaa.tex": MAIN.replace("article", "neurips")},
        {"heads.tex": MAIN, "aaa.tex": "%" + OTHER.replace("\n", "\n%")},
    ],
)
def test_a_paper_is_told_from_what_lies_beside_it(extra: dict[str, str], tmp_path: Path):
    parts = {name: text for name, text in PAPER.items() if name != "main.tex"}

    assert _read(tmp_path, _tar(extra | parts)).title == "A paper in parts"


def test_a_single_packed_file_is_read(tmp_path: Path):
    source = "\\documentclass{article}\n\\begin{document}\nSome text.\n\\end{document}"

    document = _read(tmp_path, gzip.compress(source.encode(), mtime=0), "2401.00002.gz")

    assert document.sections[0].text == "Some text."


def test_suffixes_may_be_in_capitals(tmp_path: Path):
    source = "\\documentclass{article}\\begin{document}Some text.\\end{document}"

    document = _read(tmp_path, _zip({"MAIN.TEX": source}), "paper.zip")

    assert document.sections[0].text == "Some text."


def test_an_error_names_the_member_and_its_line(tmp_path: Path):
    parts = PAPER | {"parts/results.tex": "\\section{Results}\n\n\\section{open"}

    assert (
        _refusal(tmp_path, _tar(parts))
        == "parts/results.tex, line 3: this { is never closed: close it"
    )


@pytest.mark.parametrize("name", ["/etc/passwd", "../../etc/passwd", "parts/../../x"])
def test_a_text_that_takes_in_a_file_from_outside_is_refused(name: str, tmp_path: Path):
    message = _refusal(tmp_path, _tar(PAPER | {"macros.tex": f"% one\n\\input{{{name}}}"}))

    assert message == f"macros.tex, line 2: {name} is outside of the archive: not read: pack it too"


def test_a_part_that_the_archive_lacks_is_named(tmp_path: Path):
    parts = {name: text for name, text in PAPER.items() if name != "parts/results.tex"}

    assert _refusal(tmp_path, _tar(parts)) == (
        "main.tex, line 6: the text goes on in another file, 'parts/results', which the archive "
        "lacks: pack it too"
    )


def test_files_that_take_each_other_in_are_refused(tmp_path: Path):
    parts = PAPER | {"parts/numbers.tex": "\\input{parts/results}"}

    assert _refusal(tmp_path, _tar(parts)).startswith(
        "parts/results.tex -> parts/numbers.tex -> parts/results.tex: this file takes itself in"
    )


def test_files_that_double_each_other_are_refused(tmp_path: Path):
    twice = {f"p{n}.tex": f"x\\input{{p{n + 1}}}\\input{{p{n + 1}}}" for n in range(30)}

    message = _refusal(tmp_path, _tar({"main.tex": "\\documentclass{a}\\input{p0}", **twice}))

    assert message == "more than 5000 files are taken in: no paper has that: cut some"


@pytest.mark.parametrize("name", ["../evil.tex", "/etc/evil.tex", "a/../../evil.tex"])
@pytest.mark.parametrize("pack", [_tar, _zip])
def test_a_member_that_would_leave_the_folder_is_refused(pack, name: str, tmp_path: Path):
    suffix = "zip" if pack is _zip else "tar.gz"

    message = _refusal(tmp_path, pack(PAPER | {name: "x"}), f"a.{suffix}")

    assert message == f'the name of a member, "{name}", leads out of the archive: pack it anew'


def test_a_link_to_a_file_outside_is_not_followed(tmp_path: Path):
    link = tarfile.TarInfo("parts/results.tex")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    parts = {name: text for name, text in PAPER.items() if name != "parts/results.tex"}

    assert "goes on in another file" in _refusal(tmp_path, _tar(parts, link))


def test_a_gzip_bomb_is_refused(tmp_path: Path):
    assert _refusal(tmp_path, gzip.compress(bytes(30_000_000))).startswith(
        "the archive unpacks to more than"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (_tar(PAPER)[:200], "the archive is damaged"),
        (b"plain text", "no archive: neither gzip nor tar nor ZIP"),
        (_tar({"notes.txt": "x"}), "there is no LaTeX source (.tex)"),
        (gzip.compress(b"%PDF-1.7 ...", mtime=0), "it holds no LaTeX source but a PDF: unpack it"),
        (_tar({"a.tex": "x", "b.tex": "y"}), "none of its 2 LaTeX files has a \\documentclass"),
    ],
)
def test_what_is_no_paper_is_refused(data: bytes, said: str, tmp_path: Path):
    assert _refusal(tmp_path, data).startswith(said)
