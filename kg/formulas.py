r"""Formulas in a sentence, and the sentence as it is printed: "p=0.1" for ``$p{=}0.1$``.

Readers of LaTeX, Markdown and web pages keep formulas between dollars as the author wrote them; a
PDF has the glyphs that are printed. So one sentence of a paper that is in twice looks like two.

A dollar opens a formula if something follows it at once, and closes one if something stands right
before it. Between "$5 and $10" there is none: the closing dollar is followed by a digit, and the
formula has no command (pandoc's rule for dollars, but "$\sim$30" is written so often that a command
is enough).

But: print has lost what is raised or lowered, and "n2" may be a square or an index.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from html import unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

_FORMULA = re.compile(
    r"(?<![\\$])\$(?![\s$])(?:([^$]*\\[A-Za-z%,;{}][^$]*?)|([^$]*?[^$\\\s]))(?<![\\\s])\$(?(2)(?!\d)|)"
)
_LONGEST = 500
_LOOKS = re.compile(
    r"[{}\s]|\\[,;:!]|\\(?:text|mathrm|mathit|mathbf|texttt|textit|textbf)(?![a-z])"
)
_KEY = re.compile(r"\[[A-Za-z][\w:.+/-]*(?:,\s*[A-Za-z][\w:.+/-]*)*\]")
_CITED = re.compile(rf"{_KEY.pattern}|\[\d{{1,3}}(?:[,–-]\s*\d{{1,3}})*\]")
_LOOKALIKES = str.maketrans("‘’“”´`‐‑‒–—−∼∆", "''\"\"''------~Δ")


def with_formulas(text: str, plain: Callable[[str], str], drawn: Callable[[str], str]) -> list[str]:
    """Return what is made of each stretch of a text, and of each formula without its dollars."""
    parts: list[str] = []
    at = 0
    for found in _FORMULA.finditer(text):
        parts += [plain(text[at : found.start()]), drawn(found[1] or found[2])]
        at = found.end()
    return [*parts, plain(text[at:])]


def mathml(formula: str) -> Element | None:
    """Return a formula in MathML; none if it cannot be drawn, or not in full."""
    if len(formula) > _LONGEST:
        return None
    try:
        drawn = convert_to_element(formula)
    except Exception:  # noqa: BLE001 - whatever it does not understand: the formula stays as written
        return None
    for element in drawn.iter():
        if "\\" in (element.text or ""):
            return None
        element.text = unescape(element.text) if element.text else None
    return drawn


@lru_cache(maxsize=8192)
def in_print(text: str) -> str:
    """Return a text with its formulas as they are printed, in one line."""
    return "".join(with_formulas(text, str, _printed)) if "$" in text else text


def are_one_sentence(a: str, b: str) -> bool:
    """Say whether two texts are the same sentence, set in another way.

    Space, the looks of quotes and dashes, and how citations are written make no difference.
    """
    are_keyed = _KEY.search(a) is not None or _KEY.search(b) is not None
    if _FORMULA.search(a) and _FORMULA.search(b):  # what is raised or lowered counts
        return _bare(_LOOKS.sub("", a), are_keyed) == _bare(_LOOKS.sub("", b), are_keyed)
    return _bare(in_print(a), are_keyed) == _bare(in_print(b), are_keyed)


def _printed(formula: str) -> str:
    drawn = mathml(formula)
    return f"${formula}$" if drawn is None else "".join(drawn.itertext())


def _bare(text: str, are_keyed: bool) -> str:
    cited = _CITED.sub("[]", text) if are_keyed else text
    return "".join(unicodedata.normalize("NFKC", cited).translate(_LOOKALIKES).split())
