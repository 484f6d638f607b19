"""LaTeX sources read like the printed page, and nothing in them is run."""

from pathlib import Path

import pytest

from ingest.documents import Document
from ingest.readers import read
from kg.errors import DocumentError

PAPER = Path(__file__).parents[1] / "data" / "documents" / "steering_paper.tex"


def _read(tmp_path: Path, body: str, preamble: str = "") -> Document:
    path = tmp_path / "paper.tex"
    source = f"\\documentclass{{article}}\n{preamble}\\begin{{document}}\n{body}\n\\end{{document}}"
    path.write_text(source, encoding="utf-8")
    return read(path)[0]


def _text(tmp_path: Path, body: str, preamble: str = "") -> str:
    return _read(tmp_path, body, preamble).sections[0].text


def test_the_first_page_gives_title_authors_and_year():
    (document,) = read(PAPER)

    assert document.title == "Steering works late: and only late"
    assert document.authors == ("Mira Sölén", "José Ortiz")
    assert document.year == 2025


@pytest.mark.parametrize(
    "title",
    [
        r"Heads copy: \\[2pt] \large and only late",
        r"{\Large \textbf{Heads copy}}\\{\normalsize and only \\ late}",
    ],
)
def test_a_subtitle_in_another_size_follows_a_colon(title: str, tmp_path: Path):
    preamble = f"\\title{{{title}}}"

    assert _read(tmp_path, "They copy.", preamble).title == "Heads copy: and only late"


def test_sections_read_like_the_printed_page():
    (document,) = read(PAPER)

    assert [(s.heading, s.level, s.kind) for s in document.sections] == [
        ("Abstract", 1, "abstract"),
        ("Introduction", 1, "body"),
        ("Limits", 2, "body"),
        ("Prompts", 1, "appendix"),
        ("References", 1, "references"),
        ("Captions", 1, "captions"),
        ("Footnotes", 1, "captions"),
    ]
    assert document.sections[0].text == (
        "We introduce SteerBench and steer a model with “one direction” per task — it works late."
    )
    assert document.sections[1].text.split("\n\n") == [
        "Steering adds a vector to an activation [turner2023,zou2023]. At layer 17 it changes 38% "
        "of the answers, a rate of change that no earlier layer reaches. The effect is "
        "$\\alpha$-dependent: with $\\alpha=0$ nothing moves.",
        "As Table 1 shows, the effect is not symmetric: subtracting the vector does little.",
        "Controls. Random vectors of the same norm change 2% of the answers.",
        "Early layers: no effect.",
        "Late layers: a large effect, cf. steer.py.",
    ]
    assert document.sections[4].text == (
        "[turner2023] A. Turner. Steering by addition. 2023.\n\n"
        "[zou2023] A. Zou. Reading from the top. 2023."
    )
    assert document.sections[5].text == "Rates by layer."
    assert document.sections[6].text == "Measured on 200 prompts."


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        (r"Caf\'e, na\"{\i}ve, \v{C}apek, \c{c}a, \o{}re", "Café, naïve, Čapek, ça, øre"),
        (r"pages 1--2, so---yes, `a' and ``b''", "pages 1–2, so—yes, ‘a’ and “b”"),
        (r"50\% of \$3 \& \#1 in a\_b", "50% of $3 & #1 in a_b"),
        (r"see \href{https://example.org}{our page}~now", "see our page now"),
        (r"\textcolor{red}{hot} and {\large big}", "hot and big"),
        (r"from \(x\) to $y$", "from $x$ to $y$"),
        (r"one\\[2pt] two", "one two"),
        (r"as \citet*{roth} and \Citep[e.g.][]{a, b} say", "as [roth] and [a, b] say"),
        (r"words% a comment", "words"),
        (r"kept \unknowncommand{too}", "kept too"),
        (r"kept \iffalse dropped \fi too", "kept too"),
        (r"\verb|a{b}$c| is code", "a{b}$c is code"),
        (r"a \lstinputlisting[language=C]{/etc/passwd} b", "a b"),
        (r"a \verbatiminput{/etc/passwd} b", "a b"),
        (r"a \inputminted{c}{/etc/passwd} b", "a b"),
        (r"a \openin\f=/etc/passwd \read\f to\line b", "a b"),
        (r"a \immediate\write18{cat /etc/passwd} b", "a b"),
    ],
)
def test_a_piece_of_source_prints_as(source: str, printed: str, tmp_path: Path):
    assert _text(tmp_path, source) == printed


@pytest.mark.parametrize(
    "environment", ["figure*", "tabular", "align*", "verbatim", "lstlisting", "tikzpicture"]
)
def test_what_is_no_running_text_leaves_no_trace(environment: str, tmp_path: Path):
    body = f"Before it\n\\begin{{{environment}}} x_1 \\dropped \\end{{{environment}}}\nafter it."

    assert _text(tmp_path, body) == "Before it after it."


def test_a_paragraph_ends_at_a_blank_line_and_not_at_a_comment(tmp_path: Path):
    assert _text(tmp_path, "One\n% comment\ntwo.\n\nThree.") == "One two.\n\nThree."


@pytest.mark.parametrize(
    "formula", [r"\[ x = 1. \]", "$$ x = 1. $$", r"\begin{align*} x &= 1. \end{align*}"]
)
def test_a_sentence_that_ends_in_a_displayed_formula_is_not_run_into_the_next(
    formula: str, tmp_path: Path
):
    ended = _text(tmp_path, f"The loss is\n{formula}\nUnlike others, it is convex.")
    going_on = _text(tmp_path, f"The loss is\n{formula}\nwhere $x$ is the input.")

    assert ended == "The loss is\n\nUnlike others, it is convex."
    assert going_on == "The loss is where $x$ is the input."


