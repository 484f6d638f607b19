"""Acronyms that a LaTeX source names by a key read as they are printed."""

from pathlib import Path

import pytest

from ingest.readers import read
from kg.errors import DocumentError

GLOSSARIES = r"\newacronym[longplural=x]{sae}{SAE}{sparse autoencoder}" "\n"
ACRONYM = r"\acrodef{sae}[SAE]{sparse autoencoder}" "\n"
ACRO = r"\DeclareAcronym{sae}{short = SAE, long = {sparse autoencoder}, tag={x}}" "\n"


def _text(tmp_path: Path, body: str, preamble: str = "") -> str:
    path = tmp_path / "paper.tex"
    source = f"\\documentclass{{article}}\n{preamble}\\begin{{document}}\n{body}\n\\end{{document}}"
    path.write_text(source, encoding="utf-8")
    return read(path)[0].sections[0].text


@pytest.mark.parametrize(
    ("preamble", "command"),
    [(GLOSSARIES, "gls"), (ACRONYM, "ac"), (ACRO, "ac"), (GLOSSARIES, "ac")],
)
def test_the_long_form_is_printed_at_first_and_then_the_short_one(preamble, command, tmp_path):
    text = _text(
        tmp_path, rf"An \{command}{{sae}} is wide. The \{command}{{sae}} is sparse.", preamble
    )

    assert text == "An sparse autoencoder (SAE) is wide. The SAE is sparse."


@pytest.mark.parametrize(
    ("used", "printed"),
    [
        (r"\acrlong{sae}", "sparse autoencoder"),
        (r"\Acl{sae}", "Sparse autoencoder"),
        (r"\acs{sae}", "SAE"),
        (r"\acrfullpl{sae}", "sparse autoencoders (SAEs)"),
        (r"\Glspl{sae}", "Sparse autoencoders (SAEs)"),
        (r"\gls[hyper=false]{sae}", "sparse autoencoder (SAE)"),
    ],
)
def test_each_form_can_be_asked_for(used, printed, tmp_path):
    assert _text(tmp_path, f"We train {used} here.", GLOSSARIES) == f"We train {printed} here."


def test_a_term_is_printed_by_its_name_and_an_unknown_key_as_it_stands(tmp_path):
    preamble = r"\newglossaryentry{fea}{name={\emph{feature}}, description={A, or B}}" "\n"

    text = _text(tmp_path, r"A \gls{fea} is no \gls{neuron}, but \glspl{fea} are.", preamble)

    assert text == "A feature is no neuron, but features are."


def test_a_macro_of_the_document_stands_for_its_acronym(tmp_path):
    preamble = GLOSSARIES + r"\newcommand{\SAE}{\gls{sae}}" "\n"

    assert _text(tmp_path, r"Use \acs{sae} or \SAE{} here.", preamble) == (
        "Use SAE or sparse autoencoder (SAE) here."
    )


def test_definitions_in_the_body_print_nothing_and_hold_for_what_comes_before(tmp_path):
    body = r"We use \gls{sae} here." "\n" + GLOSSARIES + ACRO + r"They are wide."

    assert _text(tmp_path, body) == "We use sparse autoencoder (SAE) here. They are wide."


def test_a_macro_of_the_same_name_is_the_documents_own(tmp_path):
    preamble = r"\newcommand{\ac}[1]{activation #1}" "\n"

    assert _text(tmp_path, r"The \ac{patching} is late.", preamble) == (
        "The activation patching is late."
    )


@pytest.mark.parametrize(
    "preamble",
    [
        r"\newacronym{sae}{\acs{sae}}{sparse}",
        r"\newacronym{sae}{\acs{ae}\acs{ae}}{x}\newacronym{ae}{\acs{sae}\acs{sae}}{y}",
    ],
)
def test_entries_that_name_each_other_without_end_are_refused(preamble, tmp_path):
    with pytest.raises(DocumentError, match="expands without end"):
        _text(tmp_path, r"An \acs{sae} is wide.", f"{preamble}\n")


def test_a_definition_that_is_commented_out_is_none(tmp_path):
    assert _text(tmp_path, r"An \gls{sae} is wide.", f"% {GLOSSARIES}") == "An sae is wide."
