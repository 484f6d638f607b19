"""What the LaTeX commands of papers do to the text around them, as tables."""

import re
import unicodedata


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SECTION_LEVELS = {"part": 1, "chapter": 1, "section": 1, "subsection": 2, "subsubsection": 3}
RUN_INS = _words("paragraph subparagraph")
MARKS = {"---": "—", "--": "–", "``": "“", "''": "”", "`": "‘", "'": "’", "~": " ", "&": " "}
"""Marks that TeX's fonts print as another character."""

SYMBOLS = {
    **{"ldots": "…", "dots": "…", "textellipsis": "…", "S": "§", "P": "¶", "copyright": "©"},
    **{"ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "aa": "å", "AA": "Å"},
    **{"l": "ł", "L": "Ł", "i": "ı", "j": "ȷ", "ss": "ß", "LaTeX": "LaTeX", "TeX": "TeX"},
    **{"textendash": "–", "textemdash": "—", "textasciitilde": "~", "textbackslash": "\\"},
    **{"textgreater": ">", "textless": "<", "textbar": "|", "textunderscore": "_"},
    **{"textquotedblleft": "“", "textquotedblright": "”", "textquoteright": "’"},
    **{"textquoteleft": "‘", "textquotesingle": "'", "texttimes": "×", "textdegree": "°"},
    **{"textpm": "±", "textmu": "µ", "slash": "/", "newline": " ", "quad": " ", "qquad": " "},
    **{"ie": "i.e.", "eg": "e.g.", "etal": "et al.", "cf": "cf.", "wrt": "w.r.t."},
}
"""Commands without arguments that print something; a document may define its own instead."""

ACCENTS = {
    **{"`": "\u0300", "'": "\u0301", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304"},
    **{".": "\u0307", "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "d": "\u0323"},
    **{"b": "\u0331", "r": "\u030a", "k": "\u0328"},
}
"""Accent commands, and the combining character of each."""

_DROPPED = {
    1: "label vspace hspace textcolor color href includegraphics bibliographystyle bibliography "
    "pagestyle thispagestyle usepackage hypersetup hyphenation index phantom vphantom hphantom "
    "todo marginpar graphicspath author title date thanks theoremstyle email affiliation "
    "institute address keywords icmltitle icmltitlerunning raisebox cline documentclass parbox "
    "colorbox icmlkeywords nocite lstinputlisting verbatiminput verbatimtabinput bibfield bibinfo "
    "addbibresource printbibliography VerbatimInput",
    2: "setcounter addtocounter setlength addtolength resizebox fontsize rule multicolumn "
    "newtheorem icmlauthor icmlaffiliation DeclareMathOperator inputminted",
    3: "definecolor",
}
N_DROPPED_ARGUMENTS = {name: n for n, names in _DROPPED.items() for name in names.split()}
"""Commands whose first arguments are not words of the text."""

DISPLAYED_FORMULAS = _words(
    "equation align alignat gather multline eqnarray displaymath flalign dmath"
)
DROPPED_ENVIRONMENTS = _words(
    "figure table wrapfigure wraptable subfigure longtable tabular tabularx tabulary tikzpicture "
    "algorithm algorithmic algorithm2e comment sidewaystable sidewaysfigure teaserfigure SCfigure"
)
"""Environments whose words are not running text; a star does not matter."""

VERBATIM = _words("verbatim lstlisting minted Verbatim alltt filecontents")
N_ENVIRONMENT_ARGUMENTS = {"minipage": 1, "multicols": 1, "adjustbox": 1}
CITES = re.compile(r"[cC]ite[a-zA-Z]*|(?:paren|text|auto|foot|smart)cites?")
REFERS = re.compile(r"(?:auto|[cC]|eq|page|name|v)?ref")
ASSIGNS = re.compile(r"\w*(?:sep|skip|indent|penalty|badness|tolerance|stretch)")
LENGTH = re.compile(r"\s*=?\s*-?\d*\.?\d+\s*(?:pt|em|ex|cm|mm|in|sp|bp|pc)?\b")
"""What may follow a command that sets a length or a penalty."""


_COMMENT = re.compile(r"(\\\\|\\%)|%[^\n]*")


def uncommented(source: str) -> str:
    """Return a source without its comments."""
    return _COMMENT.sub(lambda found: found[1] or "", source)


def accented(letter: str, accent: str) -> str:
    """Put a combining accent on a letter, which may be the dotless i or j."""
    bare = {"\\i": "i", "\\j": "j"}.get(letter.strip(), letter)
    return unicodedata.normalize("NFC", bare[:1] + accent) + bare[1:]