def test_a_title_that_is_commented_out_is_no_title(tmp_path: Path):
    preamble = "% \\title{Old % and cut off}\n\\title{New: 5\\% better}\n% \\author{Nobody}\n"

    document = _read(tmp_path, "Some text.", preamble)

    assert (document.title, document.authors) == ("New: 5% better", ())


def test_macros_with_arguments_and_a_default_are_replaced(tmp_path: Path):
    preamble = "\\newcommand{\\pair}[2][left]{#1 and #2}\n\\def\\twice#1{#1 #1}\n"

    assert _text(tmp_path, r"\pair{right}; \pair[up]{down}; \twice{x}", preamble) == (
        "left and right; up and down; x x"
    )


@pytest.mark.parametrize(
    "preamble",
    [
        r"\def\a{\a}",
        r"\newcommand{\a}{\b\b}\newcommand{\b}{\a\a}",
    ],
)
def test_macros_without_end_are_refused(preamble: str, tmp_path: Path):
    with pytest.raises(DocumentError, match="expands without end"):
        _text(tmp_path, r"\a", preamble + "\n")


def test_macros_that_grow_beyond_any_paper_are_refused(tmp_path: Path):
    names = zip("abcdefgh", "bcdefghi", strict=True)
    fourfold = "".join(f"\\def\\{x}{{\\{y}\\{y}\\{y}\\{y}}}" for x, y in names)
    with pytest.raises(DocumentError, match="expand to more than 2,000,000 characters"):
        _text(tmp_path, r"\a", fourfold + r"\def\i{" + "x" * 100 + "}\n")


def test_a_paper_in_several_files_is_refused_with_the_line(tmp_path: Path):
    with pytest.raises(DocumentError, match=r"line 4: .* 'sections/intro'.*archive"):
        _text(tmp_path, "Some text.\n\\input{sections/intro}")


def test_a_brace_that_is_never_closed_is_refused_with_the_line(tmp_path: Path):
    with pytest.raises(DocumentError, match=r"line 5: this \{ is never closed"):
        _text(tmp_path, "One.\n\n\\section{Open")


def test_an_environment_that_is_never_closed_is_refused(tmp_path: Path):
    with pytest.raises(DocumentError, match=r"\\begin\{table\} has no \\end\{table\}"):
        _text(tmp_path, "One.\n\\begin{table} x")


def test_a_fragment_without_a_preamble_is_read(tmp_path: Path):
    path = tmp_path / "intro.tex"
    path.write_text("\\section{Intro}\nSome \\emph{text}.")

    (document,) = read(path)

    assert document.title == "intro"
    assert document.sections[0].text == "Some text."


def test_a_source_without_text_is_refused(tmp_path: Path):
    with pytest.raises(DocumentError, match="no running text"):
        _text(tmp_path, "\\maketitle % nothing")


def test_deeply_nested_arguments_are_refused_and_do_not_crash(tmp_path: Path):
    with pytest.raises(DocumentError, match="nested too deep"):
        _text(tmp_path, "\\footnote{" * 3000 + "x" + "}" * 3000)


def test_a_declared_encoding_is_used_where_the_source_is_not_utf_8(tmp_path: Path):
    path = tmp_path / "old.tex"
    source = "\\usepackage[latin1]{inputenc}\n\\begin{document}\nNaïve.\n\\end{document}"
    path.write_bytes(source.encode("latin-1"))

    assert read(path)[0].sections[0].text == "Naïve."


@pytest.mark.parametrize(
    ("author", "names"),
    [
        (r"Ada Lark$^{1}$ \and Cy Reed$^{2*}$", ("Ada Lark", "Cy Reed")),
        (
            r"Ada Lark${}^{1,2}$, Bo Finch$^*$ and Cy Reed$^\dagger$",
            ("Ada Lark", "Bo Finch", "Cy Reed"),
        ),
        (r"Ada Lark\textsuperscript{1} \\ \textsuperscript{1}A School", ("Ada Lark",)),
        (r"Ada Lark, School of $x^2$", ("Ada Lark, School of $x^2$",)),
    ],
)
def test_marks_behind_names_are_no_part_of_them(tmp_path: Path, author, names):
    preamble = f"\\author{{{author}}}\n"

    assert _read(tmp_path, "Text.", preamble).authors == names


def test_authors_are_found_in_the_table_that_sets_them_side_by_side(tmp_path: Path):
    preamble = (
        r"\author{\begin{tabular}[t]{@{}c@{\hspace{1em}}c@{}} Ada Lark \\ North Lab \end{tabular}"
        r"\and Cy Reed}"
    )

    assert _read(tmp_path, "Text.", preamble + "\n").authors == ("Ada Lark", "Cy Reed")


def test_a_heading_before_its_paragraph_is_one_unless_it_ends_as_a_sentence(tmp_path: Path):
    body = r"\section{Heads}\paragraph{Removing them} We do. \paragraph{Controls.} None moves it."

    sections = _read(tmp_path, body).sections

    assert [(each.heading, each.level, each.text) for each in sections] == [
        ("Removing them", 4, "We do.\n\nControls. None moves it."),
    ]
