r"""What ``\ref`` and its kin print."""

from pathlib import Path

import pytest

from ingest.readers import read

PAPER = r"""
\section*{Preface}
\section{Heads}\label{sec:heads}
\subsection{Which ones}\label{sec:which}
\begin{figure*}
  \begin{subfigure}{0.4\textwidth}\caption{One head.}\label{fig:one}\end{subfigure}
  \begin{subfigure}{0.4\textwidth}\caption{All heads.}\label{fig:all}\end{subfigure}
  \caption{Heads.}\label{fig:heads}
\end{figure*}
\begin{table}\caption*{Not counted.}\end{table}
\begin{table}
  \caption{Scores of \#2 heads.}
  \begin{tabular}{ll} a & b \end{tabular}
  \label{tab:scores}
\end{table}
\subsection{Why}
\begin{enumerate}\item\label{it:first} The first reason.\end{enumerate}
\begin{center}\captionof{figure}{More.}\label{fig:more}\end{center}
\label{sec:why}
% \section{Out}
\begin{verbatim}
\section{Shown}
\end{verbatim}
\section{Layers}\label{sec:layers}
\begin{equation}\label{eq:loss} x \end{equation}
\appendix
\section{Prompts}\label{app:prompts}
\subsection{All}\label{app:all}
"""


def _printed(tmp_path: Path, sentence: str, preamble: str = "", body: str = PAPER) -> str:
    path = tmp_path / "paper.tex"
    path.write_text(
        f"\\documentclass{{article}}\n{preamble}\n\\begin{{document}}\n{body}\n"
        f"\\section{{Last}}\n{sentence}\n\\end{{document}}",
        encoding="utf-8",
    )
    return read(path)[0].sections[-2].text


@pytest.mark.parametrize(
    ("reference", "printed"),
    [
        (r"Section~\ref{sec:heads}", "Section 1"),
        (r"\S\ref{sec:which} and \ref{sec:why}", "§1.1 and 1.2"),
        (r"Figure~\ref{fig:heads}", "Figure 1"),
        (r"Figures~\ref{fig:one} and~\ref{fig:all}", "Figures 1a and 1b"),
        (r"\autoref{tab:scores}", "Table 1"),
        (r"\cref{sec:layers}", "section 2"),
        (r"\Cref{fig:heads,fig:more}", "Figures 1 and 2"),
        (r"\cref{sec:heads,sec:which,sec:layers}", "sections 1, 1.1 and 2"),
        (r"\cref{app:prompts,tab:scores}", "appendix A and table 1"),
        (r"\cref{app:prompts,app:all}", "appendices A and A.1"),
    ],
)
def test_a_reference_prints_the_number_that_tex_counts(
    reference: str, printed: str, tmp_path: Path
):
    assert _printed(tmp_path, f"See {reference}.") == f"See {printed}."


def test_names_are_capital_where_cleveref_is_told_so(tmp_path: Path):
    preamble = r"\usepackage[capitalize,noabbrev]{cleveref}"

    assert _printed(tmp_path, r"See \cref{sec:heads}.", preamble) == "See Section 1."


@pytest.mark.parametrize(
    ("reference", "printed"),
    [
        (r"\eqref{eq:loss}", "loss"),
        (r"\ref{it:first}", "first"),
        (r"\pageref{sec:heads}", "heads"),
        (r"\ref{sec:nowhere}", "nowhere"),
        (r"\cref{sec:heads,sec:nowhere}", "nowhere"),
    ],
)
def test_what_is_not_counted_prints_the_name_of_its_label(
    reference: str, printed: str, tmp_path: Path
):
    assert _printed(tmp_path, f"See {reference}.") == f"See {printed}."


@pytest.mark.parametrize(
    ("preamble", "body"),
    [
        (r"\renewcommand{\thesection}{\Roman{section}}", PAPER),
        (r"\newcommand{\part}[1]{\section{#1}}", PAPER),
        ("", r"\setcounter{section}{3}" + PAPER),
        ("", r"\chapter{One}" + PAPER),
    ],
)
def test_where_sections_are_counted_in_another_way_no_number_is_made_up(
    preamble: str, body: str, tmp_path: Path
):
    assert _printed(tmp_path, r"See \ref{sec:heads}.", preamble, body) == "See heads."


def test_an_appendix_may_count_its_figures_anew_and_those_before_keep_their_numbers(tmp_path: Path):
    body = PAPER + (
        r"\renewcommand{\thefigure}{S\arabic{figure}}"
        r"\begin{figure}\caption{Late.}\label{fig:late}\end{figure}"
    )

    assert _printed(tmp_path, r"\ref{fig:heads}, \ref{fig:late}", body=body) == "1, late"
